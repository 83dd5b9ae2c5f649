"""Squared errors of all days and series as a share of the squared amounts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from forecasting.schema import FloatArray
from forecasting.score.base import Pooled

__all__ = ["Squares"]


@dataclass(frozen=True)
class Squares(Pooled):
    """10·(1 - Σ(ŷ - y)² / Σy²). The best forecast is the mean."""

    name = "squares"

    def parts(self, y_hat: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.square(y_hat - y), np.square(y)

    def slope(self, y_hat: FloatArray, y: FloatArray) -> FloatArray:
        slope: FloatArray = 2.0 * (y_hat - y)
        return slope

    def best_factor(self, sigma: float) -> float:
        """Mean over median of a log-normal amount."""
        return math.exp(sigma**2 / 2.0)
