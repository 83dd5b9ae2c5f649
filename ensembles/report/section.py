"""A part of the report: what it says, its charts, and its place on the page.

Every module of `ROOMS` that defines a `Section` adds it to the report. Its template stands beside
the module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from forecasting.registry import found_in

if TYPE_CHECKING:
    from ensembles.report.charts.chart import Chart
    from ensembles.report.context import ReportContext

__all__ = ["Section", "sections"]

ROOMS = ("ensembles.report.sections", "ensembles.report.sections.treasurer")


def no_charts(_: Any) -> Iterable[Chart]:
    """A section in words and tables alone."""
    return ()


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Parameters
    ----------
    id
        Its anchor on the page.
    title
        Its entry in the navigation. A section without one stands above the navigation.
    place
        Sections stand in the order of their places.
    template
        File name of its template, which sees what `facts` gives as ``facts``, and ``shared``. A section whose
        template gives no text is left out.
    facts
        What it says, as a frozen object.
    charts
        The charts of these facts, in the order of the page.
    page
        The treasurer's, which opens, or the modeller's, which is a click away.
    """

    id: str
    title: str
    place: int
    template: str
    facts: Callable[[ReportContext], Any]
    charts: Callable[[Any], Iterable[Chart]] = no_charts
    page: Literal["treasurer", "modeller"] = "modeller"


def sections() -> tuple[Section, ...]:
    """All sections in the order of the page."""
    found = [section for room in ROOMS for section in found_in(room, _is_section)]
    return tuple(sorted(found, key=lambda section: (section.place, section.id)))


def _is_section(value: Any) -> bool:
    return isinstance(value, Section)
