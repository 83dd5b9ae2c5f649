"""Shifts of level are found where they are, and not where there are none."""

import numpy as np
import pytest

from ensembles.exploration.level_shifts import splits_of
from tests.ensembles.exploration.planted import WEEK, material_of

REACH = 14


def noise(seed: int, n: int = 400, sd: float = 0.15) -> np.ndarray:
    return sd * np.random.default_rng(seed).standard_normal(n)


@pytest.mark.parametrize("size", [0.47, -0.47, 1.5])
def test_a_planted_shift_is_found_on_its_day(size):
    for seed in range(20):
        z = noise(seed)
        z[200:] += size
        (found,) = splits_of(z, REACH)
        assert abs(found - 200) <= 2


def test_noise_growth_and_short_bursts_are_no_shifts():
    wander = np.cumsum(noise(0, sd=0.02))
    quiet = [splits_of(noise(seed), REACH) == [] for seed in range(100)]
    assert np.mean(quiet) >= 0.97
    assert splits_of(noise(1) + np.linspace(0, 3, 400), REACH) == []
    assert splits_of(noise(2) + wander, REACH) == []
    burst = noise(3)
    burst[200:207] += 2.0  # a week of holidays
    assert splits_of(burst, REACH) == []
    assert splits_of(noise(4, n=50), REACH) == []


def test_shifts_of_series_are_told_in_amounts_the_largest_first():
    weeks = np.tile(WEEK, 60)[:400]
    y = 100 * weeks * np.exp([noise(5, sd=0.1), noise(6, sd=0.1), noise(7, sd=0.1)])
    y[0, 150:] *= 0.4
    y[1, 250:] *= 1.8
    big, small = material_of(y).shifts
    assert (big.unique_id, small.unique_id) == ("t0", "t1")
    assert abs((big.ds - np.datetime64("2024-05-30")).astype(int)) <= 1
    assert big.ratio == pytest.approx(0.4, rel=0.1)
    assert small.ratio == pytest.approx(1.8, rel=0.1)


def test_a_series_that_stops_shifts_to_nothing_and_one_with_few_flows_has_no_level():
    y = 100 * np.exp([noise(8), noise(9)])
    y[0, 300:] = 0
    y[1, np.arange(400) % 30 != 0] = 0
    (stopped,) = material_of(y).shifts
    assert (stopped.unique_id, stopped.after) == ("t0", 0.0)
    assert str(stopped.ds) == "2024-10-27"
