from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from ensembles.blend.calibration import prequential_factors, spread
from ensembles.blend.fit import fit_blend
from ensembles.blend.spec import BlendSpec
from ensembles.judging.scores import window_scores
from ensembles.oof import log_errors
from forecasting.score.base import UNPUBLISHED, Pointwise
from forecasting.score.names import score_named
from tests.ensembles.cubes import month_cutoffs, random_cube

LINEAR = score_named("linear")
WEIGHTS = {"purchase": 0.45, "redeem": 0.55}


@pytest.mark.parametrize("surrogate", UNPUBLISHED)
@pytest.mark.parametrize("sigma", [0.05, 0.12, 0.25])
def test_the_factor_is_the_best_for_simulated_errors(surrogate: str, sigma: float) -> None:
    score = score_named(surrogate)
    assert isinstance(score, Pointwise)
    y = np.exp(sigma * np.random.default_rng(1).normal(size=400_000))

    def earned(factor: float) -> float:
        return float(score.points(np.full(1, factor), y).mean())

    found = score.best_factor(sigma)
    assert 0.9 < found < 1.0
    best = max(earned(factor) for factor in np.arange(0.94, 1.01, 0.01))
    assert earned(found) > best - 0.003
    assert earned(found) >= earned(1.0)


@pytest.mark.parametrize("surrogate", UNPUBLISHED)
def test_the_factor_is_no_multiple_of_a_step_and_moves_with_the_size_of_errors(surrogate: str) -> None:
    """Against an integral of its own, by ratios of y to the forecast; a grid of 0.001 would be off by half of that."""
    score = score_named(surrogate)
    assert isinstance(score, Pointwise)
    quantiles = (np.arange(200_000) + 0.5) / 200_000
    normal = NormalDist()
    z = np.array([normal.inv_cdf(float(q)) for q in quantiles[::20]])
    found = [score.best_factor(sigma) for sigma in (0.1, 0.1005, 0.101, 0.15)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 4
    assert abs(found[0] - found[1]) < 1e-3

    def earned(factor: float) -> float:
        return float(score.points(np.array(factor), np.exp(0.15 * z)).mean())

    best = max(earned(factor) for factor in np.arange(found[3] - 0.002, found[3] + 0.002, 0.0001))
    assert earned(found[3]) > best - 1e-5
    assert score.best_factor(1e-5) == pytest.approx(1.0, abs=1e-4)


def test_wape_and_perfect_forecasts_want_no_factor() -> None:
    assert score_named("wape").best_factor(0.2) == 1.0
    assert LINEAR.best_factor(0.0) == 1.0


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
        found = prequential_factors(y * bias, y, past, testing, LINEAR)
        assert 0.95 < found.final < 1.0


def test_the_factor_of_a_window_comes_from_earlier_ones_and_is_dropped_where_it_lost() -> None:
    rng = np.random.default_rng(3)
    y = np.full((1, 4, 30), 1000.0)
    y_hat = y * np.exp(0.1 * rng.normal(size=y.shape))
    y_hat[:, 1] = y[:, 1] * 0.97  # window 1: every forecast a little low, so a factor below 1 loses
    past = [np.arange(k) for k in range(5)]
    testing = [np.array([j for j in p if j > 0], dtype=int) for p in past]
    found = prequential_factors(y_hat, y, past, testing, LINEAR)
    assert found.factors[0] == 1.0  # nothing to go by
    assert found.factors[1] == LINEAR.best_factor(spread(log_errors(y_hat, y)[:, :1])) < 1.0  # not tested yet
    assert found.factors[2] == 1.0  # window 1 said that it lost
    np.testing.assert_array_equal(found.y_hat, y_hat * found.factors[None, :, None])
    changed = y.copy()
    changed[:, 2:] *= 3.0
    np.testing.assert_array_equal(
        prequential_factors(y_hat, changed, past, testing, LINEAR).factors[:3], found.factors[:3]
    )


def test_the_switch_of_the_blend() -> None:
    cubes = {
        t: random_cube(t, "a:x2 b:y1 c:z1", month_cutoffs(4), 28, seed=i, noise=0.3) for i, t in enumerate(WEIGHTS, 23)
    }
    off = fit_blend(cubes, WEIGHTS, BlendSpec(calibrate=False), "linear")
    on = fit_blend(cubes, WEIGHTS, BlendSpec(calibrate=True), "linear")
    assert on.evidence.pairs == off.evidence.pairs
    for target, cube in cubes.items():
        assert off.targets[target].factor == 1.0
        factor = on.targets[target].factor
        assert 0.9 < factor < 1.0
        np.testing.assert_array_equal(
            on.targets[target].apply(cube.y_hat), off.targets[target].apply(cube.y_hat) * factor
        )
        y_hat = on.evidence.prequential.y_hat[target]
        np.testing.assert_array_equal(
            y_hat, off.evidence.prequential.y_hat[target] * on.evidence.calibration[target].factors[:, None]
        )
        np.testing.assert_array_equal(on.evidence.prequential.scores[target], window_scores(y_hat, cube.y, LINEAR))
