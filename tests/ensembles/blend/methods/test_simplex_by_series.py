from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.blend.combination import Candidate, parse_candidate
from ensembles.blend.methods.base import FittingRules
from ensembles.oof import OofCube, average_families, average_seeds
from forecasting.score.names import score_named
from tests.ensembles.cubes import fit_candidate, month_cutoffs, random_cube

RULES = FittingRules(score_named("linear"), shrinkage=3.0)


def fit(cube: OofCube, candidate: Candidate, windows: list[int]):  # type: ignore[no-untyped-def]
    units = average_families(cube) if candidate.level == "families" else average_seeds(cube)
    return fit_candidate(candidate, cube.members, units, np.array(windows, dtype=int), RULES)


def test_series_weights_follow_the_series_and_are_held_toward_the_targets() -> None:
    cube = random_cube("in", "a:x1 b:y1", month_cutoffs(3), 20, seed=8, n_series=2)
    y_hat = cube.y_hat.copy()
    y_hat[0, ..., 0], y_hat[1, ..., 1] = cube.y[0], cube.y[1]  # each series has a perfect member of its own
    cube = replace(cube, y_hat=y_hat)
    candidate = parse_candidate("simplex-by-series/families")[0]
    fitted = fit(cube, candidate, [0, 1, 2])
    common = fit(cube, parse_candidate("simplex/families")[0], [0, 1, 2])
    assert fitted.unit_weights is not None
    assert common.unit_weights is not None
    assert fitted.unit_weights[0, 0] > common.unit_weights[0] > fitted.unit_weights[1, 0]
    np.testing.assert_allclose(fitted.unit_weights.sum(axis=1), 1.0)
    by_hand = (cube.y_hat * fitted.unit_weights[:, None, None, :]).sum(axis=-1)
    np.testing.assert_allclose(fitted.apply(cube.y_hat), by_hand)
    np.testing.assert_allclose(fitted.apply(cube.y_hat[:, 0]), by_hand[:, 0])
    assert fitted.member_weights is not None
    assert fitted.member_weights.sum() == pytest.approx(1.0)
    alone = fit_candidate(candidate, cube.members, average_families(cube), np.array([], int), RULES)
    np.testing.assert_array_equal(alone.unit_weights, [0.5, 0.5])


def test_a_series_not_seen_yet_takes_the_targets_weights() -> None:
    cube = random_cube("in", "a:x1 b:y1", month_cutoffs(2), 20, seed=9, n_series=2)
    y = cube.y.copy()
    y[1] = np.nan
    cube = replace(cube, y=y)
    fitted = fit(cube, parse_candidate("simplex-by-series/families")[0], [0, 1])
    common = fit(cube, parse_candidate("simplex/families")[0], [0, 1])
    assert fitted.unit_weights is not None
    np.testing.assert_array_equal(fitted.unit_weights[1], common.unit_weights)
