"""The page of an exploration, made with the templates, the charts and the section on data of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.material import Material
from ensembles.report.money import Money

__all__ = ["page_of"]


@dataclass(frozen=True)
class _Shared:
    """What the report's templates see of a run."""

    money: Money


def page_of(material: Material, found: Sequence[tuple[Subject, Fact]]) -> str:
    """HTML in one piece.

    Parameters
    ----------
    found
        The facts in the order of the page.
    """
    from ensembles.report.charts.bokeh_page import draw, script_of_library
    from ensembles.report.sections.quality import quality_facts_of
    from ensembles.report.template import environment, filled

    script, places = draw([fact.chart for _, fact in found if fact.chart is not None])
    left_out = {problem.series.unique_id: problem.reason for problem in material.loaded.problems}
    notes = (*material.said, *material.loaded.notes)
    quality = quality_facts_of(material.loaded.reading, notes, left_out, material.findings)
    page: str = (
        environment()
        .get_template("exploration.html.j2")
        .render(
            name=material.name,
            found=found,
            places=places,
            quality=filled("quality.j2", title="What the checks say", facts=quality, shared=_Shared(material.money)),
            script=script,
            library=script_of_library() if places else "",
        )
    )
    return page
