"""What a picture shows, apart from what draws it: the page (`on_page`) or a file (`on_paper`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from forecasting.calendar import Calendar
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

__all__ = [
    "COLOURS",
    "HEAT",
    "Area",
    "Axis",
    "Bars",
    "Chart",
    "Colour",
    "Dots",
    "Heat",
    "Layer",
    "Line",
    "Marks",
    "marks_of",
]

Colour = Literal["actual", "honest", "ahead", "bad", "good", "second"]
Axis = Literal["day", "number", "name"]
X = DateArray | FloatArray | IntArray | Sequence[str]
DAY = np.timedelta64(1, "D")
COLOURS: dict[Colour, str] = {
    "actual": "#8a8f98",
    "honest": "#d9861a",
    "ahead": "#2f7fd1",
    "bad": "#d64545",
    "good": "#2e9e6b",
    "second": "#9a6fd0",
}
"""They stand out on white and on black."""
HEAT = ("#c8504a", "#d9764f", "#e39b5c", "#e6c07a", "#c3c983", "#93bd86", "#5fae8b", "#2e9e8f")
"""From worst to best; differs in lightness too."""


@dataclass(frozen=True)
class Line:
    """Points joined, ``[n]``."""

    name: str
    x: X
    y: FloatArray
    colour: Colour
    width: float = 1.5
    dashed: bool = False


@dataclass(frozen=True)
class Area:
    """What lies between two lines, ``[n]``."""

    name: str
    x: X
    low: FloatArray
    high: FloatArray
    colour: Colour


@dataclass(frozen=True)
class Bars:
    """Bars from zero, ``[n]``; `width` in units of x."""

    name: str
    x: X
    y: FloatArray
    colour: Colour
    width: float = 0.7


@dataclass(frozen=True)
class Dots:
    """Single points, ``[n]``."""

    name: str
    x: X
    y: FloatArray
    colour: Colour


@dataclass(frozen=True)
class Heat:
    """Values ``[n_rows, n]`` as colours from `worst` to `best`, NaN blank; cells of `crossed` bear a cross."""

    rows: Sequence[str]
    values: FloatArray
    crossed: BoolArray
    worst: float
    best: float


Layer = Line | Area | Bars | Dots | Heat


@dataclass(frozen=True)
class Marks:
    """Days to shade, as (first, last), and days with a label."""

    off: tuple[tuple[np.datetime64, np.datetime64], ...] = ()
    named: tuple[tuple[np.datetime64, str], ...] = ()


@dataclass(frozen=True)
class Chart:
    """One picture. `key` names it in files; `title` says what it shows, `y_label` the unit; `y_scale` divides
    amounts beforehand, so that axes stay readable.
    """

    key: str
    title: str
    x_axis: Axis
    y_label: str
    layers: Sequence[Layer]
    marks: Marks = field(default_factory=Marks)
    x_label: str = ""
    height: int = 300

    @property
    def legend(self) -> tuple[tuple[str, str, bool], ...]:
        """(name, colour, is it an area) of every named layer, once."""
        named = [layer for layer in self.layers if not isinstance(layer, Heat) and layer.name]
        return tuple(dict.fromkeys((n.name, COLOURS[n.colour], isinstance(n, Area)) for n in named))


def marks_of(calendar: Calendar, ds: DateArray) -> Marks:
    """Days off, and by name the first holiday of every run of them, shifted work days and events, from first to last
    of `ds`.
    """
    if len(ds) == 0:
        return Marks()
    days = calendar.days(np.arange(ds.min(), ds.max() + DAY))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ~days.workday, [False]]).astype(int)))
    runs = list(zip(edges[::2], edges[1::2], strict=True))
    words = [
        ", ".join(word for word in ("works" * bool(s), e) if word)
        for s, e in zip(days.shifted, days.event, strict=True)
    ]
    for start, stop in runs:
        holiday = next((i for i in range(start, stop) if days.holiday[i]), None)
        if holiday is not None:
            words[holiday] = ", ".join(word for word in (days.holiday[holiday], words[holiday]) if word)
    off = tuple((days.ds[start], days.ds[stop - 1]) for start, stop in runs)
    return Marks(off, tuple((day, text) for day, text in zip(days.ds, words, strict=True) if text))
