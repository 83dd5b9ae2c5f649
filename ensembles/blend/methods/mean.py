"""Plain mean of the units: what stands where nothing could be chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.blend.methods.base import FittingRules, Weighted
from forecasting.schema import FloatArray

__all__ = ["Mean"]


@dataclass(frozen=True)
class Mean(Weighted):
    """The same weight for every unit."""

    name = "mean"
    place = 0
    words = "plain mean of"
    learns = False
    fewest = 0

    def fit(self, y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
        del y_hat, y, rules  # nothing to learn
        return np.full(len(equal), 1.0 / len(equal))
