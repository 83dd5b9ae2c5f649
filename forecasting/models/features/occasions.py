"""What lies around a day in the year: holidays before, after and on it, by name, and the time of year.

These are columns for models that see many series, or many years: one series seldom shows enough of any holiday.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from forecasting.calendar import Calendar, spanned_years
from forecasting.schema import BoolArray, DateArray, FloatArray

__all__ = ["KNOTS", "PER_NAME", "around_the_day", "holiday_names", "occasion_columns"]

AROUND = 3
"""Days before and after a holiday that have a column of their own."""
INSIDE = 3
"""Days of a long holiday told apart from its first; the last has a further column."""
PER_NAME = 2 * AROUND + INSIDE + 1
KNOTS = 52
"""Of the yearly shape, a week apart."""
FAR = 15
"""Days to the next or since the last holiday, at most."""


def around_the_day(calendar: Calendar, ds: DateArray) -> FloatArray:
    """Days to the next and since the last public holiday, and the position in the year (0 to 1), ``[len(ds), 3]``."""
    first, last = spanned_years(ds)
    start = np.datetime64(f"{first:04}-01-01", "D")
    return np.asarray(_around_days_of_years(calendar, first, last)[(ds - start).astype(np.int64)])


@lru_cache(maxsize=64)
def _around_days_of_years(calendar: Calendar, first: int, last: int) -> FloatArray:
    start, stop = (np.datetime64(f"{year:04}-01-01", "D") for year in (first, last + 1))
    span = np.arange(start - FAR, stop + FAR)
    holidays = span[[bool(name) for name in calendar.days(span).holiday]]
    edges = np.concatenate([[span[0] - FAR], holidays, [span[-1] + FAR]])
    after = np.searchsorted(edges, span)  # the first that is not before the day
    before = np.searchsorted(edges, span, side="right") - 1
    apart = np.stack([edges[after] - span, span - edges[before]], axis=1).astype(np.int64)
    return np.hstack([np.minimum(apart, FAR), _year_position(span)[:, None]])[FAR:-FAR]


def _year_position(ds: DateArray) -> FloatArray:
    year = ds.astype("datetime64[Y]")
    begin, end = year.astype("datetime64[D]"), (year + 1).astype("datetime64[D]")
    return np.asarray((ds - begin).astype(np.int64) / (end - begin).astype(np.int64))


def holiday_names(calendar: Calendar, ds: DateArray) -> tuple[str, ...]:
    return tuple(sorted({_plain(name) for name in calendar.days(ds).holiday if name}))


def _plain(name: str) -> str:
    """A holiday's name without a remark in brackets, such as (observed)."""
    return name.split(" (")[0]


def occasion_columns(calendar: Calendar, ds: DateArray, names: tuple[str, ...]) -> FloatArray:
    """Occasions, then the year, ``[len(ds), (1 + n_names) * PER_NAME + KNOTS]``."""
    first, last = spanned_years(ds)
    start = np.datetime64(f"{first:04}-01-01", "D")
    return np.asarray(_columns_of_years(calendar, first, last, names)[(ds - start).astype(np.int64)])


@lru_cache(maxsize=64)
def _columns_of_years(calendar: Calendar, first: int, last: int, names: tuple[str, ...]) -> FloatArray:
    """`occasion_columns` of every day of whole years, kept: all series of a panel ask for them."""
    start, stop = (np.datetime64(f"{year:04}-01-01", "D") for year in (first, last + 1))
    span = np.arange(start - 2 * AROUND, stop + 2 * AROUND)
    holiday = np.array([_plain(name) for name in calendar.days(span).holiday])
    masks = [holiday != "", *(holiday == name for name in names)]
    occasions = np.hstack([_positions(mask) for mask in masks])
    return np.hstack([occasions, _year(span)])[2 * AROUND : -2 * AROUND]


def _positions(mask: BoolArray) -> FloatArray:
    """Where days lie around and inside the runs of `mask` ``[n]``: ``[n, PER_NAME]``."""
    n = len(mask)
    found = np.zeros((n, PER_NAME))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int64)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        for k in range(1, AROUND + 1):
            for place, column in ((start - k, k - 1), (stop - 1 + k, AROUND + k - 1)):
                if 0 <= place < n and not mask[place]:
                    found[place, column] = 1.0
        found[np.arange(start, stop), 2 * AROUND + np.minimum(np.arange(stop - start), INSIDE - 1)] = 1.0
        found[stop - 1, -1] = float(stop - start > 1)
    return found


def _year(ds: DateArray) -> FloatArray:
    """Hats of `KNOTS` knots around the year, ``[len(ds), KNOTS]``."""
    apart = np.abs(_year_position(ds)[:, None] * KNOTS - np.arange(KNOTS))
    return np.asarray(np.maximum(0.0, 1.0 - np.minimum(apart, KNOTS - apart)))
