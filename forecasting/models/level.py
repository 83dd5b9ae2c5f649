"""Calendar-adjusted level models: take the calendar out, carry the level forward, put the calendar back.

    ŷ_{T+h} = exp(level_T(h) + effect(calendar of T+h))

with the effects of `forecasting.models.features.calendar_effects`. What differs is how the level moves on over h days:

    recent          stays where it was lately
    damped-trend    goes on in its recent direction, less every day (Gardner and McKenzie 1985, Forecasting trends)
    mean-reverting  returns from its recent to its long-run value
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.models.base import FitTask, Settings, State
from forecasting.models.features.calendar_effects import (
    CalendarFit,
    CalendarSettings,
    fit_calendar,
    safe_log,
    warm_up_calendar,
)
from forecasting.models.features.lengths import require
from forecasting.models.features.levels import fading_median, fading_weights
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray

__all__ = ["CalendarLevel", "CalendarLevelSettings"]

MIN_DAYS = 14
LINE_SWEEPS = 30


class CalendarLevelSettings(Settings):
    """Settings of `calendar-level`."""

    level: Literal["recent", "damped-trend", "mean-reverting"] = Field(
        "recent",
        description="how the level moves on: it stays, goes on less and less, or returns to its long-run value",
    )
    half_life: float = Field(14.0, gt=0, description="days after which a day counts half in the recent level and trend")
    long_half_life: float = Field(
        90.0, gt=0, description="mean-reverting: days after which a day counts half in the long-run level"
    )
    return_half_life: float = Field(
        30.0, gt=0, description="mean-reverting: days after which half the way to the long-run level is gone"
    )
    damping: float = Field(
        0.95, ge=0, lt=1, description="damped-trend: share of the trend that is left one day further ahead"
    )
    calendar: CalendarSettings = Field(default_factory=CalendarSettings, description="the calendar regression")


class CalendarLevel:
    """A level on the calendar-adjusted log scale, carried forward."""

    name: ClassVar[str] = "calendar-level"
    family: ClassVar[str] = "calendar"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("holidays",)
    seeded: ClassVar[bool] = False
    on_log: ClassVar[bool] = True
    seconds_per_fit: ClassVar[float] = 0.001
    settings_type: ClassVar[type[Settings]] = CalendarLevelSettings

    def __init__(self, settings: CalendarLevelSettings) -> None:
        self.settings = settings

    @classmethod
    def warm_up(cls, device: str) -> None:  # noqa: ARG003 - part of `WarmsUp`
        """Load the solver of the calendar regression."""
        warm_up_calendar()

    def fit(self, task: FitTask) -> State:
        """Fit the calendar effects. Raises TrialError on less than a fortnight."""
        history = task.history
        require(history, MIN_DAYS)
        return State(arrays=fit_calendar(history, self.settings.calendar).to_arrays())

    def check(self, state: State) -> None:
        """See `ChecksState`."""
        CalendarFit.from_arrays(state.arrays)

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, see `Model`."""
        calendar = CalendarFit.from_arrays(state.arrays)
        adjusted = safe_log(history.y) - calendar.effect(history.calendar, history.ds)
        level = self._level(adjusted, history.steps(ds).astype(np.float64))
        return np.asarray(np.exp(level + calendar.effect(history.calendar, ds)))

    def _level(self, adjusted: FloatArray, ahead: FloatArray) -> FloatArray:
        """Level on the log scale `ahead` ``[n_ahead]`` days after the last of `adjusted` ``[n]``."""
        settings = self.settings
        recent = fading_median(adjusted, settings.half_life)
        if settings.level == "recent":
            return np.full(len(ahead), recent)
        if settings.level == "mean-reverting":
            home = fading_median(adjusted, settings.long_half_life)
            return np.asarray(home + (recent - home) * 0.5 ** (ahead / settings.return_half_life))
        last, slope = _robust_line(adjusted, fading_weights(len(adjusted), settings.half_life))
        damping = settings.damping
        return np.asarray(last + slope * damping * (1.0 - damping**ahead) / (1.0 - damping))


def _robust_line(values: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Value at the last day and slope per day of the weighted least-absolute-deviations line."""
    age = -np.arange(len(values), dtype=float)[::-1]
    design = np.stack([np.ones_like(age), age], axis=1)
    weight = weights
    solution = np.zeros(2)
    for _ in range(LINE_SWEEPS):
        weighted = design.T * weight
        solution = np.linalg.solve(weighted @ design + 1e-9 * np.eye(2), weighted @ values)
        weight = weights / np.maximum(np.abs(values - design @ solution), 1e-3)
    return float(solution[0]), float(solution[1])
