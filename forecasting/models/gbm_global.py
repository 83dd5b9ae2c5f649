"""One LightGBM for all series of a target, so that a series also learns from the others' past.

    log y_{T+h} = level_T(type of T+h) + what the trees forecast

A series' level is the median of its last days of the same type, work day or day off, known at the origin T. The trees
see ratios to such a level, so that series of any size can be learned from together: recent averages and single days
against the level, the past covariates against their own, and the target day's calendar. The trees minimise the
absolute error of the log ratio, so they aim at the median.

A series that cannot teach (too short, constant) is left out of the fit. It is still forecast where
it has a level, and is a failure of its own where it has none.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from forecasting.models.base import PanelTask, Settings, State
from forecasting.models.features.ratios import Ratios, age_of, first_origin, past_ratios, stride_for, teachers_of
from forecasting.models.gbm import TreeSettings
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, IntArray

__all__ = ["GlobalGbmSettings", "LightGbmGlobal"]

LAGS = tuple(range(7))


class GlobalGbmSettings(TreeSettings):
    """Settings of `lightgbm-global`: more and larger trees, for it has the rows of many series."""

    rounds: int = Field(200, ge=1, le=5000, description="trees")
    num_leaves: int = Field(16, ge=2, le=256, description="leaves of a tree")
    min_leaf: int = Field(50, ge=1, le=1_000_000_000, description="fewest training rows in a leaf")
    half_life: float = Field(180.0, gt=0, description="days after which a training day counts half")
    level_days: int = Field(14, ge=1, le=366, description="days of a type whose median is its level")


class LightGbmGlobal:
    """See the module's text."""

    name: ClassVar[str] = "lightgbm-global"
    family: ClassVar[str] = "global"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("lightgbm", "holidays")
    seeded: ClassVar[bool] = True
    on_log: ClassVar[bool] = True
    seconds_per_fit: ClassVar[float] = 0.15
    settings_type: ClassVar[type[Settings]] = GlobalGbmSettings

    def __init__(self, settings: GlobalGbmSettings) -> None:
        self.settings = settings

    def fit_all(self, task: PanelTask) -> State:
        """Grow the trees. Raises TrialError when no series has training rows."""
        import lightgbm

        teachers = teachers_of(task.histories)
        last = max(h.cutoff for h in teachers)
        stride = stride_for(teachers, task.horizon)
        parts = [self._training_rows(h, task.horizon, stride, last) for h in teachers]
        x, target, weight = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        data = lightgbm.Dataset(x, label=target, weight=weight, params={"verbosity": -1, "min_data_in_bin": 1})
        parameters = self.settings.parameters(task.key, task.n_threads)
        booster = lightgbm.train(parameters, data, num_boost_round=self.settings.rounds)
        return State(arrays=self.settings.to_arrays(booster))

    def check(self, state: State) -> None:
        """See `ChecksState`."""
        self.settings.check_trees(state)

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, see `Model`. Raises TrialError when the series has no level."""
        import lightgbm

        step = history.steps(ds)
        described = _Described(history, self.settings.level_days, int(step.max()), ds)
        booster = lightgbm.Booster(model_str=state.arrays["model"].tobytes().decode())
        origin = np.full(len(step), len(history.y) - 1)
        level = described.level(origin, origin + step)
        ratio = np.asarray(booster.predict(described.columns(origin, step), num_threads=1))
        return np.asarray(np.exp(level + ratio))

    def _training_rows(
        self, history: History, horizon: int, stride: int, last: np.datetime64
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Columns, targets and weights of every origin with every day ahead that is known."""
        n = len(history.y)
        described = _Described(history, self.settings.level_days, 0)
        origins = np.arange(n - 2, first_origin(history) - 2, -stride)[::-1]
        origin, step = (grid.ravel() for grid in np.meshgrid(origins, np.arange(1, horizon + 1), indexing="ij"))
        known = origin + step < n
        origin, step = origin[known], step[known]
        day = origin + step
        age = age_of(history, day, last)
        target = described.log_y[day] - described.level(origin, day)
        return described.columns(origin, step), target, 0.5 ** (age / self.settings.half_life)


class _Described(Ratios):
    """What the trees see of a history."""

    def __init__(self, history: History, level_days: int, ahead: int, ds: DateArray | None = None) -> None:
        super().__init__(history, level_days, ahead, ds)
        facts = history.calendar.days(self.span)
        run = np.stack([facts.weekday, facts.day, facts.workday, facts.offday_run, facts.offday_index], axis=1)
        self._days = np.hstack([self.calendar, run])
        self._past = np.hstack([self.recent, past_ratios(history.past)])

    def columns(self, origin: IntArray, step: IntArray) -> FloatArray:
        """The trees' columns, ``[n_rows, n_columns]``."""
        day = origin + step
        lags = np.stack([self.departure(origin, origin - lag) for lag in LAGS], axis=1)
        return np.hstack([self._past[origin], step[:, None], self._days[day], self.weeks(origin, step), lags])
