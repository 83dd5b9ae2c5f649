"""The median and the trimmed mean, which have nothing to fit."""

from __future__ import annotations

import numpy as np
import pytest

from ensembles.blend.methods.median import Median
from ensembles.blend.methods.trimmed_mean import TrimmedMean


@pytest.mark.parametrize("n_units", range(1, 12))
def test_they_equal_numpy_and_a_plain_loop(n_units: int) -> None:
    y_hat = np.random.default_rng(n_units).normal(size=(2, 3, n_units))
    np.testing.assert_allclose(Median().combine(y_hat, None), np.median(y_hat, axis=-1))
    cut = max(n_units // 5, 1) if n_units >= 3 else 0
    kept = [np.mean(sorted(row)[cut : n_units - cut]) for row in y_hat.reshape(-1, n_units)]
    np.testing.assert_allclose(TrimmedMean().combine(y_hat, None).ravel(), kept)


def test_a_day_that_is_not_known_stays_unknown() -> None:
    y_hat = np.array([[1.0, 2.0, 3.0], [np.nan, np.nan, np.nan]])
    for method in (Median(), TrimmedMean()):
        np.testing.assert_array_equal(method.combine(y_hat, None), [2.0, np.nan])
