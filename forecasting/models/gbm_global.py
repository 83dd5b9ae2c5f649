"""One LightGBM for all series of a target, so that a series also learns from the others' past.

    log y_{T+h} = level_T(type of T+h) + what the trees forecast [+ effect(calendar of T+h)]

A series' level is the median of its last days of the same type, work day or day off, known at the origin T. The trees
see ratios to such a level, so that series of any size can be learned from together: recent, usual and last year's
averages and single days against the level, the past covariates against their own, and the target day's calendar. With
`calendar` set, the calendar's effects are taken out of all series together first (see `shared_calendar`), so that the
trees need not find what a holiday does that the panel saw once.

Training rows are pairs of an origin and a day ahead, drawn for each series from all pairs by the seed. A
series that cannot teach (too short, constant) is left out of the fit. It is still forecast where
it has a level, and is a failure of its own where it has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from forecasting.models.base import LATER, PanelTask, Settings, State
from forecasting.models.features.occasions import around_the_day
from forecasting.models.features.ratios import Ratios, age_of, first_origin, past_ratios, teachers_of
from forecasting.models.features.shared_calendar import (
    SharedCalendar,
    SharedCalendarSettings,
    fit_shared_calendar,
    series_keys,
)
from forecasting.models.gbm import TreeSettings
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, IntArray
from forecasting.seeding import generator

__all__ = ["GlobalGbmSettings", "LightGbmGlobal"]

LAGS = tuple(range(7))
DIGITS = 9
"""Decimals of what the trees see: amounts in another unit must fall on the same side of every split."""
ROWS_OF_A_SERIES = 50
"""Fewest rows that a series teaches with; of more series than that allows, some are drawn."""


class GlobalGbmSettings(TreeSettings):
    """Settings of `lightgbm-global`: more and larger trees, for it has the rows of many series."""

    rounds: int = Field(200, ge=1, le=5000, description="trees")
    num_leaves: int = Field(16, ge=2, le=256, description="leaves of a tree")
    min_leaf: int = Field(50, ge=1, le=1_000_000_000, description="fewest training rows in a leaf")
    half_life: float = Field(180.0, gt=0, description="days after which a training day counts half")
    level_days: int = Field(14, ge=1, le=366, description="days of a type whose median is its level")
    rows: int = Field(
        100_000, ge=1000, json_schema_extra=LATER, description="training rows, drawn from all origins and days ahead"
    )
    calendar: SharedCalendarSettings | None = Field(
        None,
        json_schema_extra=LATER,
        description="the calendar regression of the panel, taken out before the trees; null: none",
    )


class LightGbmGlobal:
    """See the module's text."""

    name: ClassVar[str] = "lightgbm-global"
    family: ClassVar[str] = "global"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("lightgbm", "holidays")
    seeded: ClassVar[bool] = True
    on_log: ClassVar[bool] = True
    seconds_per_fit: ClassVar[float] = 0.05
    settings_type: ClassVar[type[Settings]] = GlobalGbmSettings

    def __init__(self, settings: GlobalGbmSettings) -> None:
        self.settings = settings

    def fit_all(self, task: PanelTask) -> State:
        """Grow the trees. Raises TrialError when no series has training rows."""
        import lightgbm

        teachers = teachers_of(task.histories)
        calendar = fit_shared_calendar(teachers, self.settings.calendar) if self.settings.calendar else None
        taught = [self._without(h, calendar)[0] for h in _drawn(teachers, self.settings.rows // ROWS_OF_A_SERIES)]
        share = self.settings.rows / sum(_pairs(h, task.horizon) for h in taught)
        last = max(h.cutoff for h in taught)
        parts = [self._training_rows(h, task, share, last) for h in taught]
        x, target, weight = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        data = lightgbm.Dataset(x, label=target, weight=weight, params={"verbosity": -1, "min_data_in_bin": 1})
        parameters = self.settings.parameters(task.key, task.n_threads, len(x))
        booster = lightgbm.train(parameters, data, num_boost_round=self.settings.rounds)
        arrays, facts = calendar.to_state() if calendar else ({}, {})
        return State({**self.settings.to_arrays(booster), **arrays}, facts)

    def check(self, state: State) -> None:
        """See `ChecksState`."""
        self.settings.check_trees(state)
        if self.settings.calendar:
            SharedCalendar.from_state(state.arrays, state.meta)

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, see `Model`. Raises TrialError when the series has no level."""
        step = history.steps(ds)
        calendar = SharedCalendar.from_state(state.arrays, state.meta) if self.settings.calendar else None
        seen, effect = self._without(history, calendar, ds)
        described = _Described(seen, self.settings.level_days, int(step.max()), ds)
        origin = np.full(len(step), len(history.y) - 1)
        level = described.level(origin, origin + step)
        booster = _booster(state.arrays["model"].tobytes())
        ratio = np.asarray(booster.predict(described.columns(origin, step), num_threads=1))
        return np.asarray(np.exp(level + ratio + effect))

    def _without(
        self, history: History, calendar: SharedCalendar | None, ds: DateArray | None = None
    ) -> tuple[History, FloatArray | float]:
        """A history without the calendar, and the calendar's effect on the days `ds`."""
        if calendar is None or self.settings.calendar is None:
            return history, 0.0
        effect = calendar.effect(history, self.settings.calendar)
        without = replace(history, y=history.y / np.exp(effect(history.ds)))
        return without, 0.0 if ds is None else effect(ds)

    def _training_rows(
        self, history: History, task: PanelTask, share: float, last: np.datetime64
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Columns, targets and weights of pairs of an origin and a day ahead that is known."""
        described = _Described(history, self.settings.level_days, 0)
        origins = np.arange(first_origin(history) - 1, len(history.y) - 1)
        origin, step = (grid.ravel() for grid in np.meshgrid(origins, np.arange(1, task.horizon + 1), indexing="ij"))
        known = np.flatnonzero(origin + step < len(history.y))
        if share < 1.0:
            draw = generator(task.key, f"rows of {history.unique_id}")
            known = np.sort(draw.choice(known, max(int(share * len(known)), 1), replace=False, shuffle=False))
        origin, step = origin[known], step[known]
        day = origin + step
        target = np.round(described.log_y[day] - described.level(origin, day), DIGITS)
        weight = 0.5 ** (age_of(history, day, last) / self.settings.half_life)
        return described.columns(origin, step), target, weight


class _Described(Ratios):
    """What the trees see of a history."""

    def __init__(self, history: History, level_days: int, ahead: int, ds: DateArray | None = None) -> None:
        super().__init__(history, level_days, ahead, ds)
        facts = history.calendar.days(self.span)
        run = np.stack([facts.weekday, facts.day, facts.workday, facts.offday_run, facts.offday_index], axis=1)
        self._days = np.hstack([self.calendar, run, around_the_day(history.calendar, self.span)])
        self._past = past_ratios(history.past)

    def columns(self, origin: IntArray, step: IntArray) -> FloatArray:
        """The trees' columns, ``[n_rows, n_columns]``."""
        day = origin + step
        lags = np.stack([self.departure(origin, origin - lag) for lag in LAGS], axis=1)
        ago = (self.weeks(origin, step), self.usual(origin, step), self.last_year(origin, step), lags)
        before = (self.recent(origin), self._past[origin])
        found = np.hstack([*before, step[:, None], self._days[day], *ago])
        return np.round(found, DIGITS)


def _drawn(histories: Sequence[History], n: int) -> Sequence[History]:
    """At most n of the histories, chosen by their names."""
    if len(histories) <= n:
        return histories
    chosen = np.argsort(series_keys([history.unique_id for history in histories]), kind="stable")[:n]
    return [histories[k] for k in np.sort(chosen)]


def _pairs(history: History, horizon: int) -> int:
    """How many pairs of an origin and a known day ahead a history has."""
    n_origins = len(history.y) - first_origin(history)
    full = max(n_origins - horizon, 0)
    rest = n_origins - full
    return full * horizon + rest * (rest + 1) // 2


@lru_cache(maxsize=4)
def _booster(text: bytes) -> Any:
    """A model from its text, kept: every series of a panel is forecast by the same one."""
    import lightgbm

    return lightgbm.Booster(model_str=text.decode())
