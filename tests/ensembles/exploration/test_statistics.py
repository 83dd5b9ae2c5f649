"""Intervals hold what they say, and means over whole weeks leave no weekday."""

import numpy as np
import pytest

from ensembles.exploration.statistics import correlation, local_mean, median_of

WITH_90 = 1.6448536269514722


def ar(rng: np.random.Generator, n: int, memory: float) -> np.ndarray:
    x = np.zeros(n)
    for t, shock in enumerate(rng.standard_normal(n)):
        x[t] = memory * x[t - 1] + shock
    return x


@pytest.mark.parametrize("n", [5, 14, 60])
def test_intervals_of_medians_cover_heavy_tails(n):
    rng = np.random.default_rng(1)
    found = [median_of(rng.standard_t(2, n)) for _ in range(3000)]
    share = np.mean([m.low <= 0 <= m.high for m in found])
    assert 0.89 <= share <= 0.97  # order statistics are steps: never less than 90%


def test_a_median_of_few_has_no_interval_and_of_none_nothing():
    few = median_of(np.array([1.0, 2.0, 3.0]))
    assert (few.n, few.value) == (3, 2.0)
    assert np.isnan([few.low, few.high]).all()
    assert np.isnan(median_of(np.array([])).value)


def test_intervals_that_hold_at_once_are_wider():
    values = np.random.default_rng(2).standard_normal(60)
    one, all_of_many = median_of(values), median_of(values, 31)
    assert all_of_many.low < one.low < one.high < all_of_many.high
    assert (one.low, one.high) == tuple(np.sort(values)[[23, 36]])  # P(B(60, 1/2) <= 23) = 0.046


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_intervals_of_correlations_allow_for_memory(memory):
    rng = np.random.default_rng(3)
    found = [correlation(ar(rng, 300, memory), ar(rng, 300, memory)) for _ in range(500)]
    share = np.mean([c.stands_out for c in found])
    assert share <= 0.15  # 10% is meant; without memory in mind it is 42% at 0.8


def test_a_correlation_is_found_and_its_days_counted():
    rng = np.random.default_rng(4)
    x = rng.standard_normal(400)
    y = 0.6 * x + 0.8 * rng.standard_normal(400)
    y[:50] = np.nan
    found = correlation(x, y)
    assert found.n == 350
    assert found.low < 0.6 < found.high
    assert found.value == pytest.approx(np.corrcoef(x[50:], y[50:])[0, 1])
    assert found.stands_out


def test_a_constant_series_has_no_correlation():
    assert np.isnan(correlation(np.ones(50), np.arange(50.0)).value)


def test_local_means_take_out_weekdays_and_skip_what_is_unknown():
    y = np.tile([7.0, 1, 1, 1, 1, 1, 2], 12)
    assert local_mean(y, 14)[14:-14] == pytest.approx(2.0)
    y[30] = np.nan
    assert np.isfinite(local_mean(y, 14)).all()
    assert np.isnan(local_mean(np.full(40, np.nan), 14)).all()
