"""The pages, each in one file of HTML: the report, with all sections' words and charts, and the comparison of runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ensembles.report.charts.chart import Chart
from ensembles.report.context import ReportContext
from ensembles.report.section import Section, sections
from ensembles.report.template import environment, filled

if TYPE_CHECKING:
    from ensembles.evaluation.compare import Comparison

__all__ = ["render", "render_comparison", "report_charts"]


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


def render_comparison(found: Comparison) -> str:
    """The comparison of runs as a page of its own, without charts."""
    page: str = environment().get_template("compare.html.j2").render(found=found, first=found.runs[0])
    return page
