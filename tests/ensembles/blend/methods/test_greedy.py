from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensembles.blend.methods.greedy import greedy_weights
from forecasting.schema import FloatArray


def negative_mae(candidates: FloatArray, y: FloatArray) -> FloatArray:
    return -np.abs(candidates - y).mean(axis=-1)


def slow_greedy(predictions: FloatArray, y: FloatArray, max_steps: int) -> FloatArray:
    """The same selection, member by member and with lists."""
    chosen: list[int] = []
    prefixes: list[tuple[float, list[int]]] = []
    for _ in range(max_steps):
        options = []
        for i in range(len(predictions)):
            mean = np.mean([predictions[j] for j in [*chosen, i]], axis=0)
            score = round(float(-np.abs(mean - y).mean()), 6)
            options.append((score, i in chosen, -i))
        chosen = [*chosen, -max(options)[2]]
        prefixes.append((max(options)[0], chosen))
    best = max(score for score, _ in prefixes)
    kept = next(picks for score, picks in prefixes if score == best)
    return np.bincount(kept, minlength=len(predictions)) / len(kept)


@given(st.integers(0, 10_000), st.integers(1, 6))
@settings(max_examples=150)
def test_equals_the_slow_selection_and_lies_on_the_simplex(seed: int, n_members: int) -> None:
    rng = np.random.default_rng(seed)
    n_days = int(rng.integers(1, 9))
    y = rng.integers(-2, 3, n_days).astype(float)
    predictions = y + rng.integers(-3, 4, (n_members, n_days))  # whole numbers: many ties
    weights = greedy_weights(predictions, y, negative_mae, max_steps=6)
    np.testing.assert_allclose(weights, slow_greedy(predictions, y, 6))
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()


def test_two_opposite_errors_cancel() -> None:
    y = np.zeros(4)
    predictions = np.array([y + 3.0, y - 1.0, y + 5.0])
    weights = greedy_weights(predictions, y, negative_mae)
    np.testing.assert_allclose(weights, [0.25, 0.75, 0.0])


def test_among_equals_the_chosen_come_before_new_ones_and_then_the_first() -> None:
    y = np.zeros(4)
    twins = np.array([y + 2.0, y + 1.0, y + 1.0 + 1e-9])
    np.testing.assert_allclose(greedy_weights(twins, y, negative_mae), [0.0, 1.0, 0.0])
