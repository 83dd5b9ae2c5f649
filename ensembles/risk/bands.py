r"""Prediction intervals of the blend by split conformal prediction on its out-of-fold errors.

The score of a day is :math:`|\log(y / ŷ)| / s`, with s the size of errors usual for the series and the step:
steps are pooled, with a scale that rises smoothly with the step, and series are pooled, each with its own scale
held toward the common one. A band is :math:`ŷ e^{\pm q s}` with q the level's quantile of the scores and one
more that is infinite. It is symmetric in ratios: with few windows the direction of the errors so far says
little about the next (see `calibrate`). Recent windows weigh more, since a young fund's flows calm down.

A series with negative amounts has no ratios. Its errors are differences on the scale
:math:`\operatorname{asinh}(y / a)`, where a is the usual size of its amounts: about linear below that size and about
logarithmic above it. There a day with y = 0 is a day as any other.

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
    for the first day) is that times ``1 + slope * (h - centre)``. `amounts` ``[n_series]``: usual size of the amounts
    of a series whose half widths are in inverse hyperbolic sines of amounts over it, 0 for logs; None: logs for all.
    """

    own: FloatArray
    slope: float
    centre: float
    quantiles: Mapping[int, float]
    amounts: FloatArray | None = None

    def scale(self, n_days: int) -> FloatArray:
        """Size of errors usual for each series and step, ``[n_series, n_days]``."""
        return self.own[:, None] * (1.0 + self.slope * (np.arange(n_days) - self.centre))

    def apply(self, y_hat: FloatArray) -> Bands:
        """Bands around forecasts ``[n_series, horizon]``. A forecast of 0 is one of a day without any flow, so its band
        has no width; on a scale of logs a negative forecast has none.
        """
        scale = self.scale(y_hat.shape[1])
        return Bands(
            {level: self._moved(y_hat, -q * scale) for level, q in self.quantiles.items()},
            {level: self._moved(y_hat, q * scale) for level, q in self.quantiles.items()},
        )

    def _moved(self, y_hat: FloatArray, by: FloatArray) -> FloatArray:
        """Forecasts moved `by` so much on the scale of their series."""
        ends = np.where(y_hat < 0, np.nan, y_hat * np.exp(by))
        if self.amounts is None:
            return ends
        signed, size = self.amounts > 0, self.amounts[:, None]
        size = np.where(size > 0, size, 1.0)
        # A width without bound is that of a quantile nobody has seen: infinite, as on a scale of logs.
        with np.errstate(over="ignore"):
            of_signed = np.where(y_hat == 0, 0.0, size * np.sinh(np.arcsinh(y_hat / size) + by))
        return np.where(signed[:, None], of_signed, ends)


def fit_bands(y_hat: FloatArray, y: FloatArray) -> BandRule:
    """Rule from prequential forecasts and actual values, ``[n_series, n_windows, horizon]``, windows oldest first.

    Unknown days are left out, and so are days with ŷ = 0 or, on a scale of logs, y = 0: they have no ratio.
    """
    amounts = _sizes(y_hat, y)
    size = np.abs(_errors(y_hat, y, amounts))
    known = ~np.isnan(size)
    if not known.any():
        return BandRule(np.full(len(y), np.nan), 0.0, 0.0, dict.fromkeys(BAND_LEVELS, np.nan), amounts)
    age = np.arange(size.shape[1])[::-1]
    weight = np.where(known, 0.5 ** (age / HALF_LIFE)[:, None], 0.0)
    weighted = np.where(known, size, 0.0) * weight
    common = weighted.sum() / weight.sum()
    if common == 0.0:
        return BandRule(np.zeros(len(y)), 0.0, 0.0, dict.fromkeys(BAND_LEVELS, 0.0), amounts)
    own = (weighted.sum(axis=(1, 2)) + PRIOR_DAYS * common) / (weight.sum(axis=(1, 2)) + PRIOR_DAYS)
    slope, centre = _step_line(weighted / own[:, None, None], weight)
    plain = BandRule(own, slope, centre, {}, amounts)
    scores = (size / plain.scale(size.shape[2])[:, None])[known]
    return replace(plain, quantiles={level: _conformal_quantile(scores, weight[known], level) for level in BAND_LEVELS})


def _sizes(y_hat: FloatArray, y: FloatArray) -> FloatArray | None:
    """Usual size of the amounts of each series with a negative one, the median of those that are not 0, and 0 for other
    series, ``[n_series]``; None where no series has any.
    """
    signed = (y < 0).any(axis=(1, 2)) | (y_hat < 0).any(axis=(1, 2))
    if not signed.any():
        return None
    sizes = np.zeros(len(y))
    for row in np.flatnonzero(signed):
        amounts = next(found for values in (y, y_hat) if len(found := values[row][np.abs(values[row]) > 0]))
        sizes[row] = np.median(np.abs(amounts))
    return sizes


def _errors(y_hat: FloatArray, y: FloatArray, amounts: FloatArray | None) -> FloatArray:
    """Errors on the scale of each series, NaN where there is none: see `fit_bands`."""
    errors = log_errors(y_hat, y)
    if amounts is None:
        return errors
    size = np.where(amounts > 0, amounts, 1.0)[:, None, None]
    of_signed = np.where(y_hat == 0, np.nan, np.arcsinh(y / size) - np.arcsinh(y_hat / size))
    return np.where((amounts > 0)[:, None, None], of_signed, errors)


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
        n_drawn = days[drawn].sum(axis=1)
        low, high = interval(share, hits[drawn].sum(axis=1) / np.where(n_drawn == 0, np.nan, n_drawn))
        found[level] = Coverage(share, max(low, 0.0), min(high, 1.0), int(judged.sum()), len(windows))
    return found
