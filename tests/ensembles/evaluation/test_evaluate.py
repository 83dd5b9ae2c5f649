from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ensembles.blend.fit import fit_blend
from ensembles.blend.spec import BlendSpec
from ensembles.evaluation.evaluate import evaluate_blend
from ensembles.evaluation.leaderboard import MemberFacts, build_leaderboard
from ensembles.files.oof_parquet import OofFile
from ensembles.judging.judge import Judge
from ensembles.oof import MemberInfo, OofCube
from forecasting.errors import StorageError
from forecasting.score.names import score_named
from forecasting.windows import Window
from tests.ensembles.cubes import day_cutoffs, month_cutoffs, planted_cube, random_cube

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}


def cubes_with_naive(n_windows: int = 4, n_series: int = 1) -> dict[str, OofCube]:
    cubes = {}
    for i, target in enumerate(WEIGHTS):
        cube = random_cube(target, "a:x2 b:y1 n:z1", month_cutoffs(n_windows), 28, seed=i + 60, n_series=n_series)
        members = tuple(
            replace(m, setting="seasonal-naive", name="seasonal-naive") if m.family == "n" else m for m in cube.members
        )
        cubes[target] = replace(cube, members=members)
    return cubes


def test_contenders_are_the_blend_each_family_the_best_single_and_the_seasonal_naive() -> None:
    cubes = cubes_with_naive()
    found = evaluate_blend(cubes, WEIGHTS, BlendSpec(), "linear")
    names = [c.name for c in found.contenders]
    assert names[0] == "blend"
    assert set(names[1:]) == {
        "equal weights over families",
        "a alone, blended",
        "b alone, blended",
        "n alone, blended",
        "best single member, as picked",
        "seasonal-naive",
    }
    scores = [c.score for c in found.contenders[1:]]
    assert scores == sorted(scores, reverse=True)
    blend = fit_blend(cubes, WEIGHTS, BlendSpec(), "linear").evidence
    rows = {c.name: c for c in found.contenders}
    assert rows["blend"].per_window == pytest.approx(tuple(blend.prequential.per_window))
    assert blend.best_single is not None
    assert rows["best single member, as picked"].score == pytest.approx(blend.best_single.score)
    assert (found.n_days, found.noun) == (4 * 28, "days")
    json.dumps(found.as_json(), allow_nan=False)


def test_a_day_in_several_windows_counts_once_and_periods_go_by_their_name() -> None:
    cutoffs = tuple(np.datetime64("2014-01-05") + 7 * np.arange(4))
    cubes = {t: random_cube(t, "a:x2 b:y1", cutoffs, 28, seed=i) for i, t in enumerate(WEIGHTS)}
    found = evaluate_blend(cubes, WEIGHTS, BlendSpec(), "linear", noun="weeks")
    assert (found.n_days, found.noun) == (3 * 7 + 28, "weeks")


@pytest.mark.parametrize("surrogate", ["linear", "wape"])
def test_differences_are_paired(surrogate: str) -> None:
    found = evaluate_blend(cubes_with_naive(n_series=2), WEIGHTS, BlendSpec(candidates=("mean", "median")), surrogate)
    blend = found.contenders[0]
    assert (blend.ahead, blend.ahead_low, blend.ahead_high) == (0.0, 0.0, 0.0)
    for other in found.contenders:
        assert other.low < other.score < other.high
        assert other.ahead == pytest.approx(blend.score - other.score)
        assert other.ahead_low <= other.ahead <= other.ahead_high
    naive = next(c for c in found.contenders if c.name == "seasonal-naive")
    assert naive.ahead_high - naive.ahead_low < (naive.high - naive.low) + (blend.high - blend.low)


def test_a_planted_winner_is_ahead_by_what_was_planted() -> None:
    cubes = {t: planted_cube(t, {"good": [8.0] * 4, "seasonal-naive": [2.0] * 4}, horizon=28) for t in WEIGHTS}
    found = evaluate_blend(cubes, WEIGHTS, BlendSpec(candidates=("best-single",), calibrate=False), "linear")
    rows = {c.name: c for c in found.contenders}
    assert rows["good alone, blended"].score == pytest.approx(8.0, abs=1e-3)
    assert rows["seasonal-naive"].ahead_low > 1.0
    assert rows["blend"].per_window[3] == pytest.approx(8.0, abs=1e-3)  # a real choice by then
    assert rows["blend"].high - rows["blend"].low > 0.0


def test_overlapping_weekly_windows_of_a_panel() -> None:
    cubes = {t: random_cube(t, "a:x2 b:y1", day_cutoffs(5, 3), 7, seed=i, n_series=3) for i, t in enumerate(WEIGHTS)}
    cubes["redeem"].y[1, 0, 2] = np.nan
    found = evaluate_blend(cubes, WEIGHTS, BlendSpec(), "wape")
    assert found.contenders[0].name == "blend"
    assert "seasonal-naive" not in {c.name for c in found.contenders}


def test_cubes_come_back_from_the_stored_files() -> None:
    cubes = cubes_with_naive(n_series=2)
    for cube in cubes.values():
        cube.y_hat[:, 1, 26:], cube.y[:, 1, 26:] = np.nan, np.nan
        cube.y[0, 2, 5] = np.nan
    blend = fit_blend(cubes, WEIGHTS, BlendSpec(), "linear")
    windows = [Window(c, 28) for c in month_cutoffs(4)]
    failed = [(MemberInfo("zz", "broken", "a", "broken", 0), "reason")]
    judge = Judge.of(cubes, WEIGHTS, score_named("linear"))
    board = build_leaderboard(cubes, judge, blend, windows, {}, MemberFacts(failed=failed), season_length=7)
    oof = OofFile.of(cubes, blend.evidence.prequential.y_hat, blend.evidence.prequential.bands)
    back = oof.cubes(board)
    for target, cube in cubes.items():
        assert back[target].members == cube.members
        assert back[target].unique_ids == cube.unique_ids
        assert back[target].cutoffs == cube.cutoffs
        np.testing.assert_array_equal(back[target].y_hat, cube.y_hat)
        np.testing.assert_array_equal(back[target].y, cube.y)
    with pytest.raises(StorageError, match="which leaderboard"):
        oof.cubes(board.model_copy(update={"rows": board.rows[:2]}))
    with pytest.raises(StorageError, match="no forecast of fees"):
        oof.cubes(board.model_copy(update={"weights": {"fees": 1.0}}))
