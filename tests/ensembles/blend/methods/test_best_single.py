from __future__ import annotations

import numpy as np

from ensembles.blend.methods.base import FittingRules
from ensembles.blend.methods.best_single import BestUnit
from forecasting.score.names import score_named


def test_all_weight_is_on_the_unit_with_the_best_mean_score_and_on_the_first_of_equals() -> None:
    y = np.full((1, 2, 3), 1000.0)
    errors = np.array([[0.2, 0.0, 0.1, 0.1], [0.0, 0.3, 0.05, 0.05]])  # unit 1 is right in one window, and far off next
    y_hat = y[..., None] * (1 + errors[None, :, None, :])
    weights = BestUnit().fit(y_hat, y, np.full(4, 0.25), FittingRules(score_named("linear"), shrinkage=3.0))
    np.testing.assert_array_equal(weights, [0.0, 0.0, 1.0, 0.0])
