"""Scores with their intervals, and paired differences, of forecasts of the same days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ensembles.judging.bootstrap import interval, resampled_days
from ensembles.judging.window_scores import window_scores
from forecasting.schema import FloatArray, IntArray
from forecasting.score.points import FULL_MARK, Surrogate, points, round_submission

__all__ = ["Forecasts", "Judge", "Measured"]

Forecasts = Mapping[str, FloatArray]
"""Per target ``[n_series, n_windows, horizon]``."""


@dataclass(frozen=True)
class Measured:
    """A value with its block-bootstrap interval at `bootstrap.CONFIDENCE`."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Judge:
    """Actual values `y` per target, `weights` of the targets, and days of each window in `horizons`."""

    y: Forecasts
    weights: Mapping[str, float]
    surrogate: Surrogate
    horizons: IntArray

    @cached_property
    def days(self) -> IntArray:
        """Resampled days, ``[n_resamples, n_days]``."""
        return resampled_days(self.horizons)

    def score(self, y_hat: Forecasts) -> Measured:
        """Mean of the windows' weighted totals."""
        value = float(self.per_window(y_hat).mean())
        return Measured(value, *interval(value, self.resampled(y_hat)))

    def ahead(self, y_hat: Forecasts, other: Forecasts) -> Measured:
        """How much `y_hat` scores more than `other`, paired day by day."""
        value = float((self.per_window(y_hat) - self.per_window(other)).mean())
        return Measured(value, *interval(value, self.resampled(y_hat) - self.resampled(other)))

    def per_window(self, y_hat: Forecasts) -> FloatArray:
        """Weighted total of each window."""
        total = np.zeros(len(self.horizons))
        for target, y in self.y.items():
            total += self.weights[target] * window_scores(y_hat[target], y, self.surrogate)
        return total

    def resampled(self, y_hat: Forecasts) -> FloatArray:
        """Weighted total of each resample, ``[n_resamples]``."""
        total = np.zeros(len(self.days))
        for target, y in self.y.items():
            earned, size = (values[self.days].sum(axis=1) for values in self._daily(y_hat[target], y))
            ratio = earned / np.where(size == 0, np.nan, size)
            total += self.weights[target] * (FULL_MARK * (1.0 - ratio) if self.surrogate == "wape" else ratio)
        return total

    def _daily(self, y_hat: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums over series of what a day adds above and below the fraction bar of the score, ``[n_days]`` each."""
        known = ~np.isnan(y)
        y, y_hat = np.where(known, y, 0.0), np.where(known, round_submission(y_hat), 0.0)
        if self.surrogate == "wape":
            above, below = np.abs(y_hat - y), y
        else:
            above, below = np.where(known, points(y_hat, y, self.surrogate), 0.0), known.astype(float)
        inside = np.arange(y.shape[2]) < self.horizons[:, None]
        return above.sum(axis=0)[inside], below.sum(axis=0)[inside]
