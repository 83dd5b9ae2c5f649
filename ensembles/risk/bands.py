r"""Prediction intervals of the blend by split conformal prediction on its out-of-fold errors.

The score of a day is :math:`|\log(y / ŷ)| / s`, with s the size of errors usual for the series and the step:
steps are pooled, with a scale that rises smoothly with the step, and series are pooled, each with its own scale
held toward the common one. A band is :math:`ŷ e^{\pm q s}` with q the level's quantile of the scores and one
more that is infinite. It is symmetric in ratios: with few windows the direction of the errors so far says
little about the next (see `calibrate`). Recent windows weigh more, since a young fund's flows calm down.

Bands of a window use the windows before it, so there are none for the first. Errors of a window's days go
together, so a few windows are a small sample however many days they hold: the measured coverage, with its
interval, says what the bands are worth.

References
----------
Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-free predictive inference for regression.
Barber, Candès, Ramdas and Tibshirani (2023), Conformal prediction beyond exchangeability (the weights).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ensembles.judging.bootstrap import interval, resampled_days
from ensembles.oof import log_errors
from forecasting.schema import FloatArray, IntArray

__all__ = ["BAND_LEVELS", "BandRule", "Bands", "Coverage", "coverage", "fit_bands", "prequential_bands"]

BAND_LEVELS = (80, 95)
"""Share of days, in percent, meant to lie inside."""
HALF_LIFE = 2.0
"""Windows after which an error weighs half."""
PRIOR_WINDOWS = 4
"""Windows of evidence that a scale equal for all steps counts for against the slope found."""
PRIOR_DAYS = 30
"""Days of evidence that the common scale counts for against a series' own."""
STEEPEST = 1.5
"""Scale of the last step at most, as a multiple of the mean: the first is as far below."""


@dataclass(frozen=True)
class Bands:
    """Lower and upper ends by level, each ``[n_series, ..., horizon]``; NaN where there are none."""

    low: Mapping[int, FloatArray]
    high: Mapping[int, FloatArray]

    def series(self, row: int) -> Bands:
        """The bands of one series, ``[..., horizon]``."""
        return Bands({k: v[row] for k, v in self.low.items()}, {k: v[row] for k, v in self.high.items()})

    def columns(self) -> dict[str, FloatArray]:
        """Ends by name: ``lo_95``, ``lo_80``, ``hi_80``, ``hi_95``."""
        lower = {f"lo_{level}": self.low[level] for level in sorted(self.low, reverse=True)}
        return lower | {f"hi_{level}": self.high[level] for level in sorted(self.high)}


@dataclass(frozen=True)
class BandRule:
    """Half widths in log ratio: `quantiles` by level times the scale of a series and step.

    `own` ``[n_series]`` the usual size of a series' errors, NaN without any error to go by; the scale of step h (0
    for the first day) is that times ``1 + slope * (h - centre)``.
    """

    own: FloatArray
    slope: float
    centre: float
    quantiles: Mapping[int, float]

    def scale(self, n_days: int) -> FloatArray:
        """Size of errors usual for each series and step, ``[n_series, n_days]``."""
        return self.own[:, None] * (1.0 + self.slope * (np.arange(n_days) - self.centre))

    def apply(self, y_hat: FloatArray) -> Bands:
        """Bands around forecasts ``[n_series, horizon]``."""
        scale = self.scale(y_hat.shape[1])
        return Bands(
            {level: y_hat * np.exp(-q * scale) for level, q in self.quantiles.items()},
            {level: y_hat * np.exp(q * scale) for level, q in self.quantiles.items()},
        )


def fit_bands(y_hat: FloatArray, y: FloatArray) -> BandRule:
    """Rule from prequential forecasts and actual values, ``[n_series, n_windows, horizon]``, windows oldest first.

    Days with y = 0 or ŷ = 0 have no ratio and are left out.
    """
    size = np.abs(log_errors(y_hat, y))
    known = ~np.isnan(size)
    if not known.any():
        return BandRule(np.full(len(y), np.nan), 0.0, 0.0, dict.fromkeys(BAND_LEVELS, np.nan))
    age = np.arange(size.shape[1])[::-1]
    weight = np.where(known, 0.5 ** (age / HALF_LIFE)[:, None], 0.0)
    weighted = np.where(known, size, 0.0) * weight
    common = weighted.sum() / weight.sum()
    if common == 0.0:
        return BandRule(np.zeros(len(y)), 0.0, 0.0, dict.fromkeys(BAND_LEVELS, 0.0))
    own = (weighted.sum(axis=(1, 2)) + PRIOR_DAYS * common) / (weight.sum(axis=(1, 2)) + PRIOR_DAYS)
    slope, centre = _step_line(weighted / own[:, None, None], weight)
    plain = BandRule(own, slope, centre, {})
    scores = (size / plain.scale(size.shape[2])[:, None])[known]
    return replace(plain, quantiles={level: _conformal_quantile(scores, weight[known], level) for level in BAND_LEVELS})


def _step_line(weighted: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Slope and centre of the scale over steps, mean 1: a line that does not fall, held toward a flat one."""
    n_windows, n_steps = weight.shape[1:]
    days = weight.sum(axis=(0, 1))
    centre = float((days * np.arange(n_steps)).sum() / days.sum())
    away = np.arange(n_steps) - centre
    across = (days * away**2).sum()
    if across == 0.0:
        return 0.0, centre
    slope = (weighted.sum(axis=(0, 1)) * away).sum() / across / (weighted.sum() / days.sum())
    held = slope * n_windows / (n_windows + PRIOR_WINDOWS)
    return float(np.clip(held, 0.0, (STEEPEST - 1.0) / np.abs(away).max())), centre


def _conformal_quantile(scores: FloatArray, weight: FloatArray, level: int) -> float:
    """Smallest score with `level` percent of the weight at or below it, counting a day to come, whose weight is 1,
    as infinite.
    """
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weight[order]) / (weight.sum() + 1.0)
    rank = int(np.searchsorted(reached, level / 100 - 1e-12))
    return float(scores[order[min(rank, len(scores) - 1)]])


def prequential_bands(y_hat: FloatArray, y: FloatArray, before: Sequence[IntArray]) -> Bands:
    """Bands of every window ``[n_series, n_windows, horizon]`` from the windows before it; NaN for those without
    any.
    """
    low = {level: np.full(y.shape, np.nan) for level in BAND_LEVELS}
    high = {level: np.full(y.shape, np.nan) for level in BAND_LEVELS}
    for window, past in enumerate(before):
        bands = fit_bands(y_hat[:, past], y[:, past]).apply(y_hat[:, window])
        for level in BAND_LEVELS:
            low[level][:, window], high[level][:, window] = bands.low[level], bands.high[level]
    return Bands(low, high)


@dataclass(frozen=True)
class Coverage:
    """Share of days inside the bands of a level, with a block-bootstrap interval, over `n_days` days of
    `n_windows` windows.
    """

    share: float
    low: float
    high: float
    n_days: int
    n_windows: int


def coverage(bands: Bands, y: FloatArray, horizons: IntArray) -> dict[int, Coverage]:
    """Measured coverage by level, over the windows that have bands; NaN without any.

    Parameters
    ----------
    y
        Actual values ``[n_series, n_windows, horizon]``.
    horizons
        Days of each window.
    """
    found = {}
    for level in BAND_LEVELS:
        judged = ~np.isnan(bands.low[level]) & ~np.isnan(y)
        windows = np.flatnonzero(judged.any(axis=(0, 2)))
        if len(windows) == 0:
            found[level] = Coverage(np.nan, np.nan, np.nan, 0, 0)
            continue
        inside = judged & (y >= bands.low[level]) & (y <= bands.high[level])
        hits = np.concatenate([inside[:, w, : horizons[w]].sum(axis=0) for w in windows])
        days = np.concatenate([judged[:, w, : horizons[w]].sum(axis=0) for w in windows])
        share = float(hits.sum() / days.sum())
        drawn = resampled_days(horizons[windows])
        low, high = interval(share, hits[drawn].sum(axis=1) / days[drawn].sum(axis=1))
        found[level] = Coverage(share, max(low, 0.0), min(high, 1.0), int(judged.sum()), len(windows))
    return found
