from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.evaluation.contenders import BEST_SINGLE, NAIVE, Contenders
from ensembles.oof import MemberInfo
from forecasting.schema import BLEND
from tests.ensembles.cubes import month_cutoffs, random_cube
from tests.ensembles.runs import WEIGHTS, failed_run, run_of, small_run


def test_the_blend_comes_first_and_scores_as_on_the_board() -> None:
    results = small_run()
    found = Contenders.of(results)
    assert found is not None
    assert list(found.forecasts) == [BLEND, BEST_SINGLE]
    assert found.judge.score(found.blend).value == pytest.approx(results.board.rows[0].score, abs=1e-6)


def test_the_best_single_member_is_the_one_picked_then() -> None:
    results = small_run()
    found = Contenders.of(results)
    assert found is not None
    assert results.board.best_single is not None
    pick = results.board.best_single.picks[-1]
    cube = found.cubes["redeem"]
    place = [member.name for member in cube.members].index(str(pick))
    np.testing.assert_array_equal(found.forecasts[BEST_SINGLE]["redeem"][:, -1], cube.y_hat[:, -1, :, place])


def test_last_week_again_is_a_contender_where_it_was_run() -> None:
    cubes = {}
    for i, target in enumerate(WEIGHTS):
        cube = random_cube(target, "a:x1 b:z1", month_cutoffs(3), 28, seed=i)
        naive = MemberInfo("zz", "seasonal-naive", "naive", "seasonal-naive")
        members = (cube.members[0], naive)
        cubes[target] = replace(cube, members=members)
    found = Contenders.of(run_of(cubes))
    assert found is not None
    np.testing.assert_array_equal(found.forecasts[NAIVE]["redeem"], cubes["redeem"].y_hat[..., 1])


def test_a_run_without_a_blend_has_none() -> None:
    assert Contenders.of(failed_run()) is None
    assert Contenders.of(replace(small_run(), oof=None)) is None
