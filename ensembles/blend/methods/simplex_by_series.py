"""Simplex weights for each series, held toward the target's as those are held toward equal ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.blend.methods.base import FittingRules, Weighted
from ensembles.blend.methods.simplex import shrunk_weights
from forecasting.schema import FloatArray

__all__ = ["SimplexBySeries"]


@dataclass(frozen=True)
class SimplexBySeries(Weighted):
    """Each series' own weights; a series without any known day takes the target's."""

    name = "simplex-by-series"
    place = 8
    words = "weights fitted per series on"
    by_default = False

    def fit(self, y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
        common = shrunk_weights(y_hat, y, equal, rules)
        weights = np.tile(common, (len(y), 1))
        for row in range(len(y)):
            known = ~np.isnan(y[row]).all(axis=-1)
            if known.any():
                weights[row] = shrunk_weights(y_hat[[row]][:, known], y[[row]][:, known], common, rules)
        return weights
