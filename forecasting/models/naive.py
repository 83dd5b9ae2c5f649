"""Models without parameters to fit: the last season, and the mean or median of the last days like the one forecast.

Every other model has to beat them. They read past values and the calendar only.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.calendar import weekday_of
from forecasting.errors import TrialError
from forecasting.models.base import SEASON, FitTask, Settings, State
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, IntArray, iso

__all__ = [
    "SeasonalNaive",
    "SeasonalNaiveSettings",
    "WeekdayMean",
    "WeekdayMedian",
    "WeekdaySettings",
]


class SeasonalNaiveSettings(Settings):
    """Settings of `seasonal-naive`."""

    season_length: int = Field(
        7,
        ge=1,
        le=366,
        description="periods after which values repeat; left out: a week, or a year of weeks",
        json_schema_extra=SEASON,
    )


class WeekdaySettings(Settings):
    """Settings of `weekday-mean` and `weekday-median`."""

    k: int = Field(4, ge=1, le=366, description="how many last days like the one forecast are averaged")
    like: Literal["weekday", "day-type"] = Field(
        "weekday", description="days alike: the same weekday; or the same type, work day or day off by the calendar"
    )


class SeasonalNaive:
    """The last season again and again: ŷ_t = y_{t-m}."""

    name: ClassVar[str] = "seasonal-naive"
    family: ClassVar[str] = "naive"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    seeded: ClassVar[bool] = False
    seconds_per_fit: ClassVar[float] = 0.001
    settings_type: ClassVar[type[Settings]] = SeasonalNaiveSettings

    def __init__(self, settings: SeasonalNaiveSettings) -> None:
        self.settings = settings

    def fit(self, task: FitTask) -> State:
        """Check that a season is there. Raises TrialError when it is not."""
        _need(task.history, self.settings.season_length)
        return State()

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:  # noqa: ARG002
        """Forecasts ``[len(ds)]``, see `Model`."""
        season = _need(history, self.settings.season_length).y[-self.settings.season_length :]
        return np.asarray(season[(history.steps(ds) - 1) % self.settings.season_length])


class _LikeDays:
    """Mean or median of the last k days like the one forecast: what both models share."""

    family: ClassVar[str] = "naive"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    seeded: ClassVar[bool] = False
    seconds_per_fit: ClassVar[float] = 0.001
    settings_type: ClassVar[type[Settings]] = WeekdaySettings

    def __init__(self, settings: WeekdaySettings) -> None:
        self.settings = settings

    @staticmethod
    def average(values: FloatArray) -> float:
        raise NotImplementedError

    def fit(self, task: FitTask) -> State:
        """Check that a week is there. Raises TrialError when it is not."""
        _need(task.history, task.history.axis.worth(7))
        return State()

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:  # noqa: ARG002
        """Forecasts ``[len(ds)]``, see `Model`; with fewer than k days alike those there are, with none all days."""
        y = _need(history, history.axis.worth(7)).y
        past, asked = self._kind(history, history.ds), self._kind(history, ds)
        by_kind = {kind: self.average(_or_all(y[past == kind], y)[-self.settings.k :]) for kind in np.unique(asked)}
        return np.array([by_kind[kind] for kind in asked])

    def _kind(self, history: History, ds: DateArray) -> IntArray:
        """Days of the same number are alike, ``[len(ds)]``."""
        if self.settings.like == "weekday":
            return weekday_of(ds)
        return history.calendar.days(ds).workday.astype(np.int64)


class WeekdayMean(_LikeDays):
    """Mean of the last k days alike."""

    name: ClassVar[str] = "weekday-mean"

    @staticmethod
    def average(values: FloatArray) -> float:
        return float(np.mean(values))


class WeekdayMedian(_LikeDays):
    """Median of the last k days alike."""

    name: ClassVar[str] = "weekday-median"

    @staticmethod
    def average(values: FloatArray) -> float:
        ranked, middle = np.sort(values), len(values) // 2  # np.median takes ten times as long for a few values
        return float(ranked[middle] if len(values) % 2 else (ranked[middle - 1] + ranked[middle]) / 2)


def _or_all(alike: FloatArray, y: FloatArray) -> FloatArray:
    return alike if len(alike) else y


def _need(history: History, periods: int) -> History:
    if len(history.y) < periods:
        raise TrialError(
            f"the history up to {iso(history.cutoff)} holds {len(history.y)} {history.axis.noun} and {periods} are "
            "needed: take a later cutoff or a shorter season"
        )
    return history
