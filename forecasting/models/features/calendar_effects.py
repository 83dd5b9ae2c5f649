"""Taking the calendar out: a robust regression of log y on what is known about a day in advance.

    log y_t = level_t + effect(calendar of t) + noise

Levels move slowly (a random walk over fortnights); effects are weekday, days off and shifted work days, holidays, month
position and events. All is one penalised least-squares problem: every effect has a prior standard deviation
in log units, so what the data have not shown stays near zero, and holidays share their effects. Old days fade by a
half-life, odd days by Huber's weights (iteratively reweighted least squares; Huber 1964, Robust estimation of a
location parameter).

Every fit is solved to the end, in `calendar_kernel`; what fits on the same days share is made once.

A holiday that falls on a Monday starts from what days off are like, not from what Mondays are like; its own effects are
deviations from that. A worked weekend day likewise starts from what work days are like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from forecasting.calendar import WEEKDAYS, Calendar, CalendarDays, spanned_years, weekday_of
from forecasting.errors import TrialError
from forecasting.models.base import Settings
from forecasting.models.states import array_of
from forecasting.panel import History, Series
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

if TYPE_CHECKING:
    from forecasting.models.features.calendar_kernel import Design

__all__ = ["CalendarFit", "CalendarSettings", "calendar_columns", "fit_calendar", "safe_log", "warm_up_calendar"]

LONG_RUN = 5
"""Days off in a row from which a holiday counts as long."""
KNOT_DAYS = 14
MARGIN_DAYS = 20
"""How far around a day its holiday neighbourhood is looked at; longer than any run of days off."""


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
        return np.asarray(_columns_of_fit(self, calendar, ds) @ self.coefficients)

    def ordinary(self, calendar: Calendar, ds: DateArray) -> dict[str, FloatArray]:
        """Effects of weekday, month position and event, each ``[len(ds)]``, as if no day were a holiday: a weekday's
        effect is that of an ordinary day of its name.

        Raises
        ------
        TrialError
            As `effect` does.
        """
        rest, values = WEEKDAYS + N_MONTH_COLUMNS, self.coefficients
        columns, event = _columns_of_fit(self, calendar, ds), rest + N_HOLIDAY_COLUMNS
        return {
            "weekday": np.asarray((np.eye(WEEKDAYS)[weekday_of(ds)] - 1.0 / WEEKDAYS) @ values[:WEEKDAYS]),
            "month": np.asarray(columns[:, WEEKDAYS:rest] @ values[WEEKDAYS:rest]),
            "event": np.asarray(columns[:, event:] @ values[event:]),
        }

    def to_arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """For a model's State."""
        return {"calendar_coefficients": self.coefficients, "calendar_scale": np.array([self.scale])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray[Any, Any]]) -> CalendarFit:
        """Inverse of `to_arrays`; other arrays are ignored. Raises DamagedState when these are not as they were."""
        coefficients = array_of(arrays, "calendar_coefficients", np.float64, None)
        return cls(coefficients, float(array_of(arrays, "calendar_scale", np.float64, 1)[0]))


def _columns_of_fit(fit: CalendarFit, calendar: Calendar, ds: DateArray) -> FloatArray:
    """`calendar_columns`, as many as the fit has."""
    columns = calendar_columns(calendar, ds)
    if columns.shape[1] != len(fit.coefficients):
        raise TrialError("the calendar's events differ from those of the fit: fit again with the present events")
    return columns


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
    from forecasting.models.features.calendar_kernel import solve

    settings = settings or CalendarSettings()
    log_y = safe_log(history.y)
    design = _design(history.calendar, history.ds.astype("datetime64[D]").tobytes(), settings)
    return CalendarFit(*solve(design, log_y, settings.huber))


def warm_up_calendar() -> None:
    """Load or compile the solver."""
    day = np.array(["2024-01-01"], dtype="datetime64[D]")
    fit_calendar(History(Series("warm"), day, np.ones(1), np.empty((1, 0)), (), Calendar()))


@lru_cache(maxsize=64)
def _design(calendar: Calendar, days: bytes, settings: CalendarSettings) -> Design:
    """What the fits on the same days share, kept: those of all series of a panel that end at one cutoff."""
    from forecasting.models.features.calendar_kernel import Design

    ds = np.frombuffer(days, dtype="datetime64[D]")
    n = len(ds)
    decay = 0.5 ** (np.arange(n)[::-1] / settings.half_life)
    n_knots = (n - 1) // KNOT_DAYS + 2  # the last one lies on the last day
    place = (n_knots - 1) - np.arange(n)[::-1] / KNOT_DAYS
    knot = np.minimum(place.astype(np.int64), n_knots - 2)
    share = 1.0 - (place - knot)
    level = _random_walk_precision(knot, share, decay, settings.level_sd)
    precision = _prior_sd(calendar, settings) ** -2
    effects = calendar_columns(calendar, ds)
    layouts = np.ascontiguousarray(effects), np.ascontiguousarray(effects.T)
    return Design(*layouts, knot, share, decay, precision, *level)


def _random_walk_precision(
    knot: IntArray, share: FloatArray, decay: FloatArray, sd: float
) -> tuple[FloatArray, FloatArray]:
    """Penalty of the level's moves, faded like the data so that old levels stay as free as new ones.

    Its diagonal ``[n_knots]``, and what stands beside it ``[n_knots - 1]``.
    """
    n_knots = int(knot[-1]) + 2

    def at_knots(values: FloatArray) -> FloatArray:
        both = np.concatenate([share * values, (1.0 - share) * values])
        return np.bincount(np.concatenate([knot, knot + 1]), both, n_knots).astype(np.float64)

    faded = at_knots(decay) / np.maximum(at_knots(np.ones(len(decay))), 1e-12)
    moves = np.maximum(faded[1:], 1e-6) / (sd**2 * KNOT_DAYS)
    return np.append(moves, 0.0) + np.append(0.0, moves) + 1e-9, -moves


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
