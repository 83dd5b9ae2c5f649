"""Zero days: is a series active on a day, and what would its amounts be if it always were?

Many series are zero on some kinds of days: weekends, holidays, all days but pay day. Others have stopped. A model of
amounts cannot say that, and a logarithm cannot hold a zero. So a series is forecast in two parts:

1. `Activity.chance`: how likely anything flows on a day. It is the share of like days that were active, faded and
   held toward the share of all days. What makes days alike is chosen for each series by how well it would have told
   activity in advance (see `day_kinds`): nothing at all, work day or not, the weekday, alternate weeks, the position in
   the month, or the day of the month on which payments fall due.
2. `if_active`: the history with zeros replaced by amounts of like active days, from which models learn how much flows
   if anything does.

A day whose chance is below one half is forecast as 0. A series counts as stopped after a run of zeros that its
activity so far makes practically impossible and that is longer than its earlier runs; then every chance is 0. One that
began after zeros, or went on after such a stop, is judged by the days since.

Everything reads the history up to a cutoff only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecasting.scale.day_kinds import Kinds, divisions
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

if TYPE_CHECKING:
    from forecasting.calendar import Calendar

__all__ = ["Activity", "activity_of", "chances_told", "fill_from_like_days"]

LIKELY = 0.5
"""Chance of activity from which a day is forecast as active."""
HALF_LIFE = 60.0
"""Periods after which a day counts half in a share."""
FEWEST = 8.0
"""Like days that a half-life holds at least: the last few months of a pay day, not the last two."""
PRIOR = 1.0
"""Like days that the share of all days counts for."""
IMPROBABLE = 1e-3
"""Chance of a run of zeros, under the activity before it, below which the series counts as stopped."""
LONGER = 1.5
"""A stop must be this much longer than every earlier run, in active days that were expected of it."""
FEWEST_ZEROS = 4
"""Zeros that tell a kind of days; fewer are single days."""
SIMPLER = 1.0
"""Log score by which a finer division of days must be better than a coarser one."""
NEAR = 4
"""Like days on either side that an amount is filled from."""
NEAREST = 16
"""Days that stand in for like days."""


@dataclass(frozen=True)
class Activity:
    """When a series is active: `kinds` of days and the chance of each, ``[n_kinds]``."""

    kinds: Kinds
    chances: FloatArray
    stopped: bool

    def chance(self, ds: DateArray) -> FloatArray:
        """Chance that anything flows on each day, ``[len(ds)]``: that of the likeliest of its kinds."""
        if self.stopped or len(ds) == 0:
            return np.zeros(len(ds))
        return np.asarray(np.where(self.kinds(ds), self.chances, 0.0).max(axis=1))

    def is_active(self, ds: DateArray) -> BoolArray:
        """Whether each day is forecast as active, ``[len(ds)]``."""
        return np.asarray(self.chance(ds) >= LIKELY)


def activity_of(ds: DateArray, y: FloatArray, calendar: Calendar, shortest: int) -> Activity | None:
    """When a series is active; None where it never was zero, or not since it began or resumed.

    Parameters
    ----------
    ds, y
        Periods and amounts up to the cutoff, ``[n]``; NaN where an amount is unknown.
    shortest
        Periods, such as a week's: a shorter run of zeros is no stop, and a shorter time after one no new beginning.
    """
    known = ~np.isnan(y)
    days, active, paused = _since_it_resumed(ds[known], y[known] != 0, calendar, shortest)
    if active.all():
        return None
    kinds, told = _best_division(days, active, calendar)
    chances = _chances(kinds(days), active)[1]
    return Activity(kinds, chances, _has_stopped(kinds(days), active, told, shortest, paused))


def _since_it_resumed(
    days: DateArray, active: BoolArray, calendar: Calendar, shortest: int, paused: float = 0.0
) -> tuple[DateArray, BoolArray, float]:
    """The days since a series began, or went on after its longest stop: zeros before that tell nothing of now.

    `paused` is the longest such stop, in active days that were expected of it: a series may stop as long again.
    """
    first, last = _longest_run(~active)
    if last - first < shortest or len(days) - last < shortest:
        return days, active, paused
    if first > 0:
        kinds, told = _best_division(days[:last], active[:last], calendar)
        member = kinds(days[:last])
        if not _has_stopped(member, active[:last], told, shortest):
            return days, active, paused
        paused = max(paused, float(_expected(member, active[:last], first).sum()))
    return _since_it_resumed(days[last:], active[last:], calendar, shortest, paused)


def _longest_run(values: BoolArray) -> tuple[int, int]:
    """First position of the longest run of True, and the position behind it; the last one of several."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], values, [False]]).astype(np.int64)))
    if not len(edges):
        return 0, 0
    starts, ends = edges[::2], edges[1::2]
    longest = len(starts) - 1 - int(np.argmax((ends - starts)[::-1]))
    return int(starts[longest]), int(ends[longest])


def chances_told(ds: DateArray, y: FloatArray, calendar: Calendar, start: np.datetime64) -> FloatArray:
    """Chance of activity on each day as the days before it told it, ``[n]``, between 0.01 and 0.99.

    Parameters
    ----------
    ds, y
        Periods in order and their known amounts, ``[n]``.
    start
        What makes days alike, and how long they are remembered, is chosen by the days before this one.
    """
    active = y != 0
    before = ds < start
    kinds = _best_division(ds[before], active[before], calendar)[0] if before.any() else divisions(calendar)[0]
    return _chances(kinds(ds), active, n_before=int(before.sum()))[0]


def _best_division(ds: DateArray, active: BoolArray, calendar: Calendar) -> tuple[Kinds, FloatArray]:
    """The division of days that told activity best before it came, and the chances it gave ``[n]``."""
    best: tuple[float, Kinds, FloatArray] | None = None
    tried = divisions(calendar)
    for kinds in tried if len(active) - active.sum() >= FEWEST_ZEROS else tried[:1]:
        told, _ = _chances(kinds(ds), active)
        worth = float(np.log(np.where(active, told, 1.0 - told)).sum())
        if best is None or worth > best[0] + SIMPLER:
            best = (worth, kinds, told)
    assert best is not None
    return best[1], best[2]


def _chances(member: BoolArray, active: BoolArray, n_before: int = 0) -> tuple[FloatArray, FloatArray]:
    """Chance of every day as told by the days before it ``[n]``, and of every kind as told by all days ``[n_kinds]``.

    Parameters
    ----------
    member
        Kinds of each day, ``[n, n_kinds]``.
    n_before
        The first days, which say how often each kind comes; 0: all.
    """
    n = len(active)
    counted = member[: n_before or n]
    everyday = _faded(active, HALF_LIFE, np.full(n + 1, 0.5))
    told, final = np.zeros(n), np.full(member.shape[1], everyday[-1])
    for kind in np.flatnonzero(member.any(axis=0)):
        rows = np.flatnonzero(member[:, kind])
        half_life = max(FEWEST, HALF_LIFE * int(counted[:, kind].sum()) / len(counted))
        shares = _faded(active[rows], half_life, np.append(everyday[rows], everyday[-1]))
        told[rows] = np.maximum(told[rows], shares[:-1])
        final[kind] = shares[-1]
    return np.clip(told, 0.01, 0.99), final


def _faded(active: BoolArray, half_life: float, prior: FloatArray) -> FloatArray:
    """Faded share of active days before each of ``[n]`` days, and after all of them: ``[n + 1]``.

    `prior` ``[n + 1]`` counts as `PRIOR` days.
    """
    # S_k = sum over j < k of a_j 0.5^((k - j) / half-life), by one running sum.
    growth = np.exp2(np.arange(len(active) + 1) / half_life)
    hits, days = (np.concatenate([[0.0], np.cumsum(a * growth[:-1])]) for a in (active, np.ones(len(active))))
    return np.asarray((hits / growth + PRIOR * prior) / (days / growth + PRIOR))


def _has_stopped(member: BoolArray, active: BoolArray, told: FloatArray, shortest: int, paused: float = 0.0) -> bool:
    """Whether the zeros at the end are a stop; `paused` as in `_since_it_resumed`."""
    seen = np.flatnonzero(active)
    start = int(seen[-1]) + 1 if len(seen) else 0
    if start == len(active):
        return False
    if start == 0:
        return True
    expected = _expected(member, active, start)
    if len(expected) < shortest or np.log1p(-expected).sum() > np.log(IMPROBABLE):
        return False
    run = np.cumsum(active[:start])[~active[:start]]  # zeros of one run share the number of active days before them
    earlier = np.bincount(run, told[:start][~active[:start]])[1:] if len(run) else np.zeros(0)
    return float(expected.sum()) > LONGER * float(earlier.max(initial=paused))


def _expected(member: BoolArray, active: BoolArray, start: int) -> FloatArray:
    """Chance of each day from `start` on, by the activity before it: zeros of a run must not excuse the run."""
    chances = _chances(member[:start], active[:start])[1]
    return np.asarray(np.minimum(np.where(member[start:], chances, 0.0).max(axis=1), 0.99))


# -- amounts


def fill_from_like_days(y: FloatArray, gaps: BoolArray, season_length: int) -> FloatArray:
    """Amounts ``[n]`` with those of `gaps` ``[n]`` replaced by what like days near them say.

    Like days lie whole seasons away, up to `NEAR` on either side, and give their median. Where none of them is known,
    as on closed weekends, the nearest `NEAREST` known days give the mean of their middle half: a filled day is to tell
    models no more than that the level went on, so it takes much of the noise out. Unchanged where nothing is known.
    """
    known = ~gaps & ~np.isnan(y)
    if not gaps.any() or not known.any():
        return y
    filled = y.copy()
    places = np.flatnonzero(known)
    offsets = season_length * np.concatenate([np.arange(-NEAR, 0), np.arange(1, NEAR + 1)])
    for t in np.flatnonzero(gaps):
        alike = t + offsets
        alike = alike[(alike >= 0) & (alike < len(y))]
        alike = alike[known[alike]]
        filled[t] = np.median(y[alike]) if len(alike) else _mean_of_middle(y[_nearest(places, int(t))])
    return filled


def _nearest(places: IntArray, t: int) -> IntArray:
    """The `NEAREST` of sorted places that lie nearest to t."""
    at = int(np.searchsorted(places, t))
    around = places[max(at - NEAREST, 0) : at + NEAREST]
    return around[np.argsort(np.abs(around - t), kind="stable")[:NEAREST]]


def _mean_of_middle(values: FloatArray) -> float:
    cut = len(values) // 4
    return float(np.sort(values)[cut : len(values) - cut].mean())
