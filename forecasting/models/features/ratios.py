"""A series as log ratios to its own level, as of each of its days: the input of models that learn across series.

    log ratio of day t, as of the origin T = log y_t − level_T(type of t)

The level is the median of the last `level_days` days of the same type, work day or day off, known at the origin. Ratios
do not depend on a series' size, so that models can learn from all series together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecasting.errors import TrialError
from forecasting.models.features.calendar_effects import calendar_columns, safe_log
from forecasting.models.features.lengths import require
from forecasting.panel import History
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["Ratios", "age_of", "first_origin", "past_ratios", "stride_for", "teachers_of"]

MIN_DAYS = 14
"""Fewest days that make a level."""
FIRST_ORIGIN = 42
"""Days before a series' first training origin."""
MEANS = (1, 3, 7, 14, 28, 56)
"""Days of the recent averages."""
WEEKS = range(4)
"""Known days of the target day's weekday, newest first."""
PAST_MEANS = (1, 3, 7)
PAST_LEVEL = 56
"""Days that make the level of a past covariate."""
MAX_ROWS = 200_000
"""Training rows, one per origin and day ahead; of a larger panel every second (third, …) origin is used."""
LIKE_WEEKS = 12
"""Known days of the target day's weekday that make its usual departure; the last eight of them a recent one."""
SLOW = (112, 224)
"""Days of the slow averages."""
WEEKS_A_YEAR = 52


class Ratios:
    """One history; positions count from its first period and may go `ahead` beyond its last (`ds`, if given).

    `log_y` ``[n]``; `works` ``[n + ahead]`` whether a day is a work day; `calendar` ``[n + ahead, n_effects]``.
    What is asked of a few origins is computed for these alone.

    Raises
    ------
    TrialError
        When the history is too short to have a level.
    """

    def __init__(self, history: History, level_days: int, ahead: int, ds: DateArray | None = None) -> None:
        require(history, MIN_DAYS)
        span = history.span(ahead, ds)
        self._axis, self.span = history.axis, span
        self.log_y = safe_log(history.y)
        self.works: BoolArray = history.calendar.days(span).workday
        works = self.works[: len(self.log_y)]
        self._levels, self._slow = (_type_levels(self.log_y, works, days) for days in (level_days, 3 * level_days))
        self.calendar = calendar_columns(history.calendar, span)

    def level(self, origin: IntArray, day: IntArray) -> FloatArray:
        """Log level ``[n_rows]`` of the day's type, as known at the origin."""
        return np.asarray(self._levels[origin, self.works[day].astype(np.int64)])

    def departure(self, origin: IntArray, day: IntArray) -> FloatArray:
        """Log ratio of a known day to its type's level as of the origin; NaN before the first day."""
        inside = np.maximum(day, 0)
        return np.where(day < 0, np.nan, self.log_y[inside] - self.level(origin, inside))

    def weeks(self, origin: IntArray, step: IntArray) -> FloatArray:
        """Departures ``[n_rows, 4]`` of the last known days whole seasons before that `step` after the origin."""
        season = self._axis.season_length
        known = origin + step - season * -(-step // season)
        return np.stack([self.departure(origin, known - season * week) for week in WEEKS], axis=1)

    def usual(self, origin: IntArray, step: IntArray) -> FloatArray:
        """What the days of its weekday usually were, and what the level was for long, ``[n_rows, 5]``.

        Mean and median departure of the last eight known days whole seasons before a day `step` after the origin, mean
        of the last twelve, and slow averages against the level of the day.
        """
        season, level = self._axis.season_length, self.level(origin, origin + step)
        known = origin + step - season * -(-step // season)
        places = known[:, None] - season * np.arange(LIKE_WEEKS)
        like = np.where(places < 0, np.nan, self.log_y[np.maximum(places, 0)]) - level[:, None]
        like[:, 0] = np.where(np.isnan(like[:, 0]), 0.0, like[:, 0])  # none is known: the level itself
        slow = np.stack([_mean_at(self.log_y, self._axis.worth(days), origin) for days in SLOW], axis=1)
        averages = (np.nanmean(like[:, :8], axis=1), _medians(like[:, :8]), np.nanmean(like, axis=1))
        return np.hstack([np.stack(averages, axis=1), slow - level[:, None]])

    def last_year(self, origin: IntArray, step: IntArray) -> FloatArray:
        """What followed a year before the origin, ``[n_rows, 2]``; NaN where that is not known.

        The season around the day a year before against the level then, and the very day against the level around it.
        """
        season, month = self._axis.season_length, self._axis.worth(28)
        year, around = (season, 1) if self._axis.freq == "W" else (WEEKS_A_YEAR * season, season)
        then, day = origin - year, origin + step - year
        end = day + around // 2
        seen = (then >= month) & (end <= origin)
        last = len(self.log_y) - 1
        inside = np.clip(day, 0, last)
        week = _mean_at(self.log_y, around, np.clip(end, 0, last))
        then_level, day_level = (_mean_at(self.log_y, month, at) for at in (np.maximum(then, 0), inside))
        single = np.where((day >= month) & (day <= origin), self.log_y[inside] - day_level, np.nan)
        return np.stack([np.where(seen, week - then_level, np.nan), single], axis=1)

    def recent(self, origin: IntArray) -> FloatArray:
        """Averages of the last days against the level, scatter, and how levels differ, ``[n_rows, 9]``."""
        works, levels = self.works[: len(self.log_y)], self._levels[origin]
        columns = []
        for days in map(self._axis.worth, MEANS):
            share = _mean_at(works.astype(float), days, origin)
            usual = share * levels[:, 1] + (1.0 - share) * levels[:, 0]
            columns.append(_mean_at(self.log_y, days, origin) - usual)
        departure = self.departure(np.arange(len(works)), np.arange(len(works)))
        month = self._axis.worth(28)
        mean, of_squares = (_mean_at(values, month, origin) for values in (departure, departure**2))
        scatter = np.sqrt(np.maximum(of_squares - mean**2, 0.0))
        slow = levels[:, 1] - self._slow[origin, 1]
        return np.stack([*columns, scatter, levels[:, 1] - levels[:, 0], slow], axis=1)


def teachers_of(histories: Sequence[History]) -> list[History]:
    """The histories that can be learned from: long enough, not constant.

    Raises
    ------
    TrialError
        When there is none.
    """
    teachers = [h for h in histories if _can_teach(h)]
    if not teachers:
        raise TrialError(
            f"none of {len(histories)} series has the {_least(histories)} of changing values that are needed to learn "
            "from: take a later cutoff"
        )
    return teachers


def stride_for(histories: Sequence[History], horizon: int) -> int:
    """Every how many days an origin is used, so that there are at most `MAX_ROWS` training rows."""
    rows = sum(len(h.y) - first_origin(h) for h in histories) * horizon
    return max(1, -(-rows // MAX_ROWS))


def past_ratios(past: FloatArray) -> FloatArray:
    """Recent means of each past covariate relative to its own level, ``[n, n_past * len(PAST_MEANS)]``."""
    columns = []
    for values in past.T:
        level, size = _rolling_mean(values, PAST_LEVEL), _rolling_mean(np.abs(values), PAST_LEVEL)
        size = np.where(size > 0, size, np.nan)
        columns += [(_rolling_mean(values, days) - level) / size for days in PAST_MEANS]
    return np.stack(columns, axis=1) if columns else np.empty((len(past), 0))


def first_origin(history: History) -> int:
    """Periods before a series' first training origin."""
    return history.axis.worth(FIRST_ORIGIN)


def age_of(history: History, position: IntArray, last: np.datetime64) -> IntArray:
    """How many periods before the period `last` each position of a history lies, in the positions' shape."""
    return len(history.axis.until(history.cutoff, last)) + len(history.ds) - 1 - position


def _can_teach(history: History) -> bool:
    y = history.y
    return len(y) > first_origin(history) and bool((y > 0).any()) and float(y.min()) < float(y.max())


def _least(histories: Sequence[History]) -> str:
    return f"{first_origin(histories[0]) + 1} {histories[0].axis.noun}" if histories else "history"


def _type_levels(log_y: FloatArray, works: BoolArray, k: int) -> FloatArray:
    """Median of the last k days off and of the last k work days as of each day, ``[n, 2]``.

    Before the first day of a type its level is that of the other.
    """
    levels = np.full((len(log_y), 2), np.nan)
    for kind in (0, 1):
        alike = works == bool(kind)
        if alike.any():
            seen = np.cumsum(alike) - 1
            levels[:, kind] = np.where(seen >= 0, _rolling_median(log_y[alike], k)[seen], np.nan)
    return np.where(np.isnan(levels), levels[:, ::-1], levels)


def _rolling_median(values: FloatArray, k: int) -> FloatArray:
    """Median of the last k values as of each, ``[n]``; of those there are before the k-th."""
    return _medians(_rolling(values, k))


def _medians(rows: FloatArray) -> FloatArray:
    """Median of what is known in each row, ``[n]``."""
    ranked = np.sort(rows, axis=1)  # NaN last
    known, row = np.count_nonzero(~np.isnan(rows), axis=1), np.arange(len(rows))
    return np.asarray(0.5 * (ranked[row, (known - 1) // 2] + ranked[row, known // 2]))


def _rolling(values: FloatArray, days: int) -> FloatArray:
    """Each day's window of the last `days` days, ``[n, days]``, NaN before the first day."""
    padded = np.concatenate([np.full(days - 1, np.nan), values])
    return np.lib.stride_tricks.sliding_window_view(padded, days)


def _mean_at(values: FloatArray, days: int, position: IntArray) -> FloatArray:
    """`_rolling_mean` as of some positions, ``[len(position)]``."""
    if len(position) and (position == position[0]).all():
        window, end = np.full((1, days), np.nan), int(position[0]) + 1
        window[0, max(days - end, 0) :] = values[max(end - days, 0) : end]
        return np.repeat(_mean_of(window), len(position))
    return _rolling_mean(values, days)[position]


def _rolling_mean(values: FloatArray, days: int) -> FloatArray:
    """Mean of the known of the last `days` days, ``[n]``; NaN where none is known."""
    return _mean_of(_rolling(values, days))


def _mean_of(windows: FloatArray) -> FloatArray:
    """Mean of what is known in each row, ``[n]``; NaN where nothing is."""
    unknown = np.isnan(windows)
    known = windows.shape[1] - np.count_nonzero(unknown, axis=1)
    total = np.where(unknown, 0.0, windows).sum(axis=1)
    return np.where(known > 0, total / np.maximum(known, 1), np.nan)
