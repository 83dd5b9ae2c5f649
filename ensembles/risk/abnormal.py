r"""How abnormal a day is: its severity, by the band where something flowed and by chance where nothing did.

- An amount on a day that was forecast as active: the probability of an error at least as large. At the edges of the
  bands it is known; between and beyond the two widest, the size of an error grows with a power of the logarithm of its
  rarity (a Weibull tail), which holds for normal errors and for heavier ones. With one band, errors count as normal.
- A day without any flow has no ratio to its forecast. It is judged by how likely that was, given the days before it:
  one less the chance of activity. A run of such days is one event, whose probability is the product.
- An amount on a day that was forecast as idle has the chance of activity as its probability.

A probability p has the severity :math:`(\log p / \log 5\%)^{0.57}` beside a 95% band: 1 on its edge, and from there it
grows with the size of an error, a little slower. So all kinds are on one scale, and none is infinite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ensembles.files.table import rows_by_name
from forecasting.calendar import Calendar
from forecasting.scale.activity import chances_told
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

if TYPE_CHECKING:
    from ensembles.files.history_parquet import HistoryFile

__all__ = ["JudgedDays", "chances_of_activity", "judge_days", "rarity"]

MOST = 100.0
"""Largest severity, of any error where the band has no width."""
GROWTH = 0.57
"""Power of the rarity that is a severity. At 0.5 a severity is the size of an error far out in a normal tail, and 0.68
is its size near the edge; chosen by simulated spikes and drains (see README.md).
"""
NORMAL, LIGHTEST, HEAVIEST = 0.68, 0.5, 2.0
"""How the size of an error grows with the logarithm of its rarity: about that of normal errors, and the limits."""


@dataclass(frozen=True)
class JudgedDays:
    """`severity` of each day ``[n]``, of a run of days without flow at each day that of the run; `inside` by level
    whether the day was, ``[n]``; `n_days` ``[n]`` of the alert that begins there, 0 where none does; `by_chance`
    ``[n]`` whether the day had no ratio to its forecast, so that the chance of activity judged it.
    """

    severity: FloatArray
    inside: Mapping[int, BoolArray]
    n_days: IntArray
    by_chance: BoolArray


def judge_days(
    unique_id: NDArray[np.object_],
    y: FloatArray,
    median: FloatArray,
    bands: Mapping[int, tuple[FloatArray, FloatArray]],
    chance: FloatArray,
) -> JudgedDays:
    """Judge days, ``[n]`` each, those of a series one after the other in their order.

    Parameters
    ----------
    bands
        Lower and upper ends by level, widest first.
    chance
        Of activity.
    """
    zero, (widest, *_) = y == 0, bands
    runs = _Runs.of(unique_id, zero)
    by_chance = zero | (median == 0)
    told = np.where(zero, runs.along(np.log1p(-chance)), np.log(chance))
    log_p = np.where(by_chance, np.minimum(told, 0.0), _tail(y, median, bands))
    severity = np.minimum((log_p / np.log1p(-widest / 100)) ** GROWTH, MOST)
    inside = {
        level: np.where(by_chance, told >= np.log1p(-level / 100), (low <= y) & (y <= high))
        for level, (low, high) in bands.items()
    }
    outside = ~inside[widest]
    goes_on = np.append(False, zero[1:] & (runs.place[1:] == runs.place[:-1]) & outside[:-1])
    n_days = np.where(outside & ~goes_on, np.where(zero, runs.length, 1), 0)
    return JudgedDays(np.where(zero, severity[runs.last], severity), inside, n_days, by_chance)


def rarity(severity: float) -> float:
    """Logarithm of the probability that a severity stands for, over that of the edge of the widest band."""
    return float(severity ** (1.0 / GROWTH))


def _tail(y: FloatArray, median: FloatArray, bands: Mapping[int, tuple[FloatArray, FloatArray]]) -> FloatArray:
    """Log probability of an error at least as large, ``[n]``: exact at the edges of the two widest bands, and between
    and beyond them as the tail of a Weibull distribution.
    """
    widest, *others = bands
    edge = np.log1p(-widest / 100)
    size = _half_widths(y, median, *bands[widest])
    heaviness = np.full(len(y), NORMAL)
    if others:
        with np.errstate(divide="ignore", invalid="ignore"):
            wider = np.log(_half_widths(y, median, *bands[others[0]]) / size)
        found = wider / np.log(edge / np.log1p(-others[0] / 100))
        heaviness = np.clip(np.where(np.isnan(found), NORMAL, found), LIGHTEST, HEAVIEST)
    with np.errstate(over="ignore"):
        return np.asarray(edge * size ** (1.0 / heaviness))


@dataclass(frozen=True)
class _Runs:
    """Runs of days of a series with flow, or without: `place` ``[n]`` the run of each day, `first` ``[n_runs]`` where
    each begins.
    """

    place: IntArray
    first: IntArray

    @classmethod
    def of(cls, unique_id: NDArray[np.object_], zero: BoolArray) -> _Runs:
        begins = np.append(True, (unique_id[1:] != unique_id[:-1]) | (zero[1:] != zero[:-1]))
        return cls(np.cumsum(begins) - 1, np.flatnonzero(begins))

    @property
    def last(self) -> IntArray:
        """The last day of each day's run, ``[n]``."""
        return np.asarray(np.append(self.first[1:], len(self.place))[self.place] - 1)

    @property
    def length(self) -> IntArray:
        """Days of each day's run, ``[n]``."""
        return np.asarray(self.last - self.first[self.place] + 1)

    def along(self, values: FloatArray) -> FloatArray:
        """Sum of the values ``[n]`` of each run up to each of its days."""
        total = np.cumsum(values)
        before = np.append(0.0, total)[self.first]
        return np.asarray(total - before[self.place])


def _half_widths(y: FloatArray, median: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Errors in half widths of a band, ``[n]``; in logs unless an amount is negative."""
    signed = np.minimum(np.minimum(y, median), low) < 0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(np.log(y / median)) / np.log(high / median)
        difference = np.abs(y - median) / np.where(y > median, high - median, median - low)
    found = np.where(signed, difference, ratio)
    return np.where(y == median, 0.0, np.where(np.isnan(found), np.inf, found))


def chances_of_activity(
    unique_id: NDArray[np.object_], ds: DateArray, y: FloatArray, calendar: Calendar, history: HistoryFile | None
) -> FloatArray:
    """Chance of activity on days ``[n]`` with actual values `y`, as the days before each told it.

    Parameters
    ----------
    history
        Earlier actual values, and perhaps those of the same days.
    """
    chance = np.empty(len(y))
    past = {} if history is None else rows_by_name(history.unique_id)
    for uid, mine in rows_by_name(unique_id).items():
        rows = past.get(uid, np.zeros(0, dtype=np.int64))
        days, values = (history.ds[rows], history.y[rows]) if history is not None else (ds[:0], y[:0])
        earlier = ~np.isin(days, ds[mine])
        days = np.concatenate([days[earlier], ds[mine]])
        order = np.argsort(days, kind="stable")
        told = chances_told(days[order], np.concatenate([values[earlier], y[mine]])[order], calendar, ds[mine].min())
        chance[mine] = told[np.searchsorted(days[order], ds[mine])]
    return chance
