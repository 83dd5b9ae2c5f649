"""Taking the calendar out: a robust regression of log y on what is known about a day in advance.

    log y_t = level_t + effect(calendar of t) + noise

Levels move slowly (a random walk over fortnights); effects are weekday, days off and shifted work days, holidays, month
position and events. All is one penalised least-squares problem: every effect has a prior standard deviation
in log units, so what the data have not shown stays near zero, and holidays share their effects. Old days fade by a
half-life, odd days by Huber's weights (iteratively reweighted least squares; Huber 1964, Robust estimation of a
location parameter).

A holiday that falls on a Monday starts from what days off are like, not from what Mondays are like; its own effects are
deviations from that. A worked weekend day likewise starts from what work days are like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from pydantic import Field

from forecasting.calendar import Calendar, CalendarDays, spanned_years
from forecasting.errors import TrialError
from forecasting.models.base import Settings
from forecasting.models.states import array_of
from forecasting.panel import History
from forecasting.schema import BoolArray, DateArray, FloatArray

__all__ = ["CalendarFit", "CalendarSettings", "calendar_columns", "fit_calendar", "safe_log"]

LONG_RUN = 5
"""Days off in a row from which a holiday counts as long."""
KNOT_DAYS = 14
MARGIN_DAYS = 20
"""How far around a day its holiday neighbourhood is looked at; longer than any run of days off."""
ITERATIONS = 12


class CalendarSettings(Settings):
    """How strongly the calendar regression may follow the data."""

    half_life: float = Field(90.0, gt=0, description="days after which a day counts half in the calendar regression")
    weekday_sd: float = Field(0.5, gt=0, description="prior standard deviation of weekday effects, log units")
    holiday_sd: float = Field(0.2, gt=0, description="prior standard deviation of holiday and event effects, log units")
    month_sd: float = Field(0.05, gt=0, description="prior standard deviation of month-position effects, log units")
    level_sd: float = Field(0.03, gt=0, description="standard deviation of the level's move per day, log units")
    huber: float = Field(0.7, gt=0, description="residuals beyond this many scales count linearly, not squared")


@dataclass(frozen=True)
class CalendarFit:
    """Calendar effects on log y.

    `coefficients` ``[n_effects]`` in log units; `scale` the robust standard deviation of what effects and
    level leave over, log units.
    """

    coefficients: FloatArray
    scale: float

    def effect(self, calendar: Calendar, ds: DateArray) -> FloatArray:
        """Additive effect on log y of each day, ``[len(ds)]``; near zero on the average over ordinary days.

        Raises
        ------
        TrialError
            When the calendar names other events than the one this was fitted with.
        """
        design = calendar_columns(calendar, ds)
        if design.shape[1] != len(self.coefficients):
            raise TrialError("the calendar's events differ from those of the fit: fit again with the present events")
        return np.asarray(design @ self.coefficients)

    def to_arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """For a model's State."""
        return {"calendar_coefficients": self.coefficients, "calendar_scale": np.array([self.scale])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray[Any, Any]]) -> CalendarFit:
        """Inverse of `to_arrays`; other arrays are ignored. Raises DamagedState when these are not as they were."""
        coefficients = array_of(arrays, "calendar_coefficients", np.float64, None)
        return cls(coefficients, float(array_of(arrays, "calendar_scale", np.float64, 1)[0]))


def safe_log(y: FloatArray) -> FloatArray:
    """Logarithm of positive amounts, ``[n]``; `forecasting.scale` sees to it that they are.

    Raises
    ------
    TrialError
        When one is not positive.
    """
    if not (y > 0).all():
        raise TrialError("an amount of the history is not positive: it has no logarithm")
    return np.log(y)


def fit_calendar(history: History, settings: CalendarSettings | None = None) -> CalendarFit:
    """Calendar effects of one history.

    Raises
    ------
    TrialError
        When an amount of the history is not positive.
    """
    settings = settings or CalendarSettings()
    log_y = safe_log(history.y)
    n = len(log_y)
    effects = calendar_columns(history.calendar, history.ds)
    level = _hats(n)
    design = np.hstack([effects, level])
    decay = 0.5 ** (np.arange(n)[::-1] / settings.half_life)
    prior = np.zeros((design.shape[1], design.shape[1]))
    n_effects = effects.shape[1]
    prior[np.arange(n_effects), np.arange(n_effects)] = _prior_sd(history.calendar, settings) ** -2
    prior[n_effects:, n_effects:] = _random_walk_precision(level, decay, settings.level_sd)
    solution, scale = _robust_ridge(design, log_y, decay, prior, settings.huber)
    return CalendarFit(solution[:n_effects], scale)


def _robust_ridge(
    design: FloatArray, target: FloatArray, decay: FloatArray, prior: FloatArray, huber: float
) -> tuple[FloatArray, float]:
    """Penalised Huber regression: coefficients ``[n_columns]`` and the scale of residuals."""
    weight: FloatArray = decay
    scale = 0.2  # a usual day-to-day scatter in log units; replaced after the first pass
    solution: FloatArray = np.zeros(design.shape[1])
    for _ in range(ITERATIONS):
        weighted = design.T * (weight / scale**2)
        solution = np.linalg.solve(weighted @ design + prior, weighted @ target)
        residual = np.abs(target - design @ solution)
        scale = max(1.4826 * _weighted_median(residual, decay), 1e-3)
        weight = decay * np.minimum(1.0, huber * scale / np.maximum(residual, 1e-12))
    return solution, scale


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulative, 0.5 * cumulative[-1])])


def _hats(n: int) -> FloatArray:
    """Piecewise linear basis ``[n, n_knots]`` with a knot every fortnight, counted back from the last day."""
    n_knots = (n - 1) // KNOT_DAYS + 2
    position = (n_knots - 1) - np.arange(n)[::-1] / KNOT_DAYS
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(n_knots)[None, :])))


def _random_walk_precision(level: FloatArray, decay: FloatArray, sd: float) -> FloatArray:
    """Penalty of the level's moves, faded like the data so that old levels stay as free as new ones."""
    n_knots = level.shape[1]
    at_knot = (level * decay[:, None]).sum(axis=0) / np.maximum(level.sum(axis=0), 1e-12)
    step = np.diff(np.eye(n_knots), axis=0)
    precision = np.maximum(at_knot[1:], 1e-6) / (sd**2 * KNOT_DAYS)
    return np.asarray(step.T @ (step * precision[:, None]) + 1e-9 * np.eye(n_knots))


def _event_names(calendar: Calendar) -> list[str]:
    return sorted({name for _, name in calendar.events})


def _prior_sd(calendar: Calendar, settings: CalendarSettings) -> FloatArray:
    """Prior standard deviation of each column of `calendar_columns`."""
    n_holiday = N_HOLIDAY_COLUMNS + len(_event_names(calendar))
    groups = [(settings.weekday_sd, 7), (settings.month_sd, N_MONTH_COLUMNS), (settings.holiday_sd, n_holiday)]
    return np.concatenate([np.full(size, sd) for sd, size in groups])


def calendar_columns(calendar: Calendar, ds: DateArray) -> FloatArray:
    """Effects' columns ``[len(ds), n_effects]``: weekdays, month position, holidays, events."""
    ds = np.asarray(ds, dtype="datetime64[D]")
    if len(ds) == 0:
        return np.zeros((0, len(_prior_sd(calendar, CalendarSettings()))))
    first, last = spanned_years(ds)
    position = (ds - np.datetime64(f"{first:04}-01-01", "D")).astype(np.int64)
    return np.asarray(_columns_of_years(calendar, first, last)[position])


@lru_cache(maxsize=64)
def _columns_of_years(calendar: Calendar, first: int, last: int) -> FloatArray:
    """`calendar_columns` of every day of whole years, kept: every fit of a panel asks for about the same days."""
    ds = np.arange(f"{first:04}-01-01", f"{last + 1:04}-01-01", dtype="datetime64[D]")
    span = np.arange(ds[0] - MARGIN_DAYS, ds[-1] + MARGIN_DAYS + 1)
    facts = calendar.days(span)
    rest = calendar.rest_weeks(span)
    holiday_off, holiday_run = _holiday_runs(facts, rest)
    events = np.array([[event == name for name in _event_names(calendar)] for event in facts.event], dtype=float)
    columns = np.hstack(
        [
            _weekday_columns(facts, rest, holiday_off),
            _month_columns(facts),
            _holiday_columns(facts, rest, holiday_run),
            events.reshape(len(span), -1),
        ]
    )
    return np.asarray(columns[MARGIN_DAYS:-MARGIN_DAYS])


def _holiday_runs(facts: CalendarDays, rest: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Days off on a weekday usually worked ``[n]``, and all days of the runs of days off that hold one ``[n]``."""
    n = len(facts.ds)
    holiday_off = ~facts.workday & ~rest[np.arange(n), facts.weekday]
    run_id = np.cumsum(facts.offday_index == 1)
    with_holiday = np.unique(run_id[holiday_off])
    return holiday_off, ~facts.workday & np.isin(run_id, with_holiday)


def _weekday_columns(facts: CalendarDays, rest: BoolArray, holiday_off: BoolArray) -> FloatArray:
    """Weekdays ``[n, 7]``, centred; a holiday is a mixture of the rest days, a worked rest day of the work days."""
    n = len(facts.ds)
    one_hot = np.eye(7)[facts.weekday]
    worked_rest = facts.workday & rest[np.arange(n), facts.weekday]
    for mixed, like in ((holiday_off, rest), (worked_rest, ~rest)):
        usable = mixed & like.any(axis=1)
        one_hot[usable] = (like / np.maximum(like.sum(axis=1, keepdims=True), 1))[usable]
    return np.asarray(one_hot - 1.0 / 7.0)


N_MONTH_COLUMNS = 6


def _month_columns(facts: CalendarDays) -> FloatArray:
    """Month position ``[n, 6]``: a start and an end that fade over days, and two harmonics, about centred."""

    def shape(day: FloatArray, left: FloatArray) -> FloatArray:
        phase = 2.0 * np.pi * (day - 0.5) / (day + left)
        waves = [np.sin(phase), np.cos(phase), np.sin(2 * phase), np.cos(2 * phase)]
        return np.stack([np.exp(-(day - 1) / 3.0), np.exp(-left / 3.0), *waves], axis=1)

    month = np.arange(1.0, 31.0)
    centre = shape(month, 30.0 - month).mean(axis=0)
    return np.asarray(shape(facts.day.astype(float), facts.days_left.astype(float)) - centre)


N_HOLIDAY_COLUMNS = 7


def _holiday_columns(facts: CalendarDays, rest: BoolArray, run: BoolArray) -> FloatArray:
    """Holidays ``[n, 7]``: inside, first, last, long, day before, day after, worked rest day."""
    before = np.append(run[1:], False) & ~run
    after = np.append(False, run[:-1]) & ~run
    columns = [
        run,
        run & (facts.offday_index == 1),
        run & (facts.offday_index == facts.offday_run),
        run & (facts.offday_run >= LONG_RUN),
        before,
        after,
        facts.workday & rest[np.arange(len(run)), facts.weekday],
    ]
    return np.stack(columns, axis=1).astype(float)
