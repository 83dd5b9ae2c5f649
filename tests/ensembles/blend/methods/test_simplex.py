from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensembles.blend.methods.simplex import shrink, simplex_weights
from ensembles.judging.scores import window_scores
from forecasting.schema import FloatArray
from forecasting.score.base import Score
from forecasting.score.names import score_named, score_names

SCORES = tuple(score_named(name) for name in score_names())


def problem(seed: int, n_units: int, n_windows: int = 3, horizon: int = 20) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    y = np.rint(rng.uniform(5_000, 15_000, (1, n_windows, horizon)))
    noise = rng.uniform(0.03, 0.3, n_units) * rng.normal(size=(*y.shape, n_units)) + rng.normal(0, 0.1, n_units)
    return y[..., None] * np.exp(noise), y


def value(x: FloatArray, y: FloatArray, weights: FloatArray, score: Score) -> float:
    return float(window_scores(x @ weights, y, score).mean())


def best_on_grid(x: FloatArray, y: FloatArray, score: Score, steps: int) -> float:
    grid = [np.array([a, b, steps - a - b]) / steps for a, b in product(range(steps + 1), repeat=2) if a + b <= steps]
    return max(value(x, y, w, score) for w in grid)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("seed", range(6))
def test_finds_what_a_fine_grid_finds(seed: int, score: Score) -> None:
    x, y = problem(seed, 3)
    weights = simplex_weights(x, y, score, np.full(3, 1 / 3))
    assert value(x, y, weights, score) >= best_on_grid(x, y, score, 40) - 0.03


@given(st.integers(0, 10_000), st.integers(1, 9), st.sampled_from(SCORES))
@settings(max_examples=30)
def test_weights_lie_on_the_simplex_and_never_score_below_equal_ones(seed: int, n_units: int, score: Score) -> None:
    x, y = problem(seed, n_units, n_windows=2, horizon=7)
    y[0, 0, 0], y[0, 1, 3] = np.nan, 0.0
    equal = np.full(n_units, 1 / n_units)
    weights = simplex_weights(x, y, score, equal)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1.0)
    assert value(x, y, weights, score) >= value(x, y, equal, score) - 1e-3
    held = shrink(weights, equal, n_days=2, strength=3.0)
    np.testing.assert_allclose(held, 0.4 * weights + 0.6 * equal)


def test_leaves_a_start_where_every_day_is_hopeless() -> None:
    y = np.full((1, 2, 5), 1000.0)
    x = y[..., None] * np.array([1.0, 3.0])  # equal weights miss each day by 100%: the score has no slope there
    weights = simplex_weights(x, y, score_named("linear"), np.array([0.5, 0.5]))
    assert weights[0] > 0.99


def test_thirty_settings_take_less_than_a_second() -> None:
    x, y = problem(1, 30, n_windows=4, horizon=31)
    started = time.process_time()
    simplex_weights(x, y, score_named("linear"), np.full(30, 1 / 30))
    assert time.process_time() - started < 1.0


def test_no_strength_keeps_the_weights_and_much_of_it_gives_equal_ones() -> None:
    weights, equal = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    np.testing.assert_array_equal(shrink(weights, equal, 3, 0.0), weights)
    np.testing.assert_allclose(shrink(weights, equal, 3, 1e9), equal, atol=1e-8)
