from __future__ import annotations

import numpy as np

from ensembles.judging.bootstrap import BLOCK, interval, resampled_days


def test_blocks_lie_within_a_window_and_repeat() -> None:
    horizons = np.array([30, 31, 10])
    days = resampled_days(horizons)
    assert days.shape[1] == horizons.sum()
    np.testing.assert_array_equal(days, resampled_days(horizons))
    window = np.repeat(np.arange(3), horizons)
    blocks = days[:, : BLOCK * (days.shape[1] // BLOCK)].reshape(len(days), -1, BLOCK)
    assert (np.diff(blocks, axis=-1) == 1).all()
    assert (window[blocks] == window[blocks[..., :1]]).all()
    assert set(resampled_days(np.array([3, 3])).ravel()) == set(range(6))  # windows shorter than a block


def test_the_interval_covers_the_mean_of_correlated_days() -> None:
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(100):
        noise = rng.normal(size=126)
        days = np.convolve(noise, np.ones(4), mode="valid")[:120]  # neighbouring days alike
        drawn = days[resampled_days(np.array([30, 30, 30, 30]))]
        low, high = interval(float(days.mean()), drawn.mean(axis=1))
        hits += low <= 0.0 <= high
    assert 75 <= hits <= 97
