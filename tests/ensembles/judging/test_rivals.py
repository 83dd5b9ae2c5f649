from __future__ import annotations

from dataclasses import replace

import numpy as np

from ensembles.blend.fit import fit_blend
from ensembles.blend.spec import BlendSpec
from ensembles.judging.rivals import as_picked, rivals_of
from ensembles.oof import REFERENCE, OofCube
from tests.ensembles.cubes import month_cutoffs, random_cube

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}


def cubes_with_yardsticks() -> dict[str, OofCube]:
    cubes = {}
    for i, target in enumerate(WEIGHTS):
        cube = random_cube(target, "a:x2 b:y1 n:z2", month_cutoffs(4), 28, seed=i)
        members = tuple(
            replace(m, setting="seasonal-naive", family=REFERENCE) if m.family == "n" else m for m in cube.members
        )
        cubes[target] = replace(cube, members=members)
    return cubes


def test_the_best_single_member_is_the_same_from_cubes_and_picks_as_from_the_fit() -> None:
    cubes = cubes_with_yardsticks()
    best = fit_blend(cubes, WEIGHTS, BlendSpec(candidates=("mean",)), "linear").evidence.best_single
    assert best is not None
    picks = [None if pick is None else pick.name for pick in best.picks]
    found = rivals_of(cubes, picks)
    assert found.best_single is not None
    for target in cubes:
        np.testing.assert_array_equal(found.best_single[target], best.y_hat[target])


def test_the_mean_over_families_stands_where_nothing_could_be_picked() -> None:
    cube = cubes_with_yardsticks()["redeem"]
    name = cube.members[2].name
    y_hat = as_picked(cube, [None, name, None, name])
    blend = fit_blend({"redeem": cube}, {"redeem": 1.0}, BlendSpec(candidates=("mean",), calibrate=False), "linear")
    mean = next(t for t in blend.evidence.tracks["redeem"] if t.candidate.label == "mean/families").y_hat
    np.testing.assert_array_equal(y_hat[:, [0, 2]], mean[:, [0, 2]])
    np.testing.assert_array_equal(y_hat[:, [1, 3]], cube.y_hat[..., 2][:, [1, 3]])


def test_the_first_seasonal_naive_of_each_target_or_none() -> None:
    cubes = cubes_with_yardsticks()
    found = rivals_of(cubes, None)
    assert found.best_single is None
    assert found.seasonal_naive is not None
    for target, cube in cubes.items():
        np.testing.assert_array_equal(found.seasonal_naive[target], cube.y_hat[..., 3])
    without = replace(cubes["redeem"], members=cubes["redeem"].members[:3], y_hat=cubes["redeem"].y_hat[..., :3])
    assert rivals_of({**cubes, "redeem": without}, None).seasonal_naive is None
