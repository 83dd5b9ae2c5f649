from __future__ import annotations

import numpy as np
import pytest

from ensembles.blend.calibration import follow_factor, log_errors, optimal_factor, spread
from ensembles.blend.fit import BlendSpec, fit_blend
from ensembles.judging.window_scores import window_scores
from forecasting.score.points import POINTWISE_FAMILY, PointwiseSurrogate, points
from tests.ensembles.cubes import month_cutoffs, random_cube

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}


@pytest.mark.parametrize("surrogate", POINTWISE_FAMILY)
@pytest.mark.parametrize("sigma", [0.05, 0.12, 0.25])
def test_the_factor_is_the_best_for_simulated_errors(surrogate: PointwiseSurrogate, sigma: float) -> None:
    y = np.exp(sigma * np.random.default_rng(1).normal(size=400_000))

    def earned(factor: float) -> float:
        return float(points(np.full(1, factor), y, surrogate).mean())

    found = optimal_factor(sigma, surrogate)
    assert 0.9 < found < 1.0
    best = max(earned(factor) for factor in np.arange(0.94, 1.01, 0.01))
    assert earned(found) > best - 0.003
    assert earned(found) >= earned(1.0)


def test_wape_and_perfect_forecasts_want_no_factor() -> None:
    assert optimal_factor(0.2, "wape") == 1.0
    assert optimal_factor(0.0, "linear") == 1.0


def test_spread_is_the_standard_deviation_of_normal_errors() -> None:
    assert spread(np.random.default_rng(2).normal(0, 0.15, 100_000)) == pytest.approx(0.15, rel=0.01)
    assert spread(np.array([np.nan])) == 0.0


def test_days_without_a_ratio_are_left_out() -> None:
    errors = log_errors(np.array([0.0, 2.0, 2.0, np.nan]), np.array([1.0, 0.0, 1.0, 1.0]))
    assert np.isnan(errors[[0, 1, 3]]).all()
    assert errors[2] == pytest.approx(np.log(0.5))


def test_a_bias_seen_so_far_is_not_extrapolated() -> None:
    y = np.full((1, 3, 30), 1000.0)
    past, testing = [np.arange(k) for k in range(4)], [np.array([], dtype=int)] * 4
    for bias in (0.8, 1.2):
        found = follow_factor(y * bias, y, past, testing, "linear")
        assert 0.95 < found.final < 1.0


def test_the_factor_of_a_window_comes_from_earlier_ones_and_is_dropped_where_it_lost() -> None:
    rng = np.random.default_rng(3)
    y = np.full((1, 4, 30), 1000.0)
    y_hat = y * np.exp(0.1 * rng.normal(size=y.shape))
    y_hat[:, 1] = y[:, 1] * 0.97  # window 1: every forecast a little low, so a factor below 1 loses
    past = [np.arange(k) for k in range(5)]
    testing = [np.array([j for j in p if j > 0], dtype=int) for p in past]
    found = follow_factor(y_hat, y, past, testing, "linear")
    assert found.factors[0] == 1.0  # nothing to go by
    assert found.factors[1] == optimal_factor(spread(log_errors(y_hat, y)[:, :1]), "linear") < 1.0  # not tested yet
    assert found.factors[2] == 1.0  # window 1 said that it lost
    np.testing.assert_array_equal(found.y_hat, y_hat * found.factors[None, :, None])
    changed = y.copy()
    changed[:, 2:] *= 3.0
    np.testing.assert_array_equal(follow_factor(y_hat, changed, past, testing, "linear").factors[:3], found.factors[:3])


def test_the_switch_of_the_blend() -> None:
    cubes = {
        t: random_cube(t, "a:x2 b:y1 c:z1", month_cutoffs(4), 28, seed=i, noise=0.3) for i, t in enumerate(WEIGHTS, 23)
    }
    off = fit_blend(cubes, WEIGHTS, BlendSpec(calibrate=False), "linear")
    on = fit_blend(cubes, WEIGHTS, BlendSpec(calibrate=True), "linear")
    assert on.pairs == off.pairs
    for target, cube in cubes.items():
        assert off.calibration[target].final == 1.0
        factor = on.calibration[target].final
        assert 0.9 < factor < 1.0
        np.testing.assert_array_equal(on.apply(target, cube.y_hat), off.apply(target, cube.y_hat) * factor)
        y_hat = on.prequential.y_hat[target]
        np.testing.assert_array_equal(y_hat, off.prequential.y_hat[target] * on.calibration[target].factors[:, None])
        np.testing.assert_array_equal(on.prequential.scores[target], window_scores(y_hat, cube.y, "linear"))
