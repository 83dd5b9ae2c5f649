"""What a chart shows, apart from what draws it: the page (`bokeh_page`) or a file (`image_files`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Literal

import numpy as np

from forecasting.calendar import Calendar
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

__all__ = [
    "COLOURS",
    "GREY",
    "HEAT",
    "Area",
    "Axis",
    "Bars",
    "Chart",
    "Colour",
    "Dots",
    "Heat",
    "Key",
    "Layer",
    "Line",
    "Marks",
    "Ranges",
    "factor_text",
    "label_lines",
    "marks_of",
]

Colour = Literal["actual", "backtest", "forecast", "bad", "good", "second"]
Axis = Literal["day", "number", "name"]
X = DateArray | FloatArray | IntArray | Sequence[str]
DAY = np.timedelta64(1, "D")
LABEL_WIDTH, LABEL_LINES = 14, 2
COLOURS: dict[Colour, str] = {
    "actual": "#8a8f98",
    "backtest": "#d9861a",
    "forecast": "#2f7fd1",
    "bad": "#d64545",
    "good": "#2e9e6b",
    "second": "#9a6fd0",
}
"""They stand out on white and on black."""
GREY = "#757b86"
"""Of axes and small letters: as readable on white as on black."""
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
    """Bars of size y ``[n]``, NaN for none, from `base` ``[n]`` or from zero; `width` in units of x."""

    name: str
    x: X
    y: FloatArray
    colour: Colour
    width: float = 0.7
    base: FloatArray | None = None


@dataclass(frozen=True)
class Dots:
    """Single points, ``[n]``; `offset` moves them sideways by a share of a category, or by units of x."""

    name: str
    x: X
    y: FloatArray
    colour: Colour
    offset: float = 0.0


@dataclass(frozen=True)
class Ranges:
    """Upright lines from low to high, ``[n]``, such as intervals of dots with the same `offset`."""

    name: str
    x: X
    low: FloatArray
    high: FloatArray
    colour: Colour
    offset: float = 0.0


@dataclass(frozen=True)
class Heat:
    """Values ``[n_rows, n]`` as colours from `worst` to `best`, NaN blank; cells of `crossed` bear a cross."""

    rows: Sequence[str]
    values: FloatArray
    crossed: BoolArray
    worst: float
    best: float


Layer = Line | Area | Bars | Dots | Ranges | Heat


@dataclass(frozen=True)
class Marks:
    """Days to shade, as (first, last), and days with a label."""

    off: tuple[tuple[np.datetime64, np.datetime64], ...] = ()
    named: tuple[tuple[np.datetime64, str], ...] = ()


@dataclass(frozen=True)
class Key:
    """An entry of a legend; `kind` says how its sign looks: line, area, inner (an area within another), dot, bars."""

    name: str
    colour: str
    kind: str


@dataclass(frozen=True)
class Chart:
    """One chart. `key` names it in files; `title` says what it shows, `y_label` the unit. `x_ticks` and `y_range` are
    chosen from the data where they are not given. With `factors` y are powers of 2, and shown as what they are factors
    of: ×4, ÷2.
    """

    key: str
    title: str
    x_axis: Axis
    y_label: str
    layers: Sequence[Layer]
    marks: Marks = field(default_factory=Marks)
    x_label: str = ""
    height: int = 300
    x_ticks: tuple[float, ...] = ()
    y_range: tuple[float, float] | None = None
    factors: bool = False

    @property
    def legend(self) -> tuple[Key, ...]:
        """Every named layer once."""
        found: dict[str, Key] = {}
        for layer in self.layers:
            if not isinstance(layer, Heat) and layer.name and layer.name not in found:
                colour, kind = COLOURS[layer.colour], _KINDS[type(layer)]
                inner = kind == "area" and any(key.kind == "area" and key.colour == colour for key in found.values())
                found[layer.name] = Key(layer.name, colour, "inner" if inner else kind)
        return tuple(found.values())


_KINDS: dict[type, str] = {Line: "line", Area: "area", Bars: "bars", Dots: "dot", Ranges: "line"}


def factor_text(power: float) -> str:
    """As ``×4``, ``÷2``, ``×1.5``."""
    return f"{'×' if power >= 0 else '÷'}{2 ** abs(power):.3g}"


def label_lines(text: str) -> str:
    """The name of a day in short lines, which stand upright over it."""
    lines = wrap(text, LABEL_WIDTH)
    shown = lines[:LABEL_LINES]
    return "\n".join(shown) + ("…" if len(lines) > len(shown) else "")


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
