"""Errors that the blend left over on the backtest: how they scatter, and how alike those of days apart are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ensembles.oof import log_errors
from forecasting.schema import FloatArray
from forecasting.score.points import TOLERANCE

__all__ = ["FEWEST_DAYS", "LAGS", "Residuals"]

LAGS = 14
"""Days apart, at most, at which errors are compared."""
FEWEST_DAYS = LAGS
"""Days with an error that statistics need: from fewer, a correlation of errors a week apart means nothing."""


@dataclass(frozen=True)
class Residuals:
    """Log errors log(y / ŷ) ``[n_series, n_windows, horizon]``, NaN where one is unknown or zero.

    `n_missed` days were off by more than the tolerance of the score, so they earned nothing.
    """

    errors: FloatArray
    n_missed: int

    @classmethod
    def of(cls, y_hat: FloatArray, y: FloatArray) -> Residuals:
        """Of forecasts as they are judged (see `Judge.submitted`) and actual values, ``[n_series, n_windows,
        horizon]``.
        """
        missed = np.abs(y_hat - y) > TOLERANCE * np.abs(y)
        return cls(log_errors(y_hat, y), int((missed & ~np.isnan(y)).sum()))

    @cached_property
    def known(self) -> FloatArray:
        """Errors without NaN, ``[n_days]``."""
        return self.errors[~np.isnan(self.errors)]

    @property
    def skew(self) -> float:
        """Third standardised moment."""
        centred = self.known - self.known.mean()
        return float((centred**3).mean() / max(float((centred**2).mean()), 1e-100) ** 1.5)

    @cached_property
    def autocorrelation(self) -> FloatArray:
        """Correlation of errors 1 to `LAGS` days apart within windows, ``[LAGS]``; 0 where too little is known."""
        centred = self.errors - np.where(np.isnan(self.errors), 0.0, self.errors).sum() / len(self.known)
        found = np.zeros(LAGS)
        for lag in range(1, min(LAGS, self.errors.shape[-1] - 1) + 1):
            left, right = centred[..., :-lag], centred[..., lag:]
            both = ~(np.isnan(left) | np.isnan(right))
            size = np.sqrt(np.square(left[both]).sum() * np.square(right[both]).sum())
            found[lag - 1] = (left[both] * right[both]).sum() / size if size > 0 else 0.0
        return found
