"""Calendar weeks and months of the days to come, over which amounts are summed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecasting.schema import DateArray

__all__ = ["UNITS", "Span", "Unit", "days_ahead", "spans_of"]

Unit = Literal["week", "month"]
UNITS: tuple[Unit, ...] = ("week", "month")
AHEAD = (7, 14)
"""Calendar days from the first one."""
MONDAY = np.datetime64("1969-12-29")


@dataclass(frozen=True)
class Span:
    """A week from Monday to Sunday, or a month: `start` and `end` the first and last of the days in it, `days` their
    places. The first and last span of a forecast may hold a part of theirs.
    """

    start: np.datetime64
    end: np.datetime64
    days: slice


def spans_of(ds: DateArray, unit: Unit) -> tuple[Span, ...]:
    """The weeks or months of days ``[n]`` in order; none where each would hold one day alone, as of weekly data."""
    number = (ds - MONDAY).astype(np.int64) // 7 if unit == "week" else ds.astype("datetime64[M]").astype(np.int64)
    starts = np.flatnonzero(np.diff(number, prepend=number[:1] - 1))
    stops = np.append(starts[1:], len(ds))
    if len(starts) == len(ds):
        return ()
    return tuple(Span(ds[a], ds[b - 1], slice(int(a), int(b))) for a, b in zip(starts, stops, strict=True))


def days_ahead(ds: DateArray) -> tuple[Span, ...]:
    """The periods of the first 7 days of `ds` ``[n]``, those of the first 14, and all; each of them once."""
    stops = [int(np.searchsorted(ds, ds[0] + days)) for days in AHEAD if ds[0] + days <= ds[-1] + 1]
    return tuple(Span(ds[0], ds[stop - 1], slice(0, stop)) for stop in dict.fromkeys([*stops, len(ds)]))
