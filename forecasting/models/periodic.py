"""Periodic factors: weekday × day of the month × level, the method with which many contestants begin.

    ŷ_t = level · weekday factor · day-of-month factor

Factors and level are estimated together by sweeps over log y (Tukey 1977, Exploratory Data Analysis: median polish,
here with means or medians): each of the three is estimated from what the other two leave over, in turn. The level
moves, so that growth is not taken for an effect of the end of a month. A day of the month is seen once a month, so its
factor is pulled toward 1 by as many ordinary days as `shrink` says. The forecast's level is a median that fades with
age.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.models.base import FitTask, Settings, State
from forecasting.models.features.calendar_effects import safe_log
from forecasting.models.features.lengths import require
from forecasting.models.features.levels import fading_median, level_around
from forecasting.models.states import array_of
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, IntArray

__all__ = ["PeriodicFactor", "PeriodicFactorSettings"]

MIN_DAYS = 28
SWEEPS = 20
HINDSIGHT_DAYS = 14
"""Days on either side that make the level around a day."""


class PeriodicFactorSettings(Settings):
    """Settings of `periodic-factor`."""

    window: int = Field(112, ge=28, description="how many last days the factors are estimated from")
    level_half_life: float = Field(28.0, gt=0, description="days after which a day counts half in the level")
    shrink: float = Field(10.0, ge=0, description="pull of day-of-month factors toward 1, in days; 0 trusts them fully")
    statistic: Literal["mean", "median"] = Field("median", description="how log ratios are averaged")


class PeriodicFactor:
    """Weekday × day of the month × level."""

    name: ClassVar[str] = "periodic-factor"
    family: ClassVar[str] = "naive"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    seeded: ClassVar[bool] = False
    on_log: ClassVar[bool] = True
    seconds_per_fit: ClassVar[float] = 0.001
    settings_type: ClassVar[type[Settings]] = PeriodicFactorSettings

    def __init__(self, settings: PeriodicFactorSettings) -> None:
        self.settings = settings

    def fit(self, task: FitTask) -> State:
        """Estimate both factors. Raises TrialError on less than four weeks."""
        history = task.history
        require(history, MIN_DAYS)
        settings = self.settings
        ds = history.ds[-settings.window :]
        log_y = safe_log(history.y)[-settings.window :]
        weekday_of, month_day_of = _slots(history, ds)
        weekday: FloatArray = np.zeros(7)
        month_day: FloatArray = np.zeros(31)
        for _ in range(SWEEPS):
            level = level_around(log_y - weekday[weekday_of] - month_day[month_day_of], HINDSIGHT_DAYS)
            rest = log_y - level - month_day[month_day_of]
            weekday = self._averages(rest - self._average(rest), weekday_of, 7, shrink=0.0)
            rest = log_y - level - weekday[weekday_of]
            month_day = self._averages(rest - self._average(rest), month_day_of, 31, shrink=settings.shrink)
        return State(arrays={"weekday": weekday, "month_day": month_day})

    def check(self, state: State) -> None:
        """See `ChecksState`."""
        array_of(state.arrays, "weekday", np.float64, 7)
        array_of(state.arrays, "month_day", np.float64, 31)

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, see `Model`."""
        weekday, month_day = state.arrays["weekday"], state.arrays["month_day"]

        def factors(days: DateArray) -> FloatArray:
            weekday_of, month_day_of = _slots(history, days)
            return np.asarray(weekday[weekday_of] + month_day[month_day_of])

        level = fading_median(safe_log(history.y) - factors(history.ds), self.settings.level_half_life)
        return np.asarray(np.exp(level + factors(ds)))

    def _average(self, values: FloatArray) -> float:
        return float(np.mean(values) if self.settings.statistic == "mean" else np.median(values))

    def _averages(self, values: FloatArray, slot: IntArray, n_slots: int, shrink: float) -> FloatArray:
        """Average of each slot ``[n_slots]``, pulled toward 0 as if `shrink` more days lay there; 0 in empty slots."""
        averages = np.zeros(n_slots)
        for i in np.unique(slot):
            inside = values[slot == i]
            averages[i] = self._average(inside) * len(inside) / (len(inside) + shrink)
        return averages


def _slots(history: History, ds: DateArray) -> tuple[IntArray, IntArray]:
    """Weekday from 0 and day of the month from 0, ``[len(ds)]`` each."""
    facts = history.calendar.days(ds)
    return facts.weekday, facts.day - 1
