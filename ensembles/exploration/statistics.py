r"""Robust statistics with intervals that days which follow each other allow.

- A median's interval is that between two order statistics: it needs no distribution, and holds zeros and heavy tails
  (Conover 1999, Practical Nonparametric Statistics, section 3.2).
- A correlation of two series that are each correlated with their own past counts as one of fewer days,
  :math:`n / \sum_j \rho_x(j) \rho_y(j)` (Bartlett 1946), and its interval is Fisher's on that many.
- Where the largest of several is named, whether it stands out is judged at a level that counts all of them
  (Bonferroni).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.judging.intervals import CONFIDENCE
from forecasting.schema import BoolArray, FloatArray

__all__ = ["Correlation", "Median", "autocorrelation", "correlation", "local_mean", "median_of", "normal_quantile"]

FEWEST = 20
"""Days that a correlation takes at least."""
MEMORY = 30
"""Days over which a series' correlation with its own past is looked at."""


@dataclass(frozen=True)
class Median:
    """A median of `n` values with its 90% interval; NaN where there are too few."""

    n: int
    value: float
    low: float
    high: float


def median_of(values: FloatArray, compared: int = 1) -> Median:
    """The median of values ``[n]``; with `compared` of them side by side, intervals hold for all at once."""
    from scipy.special import bdtr

    n = len(values)
    if not n:
        return Median(0, float("nan"), float("nan"), float("nan"))
    ordered = np.sort(values)
    beyond = bdtr(np.arange(n // 2 + 1), n, 0.5)
    rank = int((beyond <= (1 - CONFIDENCE) / 2 / compared).sum()) - 1
    low, high = (ordered[rank], ordered[n - 1 - rank]) if rank >= 0 else (np.nan, np.nan)
    return Median(n, float(np.median(ordered)), float(low), float(high))


def local_mean(y: FloatArray, reach: int) -> FloatArray:
    """Mean of the known amounts ``[n]`` at most `reach` periods away, the outermost counted half: over whole weeks, so
    that weekdays leave no trace. NaN where nothing is known.
    """
    kernel = np.ones(2 * reach + 1)
    kernel[[0, -1]] = 0.5
    known = ~np.isnan(y)
    sums = np.convolve(np.where(known, y, 0.0), kernel)[reach:-reach]
    counts = np.convolve(known.astype(float), kernel)[reach:-reach]
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 0.5), np.nan))


@dataclass(frozen=True)
class Correlation:
    """A correlation over `n` days that count as `n_effective`, with its interval; NaN where there are too few."""

    value: float
    low: float
    high: float
    n: int
    n_effective: float

    @property
    def stands_out(self) -> bool:
        """Whether its interval leaves out 0."""
        return bool(self.low > 0 or self.high < 0)


def correlation(x: FloatArray, y: FloatArray, compared: int = 1) -> Correlation:
    """Correlation of two series ``[n]`` over the days on which both are known, NaN elsewhere.

    Parameters
    ----------
    compared
        How many correlations are looked at together; the interval holds for all of them.
    """
    both = ~np.isnan(x) & ~np.isnan(y)
    n = int(both.sum())
    if n < FEWEST or np.ptp(x[both]) == 0 or np.ptp(y[both]) == 0:
        return Correlation(float("nan"), float("nan"), float("nan"), n, 0.0)
    r = float(np.clip(np.corrcoef(x[both], y[both])[0, 1], -1.0, 1.0))
    own, other = autocorrelation(x, both), autocorrelation(y, both)
    effective = float(np.clip(n / max(1 + 2 * float(own @ other), 1.0), 4.0, n))
    half = normal_quantile(compared) / np.sqrt(effective - 3)
    z = np.arctanh(np.clip(r, -0.999999, 0.999999))
    return Correlation(r, float(np.tanh(z - half)), float(np.tanh(z + half)), n, effective)


def autocorrelation(x: FloatArray, known: BoolArray) -> FloatArray:
    """Correlation of a series ``[n]`` with itself 1 to `MEMORY` periods before, and no more than a quarter of it."""
    centred = np.where(known, x - x[known].mean(), 0.0)
    variance = float(centred @ centred)
    lags = range(1, min(MEMORY, int(known.sum()) // 4) + 1)
    return np.array([float(centred[lag:] @ centred[:-lag]) / variance for lag in lags])


def normal_quantile(compared: int = 1) -> float:
    """Half width of a 90% interval in standard errors, for so many intervals that hold at once."""
    from scipy.special import ndtri

    return float(-ndtri((1 - CONFIDENCE) / 2 / compared))
