"""The page: every section's words and charts, in one file of HTML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ensembles.report.charts.chart import Chart
from ensembles.report.context import ReportContext
from ensembles.report.section import Section, sections
from ensembles.report.template import environment, filled

__all__ = ["render", "report_charts"]


@dataclass(frozen=True)
class _Part:
    """A section with what it shows of this run."""

    section: Section
    facts: Any
    charts: tuple[Chart, ...]

    @classmethod
    def of(cls, section: Section, context: ReportContext) -> _Part:
        facts = section.facts(context)
        return cls(section, facts, tuple(section.charts(facts)))


def report_charts(context: ReportContext) -> tuple[Chart, ...]:
    """Every chart of the report, for `image_files.chart_files`."""
    return tuple(chart for section in sections() for chart in _Part.of(section, context).charts)


def render(context: ReportContext) -> str:
    """The page as HTML, in one piece: it loads nothing from the network."""
    from ensembles.report.charts.bokeh_page import draw, script_of_library

    parts = [_Part.of(section, context) for section in sections()]
    script, places = draw([chart for part in parts for chart in part.charts])
    texts = [filled(part.section.template, facts=part.facts, shared=context.shared, places=places) for part in parts]
    page: str = (
        environment()
        .get_template("report.html.j2")
        .render(
            name=Path(context.results.run.config_name).stem,
            data=context.results.run.data,
            board=context.results.board,
            shared=context.shared,
            parts=[(part.section, text) for part, text in zip(parts, texts, strict=True) if text.strip()],
            script=script,
            library=script_of_library() if places else "",
        )
    )
    return page
