"""Ways to divide days into kinds by what is known of them in advance: which days could be alike in being active.

A payment has a rule: on work days, on Fridays, on the 25th or the work day before it, on the last work day of the
month, on the third Wednesday, every second week. Each division here stands for one family of such rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from forecasting.schema import BoolArray, DateArray, IntArray

if TYPE_CHECKING:
    from forecasting.calendar import Calendar

__all__ = ["Kinds", "divisions"]

Kinds = Callable[[DateArray], BoolArray]
"""Days ``[n]`` → the kinds that each is of, ``[n, n_kinds]``; every day is of one kind at least."""

WEEKDAYS = 7
MONTH = 31
EDGE = 5
"""Work days at either end of a month that are told apart by their position."""
MARGIN = 40
"""Days around the days asked for: whole months, and days among which payments may move."""


def divisions(calendar: Calendar) -> Sequence[Kinds]:
    """Every division, coarsest first. What they say of the same days is kept: all series of a panel ask alike."""
    return [partial(_kept, calendar, place) for place in range(len(_divisions(calendar)))]


def _kept(calendar: Calendar, place: int, ds: DateArray) -> BoolArray:
    return _kinds_of(calendar, place, ds.astype("datetime64[D]").tobytes())


@lru_cache(maxsize=512)
def _kinds_of(calendar: Calendar, place: int, days: bytes) -> BoolArray:
    return _divisions(calendar)[place](np.frombuffer(days, dtype="datetime64[D]"))


def _divisions(calendar: Calendar) -> Sequence[Kinds]:
    return (
        lambda ds: np.ones((len(ds), 1), dtype=bool),
        lambda ds: _work(calendar, ds),
        lambda ds: _weekday(ds),
        lambda ds: _both(_weekday(ds), _work(calendar, ds)),
        lambda ds: _both(_weekday(ds), _week_of(ds, 2)),
        lambda ds: _both(_weekday(ds), _week_of(ds, 4)),
        lambda ds: _both(_weekday(ds), _occurrence(ds, from_end=False)),
        lambda ds: _both(_weekday(ds), _occurrence(ds, from_end=True)),
        lambda ds: _positions(calendar, ds, forward=False),
        lambda ds: _positions(calendar, ds, forward=True),
        lambda ds: _due_days(calendar, ds, forward=False),
        lambda ds: _due_days(calendar, ds, forward=True),
        lambda ds: _due_days(calendar, ds, forward=False, lacking=False),
    )


def _both(one: BoolArray, other: BoolArray) -> BoolArray:
    """Pairs of kinds, ``[n, n_one * n_other]``."""
    return (one[:, :, None] & other[:, None, :]).reshape(len(one), -1)


def _one_hot(index: IntArray, n: int) -> BoolArray:
    return np.asarray(np.eye(n, dtype=bool)[index])


def _work(calendar: Calendar, ds: DateArray) -> BoolArray:
    """Work day, usual day off, public holiday: ``[n, 3]``."""
    facts = calendar.days(ds)
    holiday = ~facts.workday & (np.array(facts.holiday) != "")
    return np.stack([facts.workday, ~facts.workday & ~holiday, holiday], axis=1)


def _weekday(ds: DateArray) -> BoolArray:
    """``[n, 7]``; 1970-01-01 was a Thursday."""
    return _one_hot((ds.astype(np.int64) + 3) % WEEKDAYS, WEEKDAYS)


def _week_of(ds: DateArray, cycle: int) -> BoolArray:
    """Which week of a cycle of so many, ``[n, cycle]``."""
    return _one_hot((ds.astype(np.int64) + 3) // WEEKDAYS % cycle, cycle)


def _occurrence(ds: DateArray, *, from_end: bool) -> BoolArray:
    """Which of its weekday in the month, counted from the first or the last: ``[n, 5]``."""
    month = ds.astype("datetime64[M]")
    edge = ((month + 1).astype("datetime64[D]") - 1) if from_end else month.astype("datetime64[D]")
    return _one_hot(np.abs((ds - edge).astype(np.int64)) // WEEKDAYS, 5)


def _positions(calendar: Calendar, ds: DateArray, *, forward: bool) -> BoolArray:
    """Due days as in `_due_days`, but the first and the last work days of a month by their position: ``[n, 43]``."""
    due = _due_days(calendar, ds, forward=forward)
    due[:, :EDGE] = due[:, MONTH - EDGE : MONTH] = False
    kinds = np.hstack([due, *(place[:, None] == np.arange(EDGE) for place in _work_days(calendar, ds))])
    return np.hstack([kinds, ~kinds.any(axis=1, keepdims=True)])


def _work_days(calendar: Calendar, ds: DateArray) -> tuple[IntArray, IntArray]:
    """Position of each day among the work days of its month, from the first and from the last; -1 on days off."""
    first, last = (edge.astype("datetime64[M]") for edge in (ds.min(), ds.max()))
    span = np.arange(first.astype("datetime64[D]"), (last + 1).astype("datetime64[D]"))
    workday = calendar.days(span).workday
    month = (span.astype("datetime64[M]") - first).astype(np.int64)
    so_far = np.cumsum(workday)
    before = np.concatenate([[0], so_far])[np.searchsorted(month, np.arange(month[-1] + 2))]
    from_start = so_far - 1 - before[month]
    from_end = before[month + 1] - so_far
    at = (ds - span[0]).astype(np.int64)
    return np.where(workday, from_start, -1)[at], np.where(workday, from_end, -1)[at]


def _due_days(calendar: Calendar, ds: DateArray, *, forward: bool, lacking: bool = True) -> BoolArray:
    """Days of the month whose payments each day carries, and whether it is a day off: ``[n, 32]``.

    A payment due on a day off is made on the last work day before it, or (`forward`) on the first one behind it; one
    due on a day that the month lacks, on the month's last day (`lacking`) or not at all.
    """
    span = np.arange(ds.min() - MARGIN, ds.max() + MARGIN + 1)
    facts = calendar.days(span)
    works = np.flatnonzero(facts.workday)
    side = np.searchsorted(works, np.arange(len(span)), side="left" if forward else "right") - (not forward)
    carrier = works[np.clip(side, 0, len(works) - 1)]
    carried = np.zeros((len(span), MONTH + 1), dtype=bool)
    carried[carrier, facts.day - 1] = True
    for extra in range(1, 4) if lacking else ():
        last = np.flatnonzero((facts.days_left == 0) & (facts.day + extra <= MONTH))
        carried[carrier[last], facts.day[last] + extra - 1] = True
    carried[~facts.workday] = False
    carried[~facts.workday, MONTH] = True
    return np.asarray(carried[(ds - span[0]).astype(np.int64)])
