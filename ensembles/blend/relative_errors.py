"""What weights are learned from: how far the units of a blend differ, and what equal weights missed, free of any unit.

Amounts above 0 are compared on logarithms. A series with amounts below 0 is measured in its usual size (the mean of
its absolute values), and days with an amount of 0 are left out of the others, because they have no logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.schema import BoolArray, FloatArray

__all__ = ["RelativeErrors"]


@dataclass(frozen=True)
class RelativeErrors:
    """Errors of each unit, ``[n_series, n_windows, horizon, n_units]``: positive where the forecast was too low.

    `mass` ``[n_series, n_windows, horizon]`` is what a day counts: 0 where nothing is known, 1 on the mean of the
    others.
    """

    errors: FloatArray
    mass: FloatArray

    @classmethod
    def of(cls, y_hat: FloatArray, y: FloatArray, *, by_size: bool) -> RelativeErrors:
        """Errors of forecasts ``[n_series, n_windows, horizon, n_units]``.

        Parameters
        ----------
        by_size
            Days count by their actual amount, as they do in a pooled score; else all alike.
        """
        known = ~np.isnan(y) & ~np.isnan(y_hat).any(axis=-1)
        filled, forecast = np.where(known, y, 0.0), np.where(known[..., None], y_hat, 0.0)
        signed = (filled.min(axis=(1, 2)) < 0) | (forecast.min(axis=(1, 2, 3)) < 0)
        on_logs = known & (filled > 0) & (forecast > 0).all(axis=-1)
        size = _size(filled, known)
        used = np.where(signed[:, None, None], known & (size > 0), on_logs)
        logs = np.log(np.where(on_logs, filled, 1.0))[..., None] - np.log(np.where(on_logs[..., None], forecast, 1.0))
        plain = (filled[..., None] - forecast) / np.where(size > 0, size, 1.0)[..., None]
        errors = np.where(used[..., None], np.where(signed[:, None, None, None], plain, logs), 0.0)
        mass = np.where(used, np.abs(filled) if by_size else 1.0, 0.0)
        return cls(errors, mass / mass[used].mean() if (mass > 0).any() else mass)

    @property
    def n_days(self) -> int:
        """Days that count, of all series."""
        return int(np.count_nonzero(self.mass))

    def of_blend(self, weights: FloatArray) -> FloatArray:
        """Errors of a blend with these weights, to the first order, ``[n_series, n_windows, horizon]``."""
        blended: FloatArray = np.einsum("swhm,m->swh", self.errors, weights)
        return blended

    def alike(self, weights: FloatArray) -> float:
        """How many days of a window say the same of a blend with these weights: 1 where its errors are independent.

        The square of what a window's errors add up to, over the sum of their squares. A month missed as a whole says
        as much about the next one as one day does.
        """
        missed = self.mass * self.of_blend(weights)
        squares = float((missed**2).sum())
        return max(1.0, float((missed.sum(axis=(0, 2)) ** 2).sum()) / squares) if squares > 0 else 1.0

    def squared(self) -> FloatArray:
        """Mean squared error of each unit, ``[n_units]``; NaN without any day."""
        total = np.einsum("swh,swhm->m", self.mass, self.errors**2)
        mean: FloatArray = total / (self.n_days or np.nan)
        return mean


def _size(filled: FloatArray, known: BoolArray) -> FloatArray:
    """Mean absolute amount of each series, ``[n_series, 1, 1]``."""
    days = np.maximum(known.sum(axis=(1, 2), keepdims=True), 1)
    mean: FloatArray = np.abs(filled).sum(axis=(1, 2), keepdims=True) / days
    return mean
