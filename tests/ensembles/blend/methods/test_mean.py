from __future__ import annotations

import numpy as np

from ensembles.blend.methods.base import FittingRules
from ensembles.blend.methods.mean import Mean
from forecasting.score.names import score_named


def test_every_unit_has_the_same_weight_with_or_without_windows() -> None:
    rules = FittingRules(score_named("wape"), shrinkage=0.0)
    for n_windows in (0, 2):
        y = np.ones((1, n_windows, 3))
        weights = Mean().fit(y[..., None] * np.arange(4.0), y, np.array([0.5, 0.25, 0.125, 0.125]), rules)
        np.testing.assert_array_equal(weights, np.full(4, 0.25))
    y_hat = np.array([[1.0, 2.0, 3.0, np.nan], [1.0, 2.0, 3.0, 6.0]])
    np.testing.assert_array_equal(Mean().combine(y_hat, np.full(4, 0.25)), [np.nan, 3.0])
