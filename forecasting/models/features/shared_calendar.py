"""Calendar effects that the series of a panel share: what one series shows too seldom, all of them show together.

    log y_it = level_it + own effects of series i + shared effects(calendar of t) + noise

A series sees Christmas once a year, and a hundred series see a hundred of them. The shared effects are:

    occasions   the days around and inside every public holiday, by its name, and around holidays of any name
    yearly      a smooth yearly shape, where the panel has a year and five weeks

They are estimated in turns. Own effects are those of `calendar_effects`. The median over series of what they and the
levels leave over is one daily series; a penalised regression tells occasions, year and a slow common level apart in it.
Own effects are then fitted again, to what the shared ones leave. Days around holidays are never taken for outliers,
so a single holiday is believed as far as `occasion_sd` exceeds the scatter of other days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import Field

from forecasting.calendar import Calendar
from forecasting.models.base import DamagedState
from forecasting.models.features.calendar_effects import CalendarFit, CalendarSettings, fit_calendar, safe_log
from forecasting.models.features.occasions import KNOTS, PER_NAME, holiday_names, occasion_columns
from forecasting.models.states import array_of, fact_of
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray
from forecasting.seeding import content_hash

__all__ = ["Effect", "SharedCalendar", "SharedCalendarSettings", "fit_shared_calendar", "series_keys"]

LEVEL_KNOT = 14
"""Periods between knots of the common level."""
LEVEL_SD = 0.01
"""Standard deviation of the common level's move per period, log units."""
LEAST_YEAR = 400
"""Days that the data must span before a yearly shape is told from a trend."""
ITERATIONS = 10
QUANTILE, NORMAL = 0.8, 1.28
"""The scatter of ordinary days: this quantile of absolute residuals, over that of a normal distribution."""


class SharedCalendarSettings(CalendarSettings):
    """How strongly own and shared calendar effects may follow the data."""

    half_life: float = Field(400.0, gt=0, description="days after which a day counts half in a series' own effects")
    occasion_sd: float = Field(
        0.1, gt=0, description="prior standard deviation of what a holiday does to all series, log units"
    )
    yearly_sd: float = Field(
        0.08, gt=0, description="standard deviation of the yearly shape's move per week, log units"
    )


@dataclass(frozen=True)
class SharedCalendar:
    """Effects of a panel.

    `names` of the holidays known; `occasions` ``[(1 + n_names) * PER_NAME]`` and `yearly` ``[KNOTS]`` on log y;
    `series` ``[n_series]`` sorted keys (see `series_keys`), `own` ``[n_series, n_effects]`` and `scales` ``[n_series]``
    as in `CalendarFit`.
    """

    names: tuple[str, ...]
    occasions: FloatArray
    yearly: FloatArray
    series: np.ndarray[Any, np.dtype[np.uint64]]
    own: FloatArray
    scales: FloatArray

    def shared(self, calendar: Calendar, ds: DateArray) -> FloatArray:
        """Additive effect on log y that all series share, ``[len(ds)]``."""
        columns = occasion_columns(calendar, ds, self.names)
        return np.asarray(columns @ np.concatenate([self.occasions, self.yearly]))

    def year(self, calendar: Calendar, ds: DateArray) -> FloatArray:
        """The yearly shape alone, ``[len(ds)]``, part of `shared`; zero on the average over a year."""
        columns = occasion_columns(calendar, ds, self.names)[:, len(self.occasions) :]
        return np.asarray(columns @ (self.yearly - self.yearly.mean()))

    def row(self, unique_id: str) -> int | None:
        """The place of a series among those of the fit; None where it was not there."""
        key = series_keys([unique_id])[0]
        at = int(np.searchsorted(self.series, key))
        return at if at < len(self.series) and self.series[at] == key else None

    def ordered(self, histories: Sequence[History]) -> list[History]:
        """The histories of the fit in the order of its rows."""
        return _by_key(histories)

    def effect(self, history: History, settings: SharedCalendarSettings) -> Effect:
        """The whole effect for one series; a series that the fit did not see has its own effects fitted now.

        Raises
        ------
        TrialError
            When an amount of the history is not positive, or the calendar's events differ from those of the fit.
        """
        row = self.row(history.unique_id)
        own = _own(history, self, settings) if row is None else CalendarFit(self.own[row], float(self.scales[row]))
        return Effect(self, own, history.calendar)

    def to_state(self) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
        """Arrays and facts for a model's State."""
        arrays = {"occasions": self.occasions, "yearly": self.yearly, "series": self.series}
        return {**arrays, "own": self.own, "own_scale": self.scales}, {"holidays": list(self.names)}

    @classmethod
    def from_state(cls, arrays: Mapping[str, np.ndarray[Any, Any]], facts: Mapping[str, Any]) -> SharedCalendar:
        """Inverse of `to_state`; other arrays and facts are ignored. Raises DamagedState when these are not as they
        were.
        """
        names = fact_of(facts, "holidays", list)
        if not all(type(name) is str for name in names):
            raise DamagedState("holidays are not all names")
        occasions = array_of(arrays, "occasions", np.float64, (1 + len(names)) * PER_NAME)
        yearly, series = array_of(arrays, "yearly", np.float64, KNOTS), array_of(arrays, "series", np.uint64, None)
        own = array_of(arrays, "own", np.float64, len(series), None)
        scales = array_of(arrays, "own_scale", np.float64, len(series))
        if not (series[1:] > series[:-1]).all():
            raise DamagedState("series are not in their order")
        return cls(tuple(names), occasions, yearly, series, own, scales)


@dataclass(frozen=True)
class Effect:
    """What the calendar does to one series."""

    panel: SharedCalendar
    own: CalendarFit
    calendar: Calendar

    def __call__(self, ds: DateArray) -> FloatArray:
        """Additive effect on log y of each day, ``[len(ds)]``."""
        return self.panel.shared(self.calendar, ds) + self.own.effect(self.calendar, ds)


def series_keys(unique_ids: Sequence[str]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A number for each series that depends on its name alone, ``[n_series]``: names as an array of a state."""
    return np.array([int(content_hash(uid), 16) for uid in unique_ids], dtype=np.uint64)


def _by_key(histories: Sequence[History]) -> list[History]:
    keys = series_keys([history.unique_id for history in histories])
    return [histories[k] for k in np.argsort(keys, kind="stable")]


def fit_shared_calendar(histories: Sequence[History], settings: SharedCalendarSettings) -> SharedCalendar:
    """Effects of a panel from histories that end at one cutoff.

    Raises
    ------
    TrialError
        When an amount of a history is not positive.
    """
    keys = np.sort(series_keys([history.unique_id for history in histories]))
    ordered = _by_key(histories)
    calendar = ordered[0].calendar
    ds = np.unique(np.concatenate([history.ds for history in ordered]))
    names = holiday_names(calendar, ds)
    n_occasions = (1 + len(names)) * PER_NAME
    left_over = _left_over(ordered, [fit_calendar(history, settings) for history in ordered], ds)
    solution = _regress(left_over, occasion_columns(calendar, ds, names), n_occasions, settings, _year_is_known(ds))
    empty = np.zeros((0, 0))
    shared = SharedCalendar(names, solution[:n_occasions], solution[n_occasions:], keys[:0], empty, empty)
    own = [_own(history, shared, settings) for history in ordered]
    coefficients = np.stack([fit.coefficients for fit in own])
    return replace(shared, series=keys, own=coefficients, scales=np.array([fit.scale for fit in own]))


def _own(history: History, shared: SharedCalendar, settings: SharedCalendarSettings) -> CalendarFit:
    """Own effects of a series, fitted to what the shared ones leave of it."""
    without = history.y / np.exp(shared.shared(history.calendar, history.ds))
    return fit_calendar(replace(history, y=without), settings)


def _left_over(histories: Sequence[History], own: Sequence[CalendarFit], ds: DateArray) -> FloatArray:
    """Median over series of log y less own effects and each series' own median, ``[len(ds)]``."""
    rest = np.full((len(histories), len(ds)), np.nan)
    for row, (history, fit) in enumerate(zip(histories, own, strict=True)):
        adjusted = safe_log(history.y) - fit.effect(history.calendar, history.ds)
        rest[row, np.searchsorted(ds, history.ds)] = adjusted - np.median(adjusted)
    return np.asarray(np.nanmedian(rest, axis=0))


def _regress(
    target: FloatArray, columns: FloatArray, n_occasions: int, settings: SharedCalendarSettings, yearly: bool
) -> FloatArray:
    """Coefficients ``[n_columns]`` of occasions and year, beside a slow level, by reweighted least squares."""
    level = _hats(len(target))
    near = columns[:, :n_occasions].any(axis=1)
    used = columns.shape[1] if yearly else n_occasions
    design = np.hstack([columns[:, :used], level])
    prior = np.zeros((design.shape[1], design.shape[1]))
    prior[:n_occasions, :n_occasions] = np.eye(n_occasions) / settings.occasion_sd**2
    if yearly:
        prior[n_occasions:used, n_occasions:used] = _moves(np.eye(KNOTS), settings.yearly_sd, round_trip=True)
    prior[used:, used:] = _moves(np.eye(level.shape[1]), LEVEL_SD * LEVEL_KNOT**0.5)
    weight, scale = np.ones(len(target)), 0.1
    for _ in range(ITERATIONS):
        weighted = design.T * (weight / scale**2)
        solution = np.linalg.solve(weighted @ design + prior, weighted @ target)
        residual = np.abs(target - design @ solution)
        usual = residual[~near] if not near.all() else residual
        scale = max(float(np.quantile(usual, QUANTILE)) / NORMAL, 1e-3)
        weight = np.where(near, 1.0, np.minimum(1.0, scale / np.maximum(residual, 1e-12)))
    return np.concatenate([solution[:used], np.zeros(columns.shape[1] - used)])


def _moves(knots: FloatArray, sd: float, *, round_trip: bool = False) -> FloatArray:
    """Penalty of moves from knot to knot, of the last to the first too on a round trip; hardly any of the size."""
    step = knots - np.roll(knots, 1, axis=1)
    step = step if round_trip else step[1:]
    return np.asarray(step.T @ step / sd**2 + 1e-2 * np.eye(len(knots)))


def _hats(n: int) -> FloatArray:
    """Piecewise linear basis ``[n, n_knots]``, counted back from the last period."""
    n_knots = (n - 1) // LEVEL_KNOT + 2
    position = (n_knots - 1) - np.arange(n)[::-1] / LEVEL_KNOT
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(n_knots))))


def _year_is_known(ds: DateArray) -> bool:
    return bool((ds[-1] - ds[0]).astype(np.int64) >= LEAST_YEAR)
