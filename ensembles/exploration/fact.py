"""A fact: one sentence that says what to see, the numbers behind it, and a picture if there is something to see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from forecasting.registry import found_in

if TYPE_CHECKING:
    from ensembles.exploration.material import Material
    from ensembles.report.charts.chart import Chart

__all__ = ["Fact", "Subject", "subjects"]


@dataclass(frozen=True)
class Fact:
    """What is known of a subject. `numbers` are those of the sentence and the picture, as JSON has them: null where
    something is not known.
    """

    sentence: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    chart: Chart | None = None


@dataclass(frozen=True)
class Subject:
    """Something to look at.

    Parameters
    ----------
    id
        Its anchor on the page, and its id in JSON.
    title
        Its heading.
    place
        Subjects stand in the order of their places.
    fact
        What the data show of it; None where data of this kind have nothing to say on it.
    """

    id: str
    title: str
    place: int
    fact: Callable[[Material], Fact | None]


def subjects() -> tuple[Subject, ...]:
    """All subjects in the order of the page."""
    found = found_in("ensembles.exploration.subjects", _is_subject)
    return tuple(sorted(found, key=lambda subject: subject.place))


def _is_subject(value: Any) -> bool:
    return isinstance(value, Subject)
