"""Ridge, inverse error and the second layer: how far evidence moves their weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.blend.methods.base import FittingRules, Method, method_named
from forecasting.schema import FloatArray
from forecasting.score.names import score_named

RULES = FittingRules(score_named("linear"), shrinkage=3.0)
EQUAL = np.full(3, 1 / 3)
HELD = ["ridge", "inverse-error", "simplex"]


def method(name: str) -> Method:
    found = method_named(name)
    assert found is not None
    return found


def problem(n_windows: int, level: float = 0.0, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Three units, the first with half the noise of the others; `level` is the size of an error of the whole window."""
    rng = np.random.default_rng(seed)
    y = 1000.0 * np.exp(level * rng.normal(size=(1, n_windows, 1)) + np.zeros((1, n_windows, 30)))
    return 1000.0 * np.exp(rng.normal(size=(*y.shape, 3)) * np.array([0.05, 0.1, 0.1])), y


def fitted(name: str, y_hat: FloatArray, y: FloatArray, rules: FittingRules = RULES) -> FloatArray:
    weights = method(name).fit(y_hat, y, EQUAL, rules)
    assert weights is not None
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()
    return weights


@pytest.mark.parametrize("name", HELD)
def test_the_better_unit_gains_with_evidence_and_a_free_fit_moves_further(name: str) -> None:
    few, many = (fitted(name, *problem(n)) for n in (1, 40))
    free = fitted(name, *problem(1), replace(RULES, shrinkage=0.0, hold=0.0))
    assert EQUAL[0] < few[0] < many[0]
    assert few[0] < free[0]


@pytest.mark.parametrize("name", HELD)
def test_windows_missed_as_a_whole_hardly_move_the_weights(name: str) -> None:
    common = fitted(name, *problem(4, level=0.8))
    apart = fitted(name, *problem(4))
    assert abs(common - EQUAL).max() < abs(apart - EQUAL).max()
    assert abs(common - EQUAL).max() < 0.06


@pytest.mark.parametrize("name", ["ridge", "inverse-error"])
def test_targets_are_pooled_and_each_keeps_some_of_its_own(name: str) -> None:
    mine, other = problem(2, seed=1), problem(2, seed=2)
    turned = (other[0][..., [2, 1, 0]], other[1])  # of the other target the last unit is the best
    alone, pooled = (fitted(name, *mine, replace(RULES, pool=pool)) for pool in ((), (mine, turned)))
    theirs = fitted(name, *turned, replace(RULES, pool=(mine, turned)))
    assert alone[0] > pooled[0] > theirs[0]


@pytest.mark.parametrize("name", HELD)
def test_without_any_evidence_equal_weights_stay(name: str) -> None:
    y = np.zeros((1, 2, 5))
    np.testing.assert_allclose(fitted(name, np.zeros((1, 2, 5, 3)), y), EQUAL)
    perfect = np.full((1, 2, 5, 3), 7.0)
    np.testing.assert_allclose(fitted(name, perfect, perfect[..., 0]), EQUAL)


def test_a_second_layer_starts_from_the_simplest() -> None:
    y_hat, y = problem(1)
    start = np.array([0.0, 0.0, 1.0])
    weights = method("second-layer").fit(y_hat, y, start, RULES)
    assert weights is not None
    assert 0 < weights[0] < 1
    held = method("second-layer").fit(y_hat, y, start, replace(RULES, hold=1e9))
    np.testing.assert_allclose(held, start, atol=1e-6)
