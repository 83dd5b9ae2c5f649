"""WAPE (weighted absolute percentage error) as a score: absolute errors of all days and series as a share of the sum.

References
----------
Kolassa and Schütz (2007), Advantages of the MAD/mean ratio over the MAPE.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.schema import FloatArray
from forecasting.score.base import Pooled

__all__ = ["Wape"]


@dataclass(frozen=True)
class Wape(Pooled):
    """10·(1 - Σ|ŷ - y| / Σ|y|). The best forecast is the median, so no factor helps it."""

    name = "wape"
    signed = True

    def parts(self, y_hat: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.abs(y_hat - y), np.abs(y)

    def slope(self, y_hat: FloatArray, y: FloatArray) -> FloatArray:
        slope: FloatArray = np.sign(y_hat - y)
        return slope
