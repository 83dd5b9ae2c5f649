from __future__ import annotations

import numpy as np
import pytest

from forecasting.models.features.levels import fading_median, fading_medians, fading_weights, level_around


def slow_weighted_median(values, weights):
    order = np.argsort(values)
    values, weights = values[order], weights[order]
    middle = np.cumsum(weights) - weights / 2
    return np.interp(weights.sum() / 2, middle, values)


@pytest.mark.parametrize("half_life", [3.0, 20.0, 400.0])
def test_every_day_equals_the_slow_definition(half_life):
    values = np.random.default_rng(1).normal(size=120)
    # The look-back ends after eight half-lives; give the slow version the same days.
    expected = []
    for day in range(len(values)):
        known = values[: day + 1][-int(8 * half_life) :]
        expected.append(slow_weighted_median(known, fading_weights(len(known), half_life)))
    np.testing.assert_allclose(fading_medians(values, half_life), expected, atol=1e-12)
    assert fading_median(values, half_life) == pytest.approx(expected[-1], abs=1e-12)


def test_weights_halve():
    np.testing.assert_allclose(fading_weights(15, 7)[[14, 7, 0]], [1.0, 0.5, 0.25])


def test_odd_days_do_not_move_the_level():
    values = np.zeros(100)
    values[[70, 85, 99]] = 50.0
    assert fading_median(values, 14) == pytest.approx(0.0)


def test_a_short_half_life_follows_a_step():
    values = np.concatenate([np.zeros(60), np.ones(20)])
    assert fading_median(values, 7) == pytest.approx(1.0)
    assert fading_median(values, 200) == pytest.approx(0.0)


def test_the_level_around_a_day_knows_both_sides():
    values = np.arange(20.0)
    around = level_around(values, 3)
    np.testing.assert_allclose(around[3:-3], values[3:-3])
    assert around[0] == pytest.approx(1.5)
    assert around[-1] == pytest.approx(17.5)
