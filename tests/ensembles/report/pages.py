"""Pages and single sections of a report, read as text."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from html.parser import HTMLParser
from typing import Any

from ensembles.report.context import ReportContext
from ensembles.report.page import render
from ensembles.report.section import Section
from ensembles.report.template import filled
from tests.ensembles.runs import failed_run, small_run


class Page(HTMLParser):
    """Ids, addresses asked for, and text outside scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in ("src", "href", "action", "data"):
                self.addresses.append(str(value))

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] not in (["script"], ["style"]):
            self.text += data


@cache
def small_context(**options: Any) -> ReportContext:
    return ReportContext.of(small_run(**options))


@cache
def small_page() -> str:
    return render(small_context())


@cache
def failed_context() -> ReportContext:
    return ReportContext.of(failed_run())


def shown(section: Section, context: ReportContext) -> Page:
    """A section alone, with empty places for its charts."""
    facts = section.facts(context)
    return Page(str(filled(section.template, facts=facts, shared=context.shared, places=defaultdict(str))))
