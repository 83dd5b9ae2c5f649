"""One LightGBM for all series of a target: what a series cannot learn from its own past alone, the others teach it.

    log y_{T+h} = level_T(type of T+h) + what the trees forecast

A series' level is the median of its last days of the same type, work day or day off, known at the origin T. Everything
the trees see is a ratio to such a level, so series of any size teach one another: recent averages and single days
against the level, the past covariates against their own, and the target day's calendar. The trees minimise the
absolute error of the log ratio, that is they aim at the median.

A series that cannot teach (too short, constant, nothing but zeros) is left out of the fit. It is still forecast where
it has a level, and is a failure of its own where it has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.adjust import calendar_columns, safe_log
from forecasting.errors import TrialError
from forecasting.models.base import PanelTask, Settings, State
from forecasting.panel import History
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray, iso
from forecasting.seeding import generator

__all__ = ["GlobalGbmSettings", "LightGbmGlobal"]

MIN_DAYS = 14
"""Fewest days that make a level."""
FIRST_ORIGIN = 42
"""Days before a series' first training origin."""
MEANS = (1, 3, 7, 14, 28, 56)
"""Days of the recent averages."""
LAGS = tuple(range(7))
WEEKS = range(4)
"""Known days of the target day's weekday, newest first."""
PAST_MEANS = (1, 3, 7)
PAST_LEVEL = 56
"""Days that make the level of a past covariate."""
MAX_ROWS = 200_000
"""Training rows; of a larger panel every second (third, …) origin is used."""


class GlobalGbmSettings(Settings):
    """Settings of `lightgbm-global`."""

    objective: Literal["l1", "l2", "huber"] = Field("l1", description="loss on the log ratio; l1 aims at the median")
    rounds: int = Field(200, ge=1, le=5000, description="trees")
    learning_rate: float = Field(0.05, gt=0, le=1, description="share of each tree that is kept")
    num_leaves: int = Field(16, ge=2, le=256, description="leaves of a tree")
    min_leaf: int = Field(50, ge=1, description="fewest training rows in a leaf")
    feature_share: float = Field(0.5, gt=0, le=1, description="share of columns a tree may use, drawn by the seed")
    row_share: float = Field(0.7, gt=0, le=1, description="share of rows a tree is grown on, drawn by the seed")
    half_life: float = Field(180.0, gt=0, description="days after which a training day counts half")
    level_days: int = Field(14, ge=1, le=366, description="days of a type whose median is its level")


class LightGbmGlobal:
    """See the module's text."""

    family: ClassVar[str] = "global"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("lightgbm", "holidays")
    seeded: ClassVar[bool] = True
    seconds_per_fit: ClassVar[float] = 0.15
    settings_type: ClassVar[type[Settings]] = GlobalGbmSettings

    def __init__(self, settings: GlobalGbmSettings) -> None:
        self.settings = settings

    def fit_all(self, task: PanelTask) -> State:
        """Grow the trees. Raises TrialError when no series has training rows."""
        import lightgbm

        teachers = [h for h in task.histories if _can_teach(h)]
        if not teachers:
            raise TrialError(
                f"none of {len(task.histories)} series has the {FIRST_ORIGIN + 1} days of changing values that are "
                "needed to learn from: take a later cutoff"
            )
        last = max(h.cutoff for h in teachers)
        stride = _stride(teachers, task.horizon)
        parts = [self._training_rows(h, task.horizon, stride, last) for h in teachers]
        x, target, weight = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        data = lightgbm.Dataset(x, label=target, weight=weight, params={"verbosity": -1, "min_data_in_bin": 1})
        booster = lightgbm.train(self._parameters(task), data, num_boost_round=self.settings.rounds)
        return State(arrays={"model": np.frombuffer(booster.model_to_string().encode(), dtype=np.uint8)})

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, see `Model`. Raises TrialError when the series has no level."""
        import lightgbm

        if len(history.y) < MIN_DAYS:
            raise TrialError(
                f"the history up to {iso(history.cutoff)} holds {len(history.y)} days and {MIN_DAYS} are needed: "
                "take a later cutoff"
            )
        booster = lightgbm.Booster(model_str=state.arrays["model"].tobytes().decode())
        step = (ds - history.cutoff).astype(np.int64)
        described = _Described(history, self.settings.level_days, int(step.max()))
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
        origins = np.arange(n - 2, FIRST_ORIGIN - 2, -stride)[::-1]
        origin, step = (grid.ravel() for grid in np.meshgrid(origins, np.arange(1, horizon + 1), indexing="ij"))
        known = origin + step < n
        origin, step = origin[known], step[known]
        day = origin + step
        age = (last - history.ds[day]).astype(np.int64)
        target = described.log_y[day] - described.level(origin, day)
        return described.columns(origin, step), target, 0.5 ** (age / self.settings.half_life)

    def _parameters(self, task: PanelTask) -> dict[str, Any]:
        s = self.settings
        return {
            "objective": {"l1": "regression_l1", "l2": "regression", "huber": "huber"}[s.objective],
            "learning_rate": s.learning_rate,
            "num_leaves": s.num_leaves,
            "min_data_in_leaf": s.min_leaf,
            "feature_fraction": s.feature_share,
            "bagging_fraction": s.row_share,
            "bagging_freq": 1,
            "seed": int(generator(task.key, "lightgbm").integers(2**31 - 1)),
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": task.n_threads,
            "verbosity": -1,
        }


class _Described:
    """A history seen from each of its days; positions count from its first day and may go `ahead` beyond its last."""

    def __init__(self, history: History, level_days: int, ahead: int) -> None:
        span = history.ds[0] + np.arange(len(history.ds) + ahead)
        facts = history.calendar.days(span)
        self.log_y = safe_log(history.y)
        self.works = facts.workday
        self._levels = _type_levels(self.log_y, self.works[: len(self.log_y)], level_days)
        run = np.stack([facts.weekday, facts.day, facts.workday, facts.offday_run, facts.offday_index], axis=1)
        self._days = np.hstack([calendar_columns(history.calendar, span), run])
        self._past = np.hstack([self._recent(level_days), _covariates(history.past)])

    def level(self, origin: IntArray, day: IntArray) -> FloatArray:
        """Log level ``[n_rows]`` of the day's type, as known at the origin."""
        return np.asarray(self._levels[origin, self.works[day].astype(np.int64)])

    def columns(self, origin: IntArray, step: IntArray) -> FloatArray:
        """What the trees see, ``[n_rows, n_columns]``."""
        day = origin + step
        known = day - 7 * -(-step // 7)
        weeks = [self._departure(origin, known - 7 * week) for week in WEEKS]
        lags = [self._departure(origin, origin - lag) for lag in LAGS]
        return np.hstack([self._past[origin], step[:, None], self._days[day], np.stack([*weeks, *lags], axis=1)])

    def _departure(self, origin: IntArray, day: IntArray) -> FloatArray:
        """Log ratio of a known day to its type's level as of the origin; NaN before the first day."""
        inside = np.maximum(day, 0)
        return np.where(day < 0, np.nan, self.log_y[inside] - self.level(origin, inside))

    def _recent(self, level_days: int) -> FloatArray:
        """Averages against the level, scatter, and how levels differ, ``[n, 9]``."""
        works, levels = self.works[: len(self.log_y)], self._levels
        columns = []
        for days in MEANS:
            share = _rolling_mean(works.astype(float), days)
            usual = share * levels[:, 1] + (1.0 - share) * levels[:, 0]
            columns.append(_rolling_mean(self.log_y, days) - usual)
        departure = self._departure(np.arange(len(works)), np.arange(len(works)))
        mean = _rolling_mean(departure, 28)
        scatter = np.sqrt(np.maximum(_rolling_mean(departure**2, 28) - mean**2, 0.0))
        slow = _type_levels(self.log_y, works, 3 * level_days)
        return np.stack([*columns, scatter, levels[:, 1] - levels[:, 0], levels[:, 1] - slow[:, 1]], axis=1)


def _can_teach(history: History) -> bool:
    y = history.y
    return len(y) > FIRST_ORIGIN and bool((y > 0).any()) and float(y.min()) < float(y.max())


def _stride(histories: Sequence[History], horizon: int) -> int:
    """Every how many days an origin is used, so that there are at most `MAX_ROWS` training rows."""
    rows = sum(len(h.y) - FIRST_ORIGIN for h in histories) * horizon
    return max(1, -(-rows // MAX_ROWS))


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
    ranked = np.sort(_rolling(values, k), axis=1)  # NaN last
    position = np.arange(len(values))
    known = np.minimum(position + 1, k)
    return np.asarray(0.5 * (ranked[position, (known - 1) // 2] + ranked[position, known // 2]))


def _rolling(values: FloatArray, days: int) -> FloatArray:
    """Each day's window of the last `days` days, ``[n, days]``, NaN before the first day."""
    padded = np.concatenate([np.full(days - 1, np.nan), values])
    return np.lib.stride_tricks.sliding_window_view(padded, days)


def _rolling_mean(values: FloatArray, days: int) -> FloatArray:
    """Mean of the known of the last `days` days, ``[n]``; NaN where none is known."""
    windows = _rolling(values, days)
    known = np.count_nonzero(~np.isnan(windows), axis=1)
    total = np.where(np.isnan(windows), 0.0, windows).sum(axis=1)
    return np.where(known > 0, total / np.maximum(known, 1), np.nan)


def _covariates(past: FloatArray) -> FloatArray:
    """Recent means of each past covariate relative to its own level, ``[n, n_past * len(PAST_MEANS)]``."""
    columns = []
    for values in past.T:
        level, size = _rolling_mean(values, PAST_LEVEL), _rolling_mean(np.abs(values), PAST_LEVEL)
        size = np.where(size > 0, size, np.nan)
        columns += [(_rolling_mean(values, days) - level) / size for days in PAST_MEANS]
    return np.stack(columns, axis=1) if columns else np.empty((len(past), 0))
