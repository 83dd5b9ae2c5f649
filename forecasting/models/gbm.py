"""LightGBM on log ratios to a level: one model for all days ahead (direct), or one day at a time (recursive).

    log y_t = level_T + calendar effect_t + what the trees forecast

The calendar is taken out first and the level is that of the origin T. So trees learn small ratios, not amounts, and can
learn from a past when the series was a tenth of its size. Columns are ratios of recent averages to the level
(lag and rolling), the days ahead, and the target day's calendar. Training rows fade with age.

In training a day can be compared with the level at the origin, which teaches how levels go on. Or it is compared with
the level around the day itself, which is known in hindsight; then trees learn the shape alone, and do not carry on a
past of steady growth.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.models.base import DamagedState, FitTask, Settings, State
from forecasting.models.features.calendar_effects import (
    CalendarFit,
    CalendarSettings,
    calendar_columns,
    fit_calendar,
    safe_log,
)
from forecasting.models.features.lengths import require
from forecasting.models.features.levels import fading_median, fading_medians, level_around
from forecasting.models.states import array_of
from forecasting.models.trees import OBJECTIVES, checked_model
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, IntArray
from forecasting.seeding import generator

__all__ = ["GbmSettings", "LightGbmDirect", "LightGbmRecursive", "TreeSettings"]

FIRST_ORIGIN = 28
"""Days before the first training origin: what the columns look back on at least."""
WINDOWS = (3, 7, 14, 28, 56, 91)
"""Days of the rolling averages."""
LAGS = (*range(1, 15), 21, 28)
HINDSIGHT_DAYS = 14
"""Days on either side that make the level around a day."""
SPARE_DAYS = 14
"""Fewest training origins."""

FAIR = 0.1
"""Log ratio from which the fair loss is about linear."""


class TreeSettings(Settings):
    """How trees are grown, in every model of trees."""

    objective: Literal["l1", "l2", "huber", "fair"] = Field(
        "l1", description="loss on the log ratio; l1 aims at the median, fair nearly so and in a third of the time"
    )
    rounds: int = Field(60, ge=1, le=5000, description="trees")
    learning_rate: float = Field(0.05, gt=0, le=1, description="share of each tree that is kept")
    num_leaves: int = Field(8, ge=2, le=256, description="leaves of a tree")
    min_leaf: int = Field(30, ge=1, le=1_000_000_000, description="fewest training rows in a leaf")
    feature_share: float = Field(0.5, gt=0, le=1, description="share of columns a tree may use, drawn by the seed")
    row_share: float = Field(0.7, gt=0, le=1, description="share of rows a tree is grown on, drawn by the seed")

    def parameters(self, key: int, n_threads: int, n_rows: int) -> dict[str, Any]:
        """What LightGBM is told of so many training rows; `key` seeds what it draws."""
        return {
            "objective": OBJECTIVES[self.objective],
            "fair_c": FAIR,
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": self.min_leaf,
            "feature_fraction": self.feature_share,
            "bagging_fraction": max(self.row_share, min(1.5 / n_rows, 1.0)),  # LightGBM takes no tree of no row
            "bagging_freq": 1,
            "seed": int(generator(key, "lightgbm").integers(2**31 - 1)),
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": n_threads,
            "verbosity": -1,
        }

    def to_arrays(self, booster: Any) -> dict[str, np.ndarray[Any, Any]]:
        """Trees for a State: the text from which LightGBM can be trusted to read them."""
        return {"model": np.frombuffer(self._checked(booster.model_to_string()).encode(), dtype=np.uint8)}

    def check_trees(self, state: State) -> None:
        """Raise DamagedState when the trees of a state are not such as `to_arrays` gives."""
        stored = array_of(state.arrays, "model", np.uint8, None).tobytes()
        if not stored.isascii() or self._checked(stored.decode()) != stored.decode():
            raise DamagedState("the trees are damaged: they are not written as they were stored")

    def _checked(self, text: str) -> str:
        return checked_model(text, objective=self.objective, most_trees=self.rounds, most_leaves=self.num_leaves)


class GbmSettings(TreeSettings):
    """Settings of `lightgbm-direct` and `lightgbm-recursive`."""

    half_life: float = Field(90.0, gt=0, description="days after which a training day counts half")
    level_half_life: float = Field(28.0, gt=0, description="days after which a day counts half in the level")
    learn: Literal["shape", "growth"] = Field(
        "shape", description="shape: deviations from the level around the day; growth: from the level at the origin"
    )
    calendar: CalendarSettings = Field(default_factory=CalendarSettings, description="the calendar regression")


class _Gbm:
    """What both models share: from adjusted levels to trees to forecasts."""

    family: ClassVar[str] = "gbm"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("lightgbm", "holidays")
    seeded: ClassVar[bool] = True
    on_log: ClassVar[bool] = True
    seconds_per_fit: ClassVar[float] = 0.4
    settings_type: ClassVar[type[Settings]] = GbmSettings

    def __init__(self, settings: GbmSettings) -> None:
        self.settings = settings

    @abstractmethod
    def rows(
        self, adjusted: FloatArray, columns: FloatArray, first: int, horizon: int
    ) -> tuple[FloatArray, FloatArray, IntArray]:
        """Training rows ``[n_rows, n_columns]`` of origins from position `first` on, targets ``[n_rows]`` and the
        position of each row's target day.
        """

    @abstractmethod
    def ahead(self, booster: Any, adjusted: FloatArray, columns: FloatArray) -> FloatArray:
        """Adjusted log forecasts ``[n_ahead]`` from the calendar's columns ``[n + n_ahead, k]``."""

    def ratio(self, adjusted: FloatArray, level: FloatArray, origin: IntArray, day: IntArray) -> FloatArray:
        """What the trees learn, ``[n_rows]``: log ratios of days to a level; positions of origins and days given."""
        reference = level[origin] if self.settings.learn == "growth" else level_around(adjusted, HINDSIGHT_DAYS)[day]
        return np.asarray(adjusted[day] - reference)

    def fit(self, task: FitTask) -> State:
        """Grow the trees. Raises TrialError when the history is too short for training rows."""
        import lightgbm

        history = task.history
        require(history, FIRST_ORIGIN + SPARE_DAYS + 1)
        calendar = fit_calendar(history, self.settings.calendar)
        adjusted = safe_log(history.y) - calendar.effect(history.calendar, history.ds)
        first = history.axis.worth(FIRST_ORIGIN) - 1
        x, target, day = self.rows(adjusted, calendar_columns(history.calendar, history.ds), first, task.horizon)
        weight = 0.5 ** ((len(adjusted) - 1 - day) / self.settings.half_life)
        data = lightgbm.Dataset(x, label=target, weight=weight, params={"verbosity": -1, "min_data_in_bin": 1})
        parameters = self.settings.parameters(task.key, task.n_threads, len(x))
        booster = lightgbm.train(parameters, data, num_boost_round=self.settings.rounds)
        return State(arrays={**self.settings.to_arrays(booster), **calendar.to_arrays()})

    def check(self, state: State) -> None:
        """See `ChecksState`."""
        CalendarFit.from_arrays(state.arrays)
        self.settings.check_trees(state)

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, see `Model`."""
        import lightgbm

        booster = lightgbm.Booster(model_str=state.arrays["model"].tobytes().decode())
        calendar = CalendarFit.from_arrays(state.arrays)
        adjusted = safe_log(history.y) - calendar.effect(history.calendar, history.ds)
        step = history.steps(ds)
        span = history.span(int(step.max()), ds)
        level = self.ahead(booster, adjusted, calendar_columns(history.calendar, span))
        return np.asarray(np.exp(level[step - 1] + calendar.effect(history.calendar, ds)))


class LightGbmDirect(_Gbm):
    """One model for every day ahead; the days ahead are a column."""

    name: ClassVar[str] = "lightgbm-direct"

    def rows(
        self, adjusted: FloatArray, columns: FloatArray, first: int, horizon: int
    ) -> tuple[FloatArray, FloatArray, IntArray]:
        """Every origin with every day ahead that is known."""
        n = len(adjusted)
        origins = np.arange(first, n - 1)
        ahead = np.arange(1, horizon + 1)
        origin, step = (grid.ravel() for grid in np.meshgrid(origins, ahead, indexing="ij"))
        known = origin + step < n
        origin, step = origin[known], step[known]
        level = fading_medians(adjusted, self.settings.level_half_life)
        x = np.hstack([_past(adjusted, level)[origin], step[:, None], columns[origin + step]])
        return x, self.ratio(adjusted, level, origin, origin + step), origin + step

    def ahead(self, booster: Any, adjusted: FloatArray, columns: FloatArray) -> FloatArray:
        """All days at once."""
        n_ahead = len(columns) - len(adjusted)
        level = fading_medians(adjusted, self.settings.level_half_life)
        past = np.repeat(_past(adjusted, level)[-1:], n_ahead, axis=0)
        x = np.hstack([past, np.arange(1, n_ahead + 1)[:, None], columns[len(adjusted) :]])
        return np.asarray(level[-1] + booster.predict(x, num_threads=1))


class LightGbmRecursive(_Gbm):
    """One day ahead, rolled forward on its own forecasts."""

    name: ClassVar[str] = "lightgbm-recursive"

    def rows(
        self,
        adjusted: FloatArray,
        columns: FloatArray,
        first: int,
        horizon: int,  # noqa: ARG002
    ) -> tuple[FloatArray, FloatArray, IntArray]:
        """Every origin with the day after it, whatever the horizon."""
        origin = np.arange(first, len(adjusted) - 1)
        level = fading_medians(adjusted, self.settings.level_half_life)
        x = np.hstack([_past(adjusted, level)[origin], _lags(adjusted, level)[origin], columns[origin + 1]])
        return x, self.ratio(adjusted, level, origin, origin + 1), origin + 1

    def ahead(self, booster: Any, adjusted: FloatArray, columns: FloatArray) -> FloatArray:
        """Day by day; each forecast joins the past of the next, the level stays that of the origin."""
        n, recent = len(adjusted), adjusted[-max(*WINDOWS, *LAGS) :]
        level = fading_median(adjusted, self.settings.level_half_life)
        for column in columns[n:]:
            reference = np.full(len(recent), level)
            x = np.concatenate([_past(recent, reference)[-1], _lags(recent, reference)[-1], column])
            recent = np.append(recent, level + booster.predict(x[None, :], num_threads=1)[0])
        return recent[n - len(columns) :]


def _rolling(values: FloatArray, days: int) -> FloatArray:
    """Each day's window of the last `days` days, ``[n, days]``, NaN before the first day."""
    padded = np.concatenate([np.full(days - 1, np.nan), values])
    return np.lib.stride_tricks.sliding_window_view(padded, days)


def _past(adjusted: FloatArray, level: FloatArray) -> FloatArray:
    """Rolling means against the level, and the scatter of the last 28 days, ``[n, 7]``."""
    means = [np.nanmean(_rolling(adjusted, days), axis=1) - level for days in WINDOWS]
    return np.stack([*means, np.nanstd(_rolling(adjusted, 28), axis=1)], axis=1)


def _lags(adjusted: FloatArray, level: FloatArray) -> FloatArray:
    """Single past days against the level, ``[n, len(LAGS)]``."""
    window = _rolling(adjusted, max(LAGS))
    return np.asarray(window[:, [-lag for lag in LAGS]] - level[:, None])
