"""A second layer: the candidates of the first are combined, held toward the simplest of them.

The units are what the first layer's candidates forecast of windows that they were not fitted on (see
`ensembles.blend.layers`), the plain mean first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.blend.methods.base import FittingRules, Weighted
from ensembles.blend.methods.ridge import DOUBT, held_weights
from forecasting.schema import FloatArray

__all__ = ["SecondLayer"]


@dataclass(frozen=True)
class SecondLayer(Weighted):
    """Ridge weights on the first layer's candidates; `equal` is 1 for the simplest and 0 for the others."""

    name = "second-layer"
    place = 9
    words = "all ways to combine, themselves combined, of"
    layer = 2
    fewest = 4  # windows that the first layer had not seen: the sixth window is the first that has as many before it

    def fit(self, y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
        return held_weights(y_hat, y, equal, np.full(len(equal), DOUBT / len(equal)), rules)
