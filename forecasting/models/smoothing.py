"""Exponential smoothing of a panel's levels, the calendar taken out of all series together.

    ŷ_{T+h} = exp(level_T(h) + effect(calendar of T+h))

with effects as in `forecasting.models.features.shared_calendar`. What smooths the level:

    ces     complex exponential smoothing around the median level, to which it may return; see `complex_smoothing`
    ets     a level of its own speed with additive errors, by statsmodels (Hyndman, Koehler, Snyder and Grose 2002)
    theta   the same plus half of the trend, by statsmodels (Assimakopoulos and Nikolopoulos 2000)

Days far from their neighbours are pulled in first (ets, theta), or their errors are cut (ces): a level must not follow
a day on which the machine was out of order. All series are fitted in one call, because the calendar's effects and the
loop over time are shared; every series has parameters of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.errors import TrialError
from forecasting.models.base import PanelTask, Settings, State
from forecasting.models.features import complex_smoothing as ces
from forecasting.models.features.calendar_effects import safe_log
from forecasting.models.features.lengths import require
from forecasting.models.features.levels import pulled_in
from forecasting.models.features.shared_calendar import (
    Effect,
    SharedCalendar,
    SharedCalendarSettings,
    fit_shared_calendar,
)
from forecasting.models.heard import caught_warnings
from forecasting.models.states import array_of
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, IntArray

__all__ = ["Smoothing", "SmoothingSettings"]

MIN_DAYS = 28
CLIP = 3.0
"""Robust scales from what is usual at which a day, or an error, is cut."""


class SmoothingSettings(Settings):
    """Settings of `smoothing`."""

    kind: Literal["ces", "ets", "theta"] = Field(
        "ces", description="ces: complex exponential smoothing; ets: a smoothed level; theta: with half of its trend"
    )
    seasonal: ces.Kind = Field(
        "none", description="ces: how the season moves on that own calendar effects leave; see the model's text"
    )
    calendar: SharedCalendarSettings = Field(
        default_factory=SharedCalendarSettings, description="the calendar regression of the panel"
    )


class Smoothing:
    """See the module's text."""

    name: ClassVar[str] = "smoothing"
    family: ClassVar[str] = "smoothing"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "statsmodels", "holidays")
    seeded: ClassVar[bool] = False
    on_log: ClassVar[bool] = True
    seconds_per_fit: ClassVar[float] = 0.02
    settings_type: ClassVar[type[Settings]] = SmoothingSettings

    def __init__(self, settings: SmoothingSettings) -> None:
        self.settings = settings

    def fit_all(self, task: PanelTask) -> State:
        """Fit the calendar, then every series. Raises TrialError when none is long enough."""
        histories = [h for h in task.histories if len(h.y) >= h.axis.worth(MIN_DAYS)]
        if not histories:
            raise TrialError(f"none of {len(task.histories)} series has the {MIN_DAYS} days that smoothing needs")
        calendar = fit_shared_calendar(histories, self.settings.calendar)
        ordered = calendar.ordered(histories)
        levels = [_without(calendar.effect(history, self.settings.calendar), history) for history in ordered]
        season = ordered[0].axis.season_length
        params = self._parameters(levels, season)
        ahead = self._ahead(levels, params, season, task.horizon)
        arrays, facts = calendar.to_state()
        known = np.array([_mark(level) for level in levels])
        return State({**arrays, "params": params, "ahead": ahead, "known": known}, facts)

    def check(self, state: State) -> None:
        """See `ChecksState`."""
        n = len(SharedCalendar.from_state(state.arrays, state.meta).series)
        n_params = len(ces.START[self.settings.seasonal]) if self.settings.kind == "ces" else 2
        array_of(state.arrays, "params", np.float64, n, n_params)
        array_of(state.arrays, "ahead", np.float64, n, None)
        array_of(state.arrays, "known", np.float64, n)

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, see `Model`; a series that the fit did not see takes parameters of a usual one."""
        require(history, MIN_DAYS)
        calendar = SharedCalendar.from_state(state.arrays, state.meta)
        effect, row = calendar.effect(history, self.settings.calendar), calendar.row(history.unique_id)
        level, step = _without(effect, history), history.steps(ds)
        known = state.arrays["ahead"] if row is not None and state.arrays["known"][row] == _mark(level) else None
        if known is not None and step.max() <= known.shape[1]:  # nothing new: forecast already when it was fitted
            ahead = known[row]
        else:
            mine = _usual(state.arrays["params"]) if row is None else state.arrays["params"][row]
            ahead = self._ahead([level], mine[None], history.axis.season_length, int(step.max()))[0]
        return np.asarray(np.exp(ahead[step - 1] + effect(ds)))

    def _parameters(self, levels: Sequence[FloatArray], season: int) -> FloatArray:
        """Parameters of every series, ``[n_series, n_parameters]``."""
        if self.settings.kind != "ces":
            return np.stack([self._by_statsmodels(pulled_in(level, CLIP)) for level in levels])
        series, order, _ = self._stacked(levels, season)
        params = np.empty((len(levels), len(ces.START[self.settings.seasonal])))
        params[order] = ces.fit(series, self.settings.seasonal)
        return params

    def _ahead(self, levels: Sequence[FloatArray], params: FloatArray, season: int, n_ahead: int) -> FloatArray:
        """Levels to come, ``[n_series, n_ahead]``."""
        if self.settings.kind != "ces":
            return np.stack([_flat(pulled_in(x, CLIP), p, n_ahead) for x, p in zip(levels, params, strict=True)])
        series, order, centre = self._stacked(levels, season)
        ahead = np.empty((len(levels), n_ahead))
        ahead[order] = ces.forecast(series, params[order], self.settings.seasonal, n_ahead).T
        return ahead + centre[:, None]

    def _stacked(self, levels: Sequence[FloatArray], season: int) -> tuple[ces.Series, IntArray, FloatArray]:
        """All series side by side, the place of each ``[n_series]``, and what they are centred on ``[n_series]``."""
        order = np.argsort([-len(level) for level in levels], kind="stable")
        n = len(levels[order[0]])
        centre = np.array([np.median(level) for level in levels])
        values = np.zeros((n, len(levels)))
        for column, row in enumerate(order):
            values[n - len(levels[row]) :, column] = levels[row] - centre[row]
        start = np.array([n - len(levels[row]) for row in order])
        clip = np.array([CLIP * _scatter(levels[row], season) for row in order])
        return ces.Series(values, start, clip, season), order, centre

    def _by_statsmodels(self, level: FloatArray) -> FloatArray:
        """Smoothing parameter, and slope per period: ``[2]``."""
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel
        from statsmodels.tsa.forecasting.theta import ThetaModel

        with caught_warnings("ignore"):  # an optimiser that stops early has a level all the same
            if self.settings.kind == "ets":
                return np.array([ETSModel(level, error="add").fit(disp=False).params[0], 0.0])
            found = ThetaModel(level, period=1, deseasonalize=False).fit(use_mle=False, disp=False).params
            return np.array([found["alpha"], 0.5 * found["b0"]])


def _mark(level: FloatArray) -> float:
    """A number that tells whether a level is the very one that was fitted."""
    return float(level @ np.arange(1.0, len(level) + 1.0))


def _usual(params: FloatArray) -> FloatArray:
    """Parameters of the series that lies nearest to the median of all."""
    return np.asarray(params[np.argmin(np.abs(params - np.median(params, axis=0)).sum(axis=1))])


def _without(effect: Effect, history: History) -> FloatArray:
    """Log y without the calendar, ``[n]``."""
    return safe_log(history.y) - effect(history.ds)


def _flat(level: FloatArray, params: FloatArray, n_ahead: int) -> FloatArray:
    """A smoothed level ``[n_ahead]`` that goes on with half of the trend."""
    alpha, slope = params
    weight = alpha * (1.0 - alpha) ** np.arange(len(level))[::-1]
    last = weight @ level + (1.0 - weight.sum()) * level[0]
    return np.asarray(last + slope * (np.arange(n_ahead) + 1.0))


def _scatter(level: FloatArray, season: int) -> float:
    """Robust standard deviation of a level's day, from changes over a season."""
    change = level[season:] - level[:-season] if len(level) > season else np.diff(level)
    return max(1.4826 * float(np.median(np.abs(change))) / 2**0.5, 1e-3) if len(change) else 1e-3
