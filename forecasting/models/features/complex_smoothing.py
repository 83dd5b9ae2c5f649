r"""Complex exponential smoothing of many series at once (Svetunkov, Kourentzes and Ord 2022, Complex exponential
smoothing, Naval Research Logistics).

A level l and an information potential c that it is not told apart from move together:

    ŷ_t     = l_{t-1}
    l_t     = l_{t-1} − (1 − a1) c_{t-1} + (a0 − a1) e_t
    c_t     = l_{t-1} + (1 − a0) c_{t-1} + (a0 + a1) e_t

With a1 = 1 the level stays where it is; below 1 it returns to zero, so that values should be centred. Seasonal kinds:

    none      as above
    simple    the same, but for t − m in place of t − 1
    partial   none, plus s_t = s_{t-m} + b0 e_t in the forecast
    full      none, plus the l of a second pair (b0, b1) with t − m in place of t − 1

Here e_t is cut to ±`clip`, and parameters minimise Huber's loss of the errors of one step: single odd days must
neither move a level nor decide how fast it moves. All series of all kinds of length are one loop over time; the
minimum is found for all of them together by damped Gauss-Newton steps (Levenberg 1944, Marquardt 1963).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from forecasting.schema import BoolArray, FloatArray, IntArray

__all__ = ["KINDS", "Kind", "Series", "fit", "forecast"]

Kind = Literal["none", "simple", "partial", "full"]
KINDS: tuple[Kind, ...] = get_args(Kind)
START = {"none": (1.1, 0.97), "simple": (1.1, 0.97), "partial": (1.1, 0.97, 0.1), "full": (1.1, 0.97, 1.1, 0.97)}
LARGEST = {"none": (2.0, 1.0), "simple": (2.0, 1.0), "partial": (2.0, 1.0, 0.6), "full": (2.0, 1.0, 2.0, 1.0)}
"""Parameters lie between 0 and this: beyond a1 = 1 forecasts explode."""
FIRST_SEASONS = 8
"""Whose mean a series starts from, and which the loss leaves out half of."""
ITERATIONS = 25
STUCK = 1e4
"""Damping beyond which steps are too small to matter."""
NUDGE = 1e-4
STEP = 0.2
"""Largest change of a parameter in one iteration."""


@dataclass(frozen=True)
class Series:
    """Series that end together, the longest first.

    `values` ``[n, n_series]``, anything before a series begins; `start` ``[n_series]`` their first periods, rising;
    `clip` ``[n_series]`` beyond which an error is cut; `season` m in periods.
    """

    values: FloatArray
    start: IntArray
    clip: FloatArray
    season: int

    def times(self, k: int) -> Series:
        """Every series k times side by side, in the order of the series."""
        return Series(np.repeat(self.values, k, axis=1), np.repeat(self.start, k), np.repeat(self.clip, k), self.season)


def fit(series: Series, kind: Kind) -> FloatArray:
    """Parameters ``[n_series, n_parameters]`` in the order of the module's text."""
    n_series, n_parameters = series.values.shape[1], len(START[kind])
    params = np.tile(np.array(START[kind]), (n_series, 1))
    damping = np.full(n_series, 1e-2)
    nudged, shift = series.times(n_parameters), NUDGE * np.eye(n_parameters)
    errors = _errors(series, params, kind)
    loss = _loss(series, errors)
    for _ in range(ITERATIONS):
        moved = _errors(nudged, (params[:, None, :] + shift).reshape(-1, n_parameters), kind)
        slope = (moved.reshape(len(errors), n_series, n_parameters) - errors[:, :, None]) / NUDGE
        tried = np.clip(params + _step(series, errors, slope, damping), 0.0, LARGEST[kind])
        tried_errors = _errors(series, tried, kind)
        tried_loss = np.where(_stable(tried), _loss(series, tried_errors), np.inf)
        better = tried_loss < loss
        params[better], errors[:, better] = tried[better], tried_errors[:, better]
        loss, damping = np.where(better, tried_loss, loss), damping * np.where(better, 0.3, 4.0)
        if (damping > STUCK).all():
            break
    return params


def forecast(series: Series, params: FloatArray, kind: Kind, n_ahead: int) -> FloatArray:
    """Forecasts ``[n_ahead, n_series]`` with parameters as `fit` gives them."""
    return _run(series, params, kind, n_ahead)[1]


def _errors(series: Series, params: FloatArray, kind: Kind) -> FloatArray:
    return _run(series, params, kind, 0)[0]


def _run(series: Series, params: FloatArray, kind: Kind, n_ahead: int) -> tuple[FloatArray, FloatArray]:
    """Errors of one step ``[n, n_series]``, 0 before a series begins, and forecasts ``[n_ahead, n_series]``."""
    n, n_series = series.values.shape
    errors, ahead = np.zeros((n, n_series)), np.empty((n_ahead, n_series))
    state = _State(series, params, kind)
    begun = np.searchsorted(series.start, np.arange(n), side="right")
    with np.errstate(over="ignore", invalid="ignore"):  # an unstable parameter gives an infinite loss
        for t in range(n + n_ahead):
            k = n_series if t >= n else int(begun[t])
            y_hat = state.forecast(t, k)
            if t >= n:
                ahead[t - n] = y_hat
                state.move(t, k, np.zeros(k))
                continue
            errors[t, :k] = series.values[t, :k] - y_hat
            state.move(t, k, np.minimum(np.maximum(errors[t, :k], -series.clip[:k]), series.clip[:k]))
    return errors, ahead


class _State:
    """Pairs of level and potential ``[lags, 2, n_series]`` with their parameters; `season` ``[m, n_series]``."""

    def __init__(self, series: Series, params: FloatArray, kind: Kind) -> None:
        level, season = _beginning(series)
        m, p = series.season, params.T
        self._pairs: list[tuple[FloatArray, Any, Any]] = []
        self._season = (season, p[2]) if kind == "partial" else None
        if kind != "simple":
            self._pairs.append((_pair(level[None]), p[0], p[1]))
        else:
            self._pairs.append((_pair(level + season), p[0], p[1]))
        if kind == "full":
            self._pairs.append((_pair(season), p[2], p[3]))
        self._m = m

    def forecast(self, t: int, k: int) -> FloatArray:
        """One step ahead of the first k series, ``[k]``."""
        total = np.zeros(k)
        for pair, _, _ in self._pairs:
            total += pair[t % len(pair), 0, :k]
        return total if self._season is None else total + self._season[0][t % self._m, :k]

    def move(self, t: int, k: int, error: FloatArray) -> None:
        """Take up the errors of the first k series, ``[k]``."""
        for pair, a0, a1 in self._pairs:
            now = pair[t % len(pair), :, :k]
            level, potential = now[0].copy(), now[1].copy()
            now[0] = level - (1.0 - a1[:k]) * potential + (a0[:k] - a1[:k]) * error
            now[1] = level + (1.0 - a0[:k]) * potential + (a0[:k] + a1[:k]) * error
        if self._season is not None:
            self._season[0][t % self._m, :k] += self._season[1][:k] * error


def _pair(level: FloatArray) -> FloatArray:
    """Levels ``[lags, n_series]`` with potentials of zero: ``[lags, 2, n_series]``."""
    return np.stack([level, np.zeros_like(level)], axis=1)


def _beginning(series: Series) -> tuple[FloatArray, FloatArray]:
    """Mean of each series' first seasons ``[n_series]``, and departures from it by place in the season."""
    m, (n, n_series) = series.season, series.values.shape
    level, season = np.zeros(n_series), np.zeros((m, n_series))
    for start in np.unique(series.start):
        mine = series.start == start
        stop = start + min((n - start) // m, FIRST_SEASONS) * m
        first = series.values[start : max(stop, start + 1), mine]
        level[mine] = first.mean(axis=0)
        if stop > start:
            season[(start + np.arange(m)) % m] += mine * _departures(first, m, mine)
    return level, season


def _departures(first: FloatArray, m: int, mine: FloatArray) -> FloatArray:
    found = np.zeros((m, len(mine)))
    found[:, mine] = first.reshape(-1, m, first.shape[1]).mean(axis=0) - first.mean(axis=0)
    return found


def _stable(params: FloatArray) -> BoolArray:
    """Whether levels forget what they were long ago, ``[n_series]``: the conditions of the paper, for every pair."""
    found = np.ones(len(params), dtype=bool)
    for a0, a1 in [(params[:, k], params[:, k + 1]) for k in range(0, 2 * (params.shape[1] // 2), 2)]:
        found &= (a0 - 2.5) ** 2 + a1**2 > 1.25
        found &= (a0 - 0.5) ** 2 + (a1 - 1.0) ** 2 > 0.25
        found &= (a0 - 1.5) ** 2 + (a1 - 0.5) ** 2 < 1.5
    return found


def _weights(series: Series, errors: FloatArray) -> FloatArray:
    """Huber's weights, half of `clip` being where they begin; 0 in the first seasons."""
    counted = np.arange(len(errors))[:, None] >= series.start + FIRST_SEASONS // 2 * series.season
    return np.asarray(counted * np.minimum(1.0, 0.5 * series.clip / np.maximum(np.abs(errors), 1e-12)))


def _loss(series: Series, errors: FloatArray) -> FloatArray:
    """Huber's loss ``[n_series]``; infinite where the level ran away."""
    weight = _weights(series, errors)
    with np.errstate(over="ignore", invalid="ignore"):
        total = (weight * errors**2 * (2.0 - weight)).sum(axis=0)
    return np.where(np.isfinite(total), total, np.inf)


def _step(series: Series, errors: FloatArray, slope: FloatArray, damping: FloatArray) -> FloatArray:
    """Damped Gauss-Newton steps ``[n_series, n_parameters]``."""
    weight = _weights(series, errors)
    curvature = np.einsum("tsi,tsj,ts->sij", slope, slope, weight)
    gradient = np.einsum("tsi,ts->si", slope, errors * weight)
    size = np.einsum("sii->si", curvature)
    curvature += np.eye(slope.shape[2]) * (damping[:, None] * (size + 1e-9) + 1e-12)[:, :, None]
    step = np.linalg.solve(curvature, -gradient[:, :, None])[:, :, 0]
    return np.asarray(np.clip(np.nan_to_num(step), -STEP, STEP))
