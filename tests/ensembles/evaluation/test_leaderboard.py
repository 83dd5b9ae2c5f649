from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ensembles.blend.fit import Blend, fit_blend
from ensembles.blend.spec import BlendSpec
from ensembles.evaluation.leaderboard import MemberFacts, build_leaderboard
from ensembles.exports.leaderboard import leaderboard_csv
from ensembles.files.blend_json import BlendFile
from ensembles.files.leaderboard_json import LeaderboardFile
from ensembles.judging.judge import Judge
from ensembles.oof import MemberInfo, OofCube
from forecasting.schema import FloatArray, iso
from forecasting.score.metrics import mape, mase
from forecasting.score.names import score_named
from forecasting.windows import Window
from tests.ensembles.cubes import month_cutoffs, random_cube
from tests.plain_scores import plain_score

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}
WINDOWS = [Window(cutoff, 28) for cutoff in month_cutoffs(4)]
FAILED = MemberInfo("zz", "lstm/x/s09", "lstm", "x", 9)


def board_of(
    cubes: dict[str, OofCube],
    blend: Blend | None,
    history: dict[str, FloatArray],
    facts: MemberFacts,
    rounding: float | None = None,
    season_length: int = 7,
) -> dict[str, Any]:
    judge = Judge.of(cubes, WEIGHTS, score_named("linear"), rounding)
    file = build_leaderboard(cubes, judge, blend, WINDOWS, history, facts, season_length=season_length)
    return file.model_dump(mode="json")


@pytest.fixture(scope="module")
def cubes() -> dict[str, OofCube]:
    return {t: random_cube(t, "a:x2 a:y1 b:z1 c:w2", month_cutoffs(4), 28, seed=i) for i, t in enumerate(WEIGHTS, 40)}


@pytest.fixture(scope="module")
def blend(cubes: dict[str, OofCube]) -> Blend:
    return fit_blend(cubes, WEIGHTS, BlendSpec(), "linear")


@pytest.fixture(scope="module")
def board(cubes: dict[str, OofCube], blend: Blend) -> dict[str, Any]:
    history = {t: np.linspace(900, 1100, 60) ** 1.1 for t in WEIGHTS}
    facts = MemberFacts({"ax00": 1.25}, {"ax00": "cpu"}, [(FAILED, "diverged")])
    return board_of(cubes, blend, history, facts)


def row(board: dict[str, Any], member: str) -> dict[str, Any]:
    found = [r for r in board["rows"] if r["member"] == member]
    assert len(found) == 1
    return found[0]


def test_has_the_promised_keys_and_is_json(board: dict[str, Any]) -> None:
    assert {"sort", "surrogate", "windows", "pairs", "rows"} <= set(board)
    assert board["sort"] == "score"
    promised = {
        "member",
        "family",
        "status",
        "reason",
        "score",
        "score_x30",
        "score_in_sample",
        "per_window",
        "targets",
    }
    for r in board["rows"]:
        assert promised | {"seconds", "device"} <= set(r)
        assert set(r["targets"]) == set(WEIGHTS)
        assert all(set(t) == {"score", "mape", "smape", "mase", "bias", "weight"} for t in r["targets"].values())
    assert (
        board["windows"][0] | {"cutoff": "2014-02-28", "start": "2014-03-01", "end": "2014-03-28"}
        == board["windows"][0]
    )
    json.dumps(board, allow_nan=False)


def test_rows_are_sorted_by_the_named_column_with_the_failed_last(board: dict[str, Any]) -> None:
    scores = [r["score"] for r in board["rows"]]
    assert scores[-1] is None
    assert scores[:-1] == sorted(scores[:-1], reverse=True)
    last = board["rows"][-1]
    assert (last["member"], last["status"], last["reason"]) == ("lstm/x/s09", "failed", "diverged")


def test_a_member_row_says_what_the_member_scored(board: dict[str, Any], cubes: dict[str, OofCube]) -> None:
    r = row(board, "a-x/s00")
    per_window = [
        sum(w * plain_score(cubes[t].y_hat[:, k, :, 0], cubes[t].y[:, k]) for t, w in WEIGHTS.items()) for k in range(4)
    ]
    assert r["per_window"] == pytest.approx(per_window, abs=1e-6)
    assert r["score"] == pytest.approx(np.mean(per_window), abs=1e-6)
    assert r["score_x30"] == pytest.approx(30 * np.mean(per_window), abs=1e-5)
    y_hat, y = cubes["redeem"].y_hat[..., 0], cubes["redeem"].y
    assert r["targets"]["redeem"]["mape"] == pytest.approx(mape(y_hat, y), abs=1e-6)
    assert r["targets"]["redeem"]["mase"] == pytest.approx(mase(y_hat, y, np.linspace(900, 1100, 60) ** 1.1), abs=1e-6)
    assert (r["seconds"], r["device"], r["seed"], r["score_in_sample"]) == (1.25, "cpu", 0, None)
    assert row(board, "a-x/s01")["seconds"] is None


@pytest.mark.parametrize("rounding", [1.0, 0.01])
def test_a_submission_that_is_rounded_is_measured_as_it_is(cubes: dict[str, OofCube], rounding: float) -> None:
    small = {t: replace(cube, y_hat=cube.y_hat / 100, y=cube.y / 100) for t, cube in cubes.items()}
    measures = row(board_of(small, None, {}, MemberFacts(), rounding), "a-x/s00")["targets"]["redeem"]
    y_hat, y = np.round(small["redeem"].y_hat[..., 0], 0 if rounding == 1 else 2), small["redeem"].y
    assert measures["score"] == pytest.approx(np.mean([plain_score(y_hat[:, k], y[:, k]) for k in range(4)]), abs=1e-6)
    assert measures["mape"] == pytest.approx(mape(y_hat, y), abs=1e-6)


def test_the_scale_of_mase_is_the_season_of_the_axis(cubes: dict[str, OofCube]) -> None:
    history = {t: np.linspace(900, 1100, 60) ** 1.1 for t in WEIGHTS}
    for season in (5, 52):
        r = row(board_of(cubes, None, history, MemberFacts(), season_length=season), "a-x/s00")
        y_hat, y = cubes["redeem"].y_hat[..., 0], cubes["redeem"].y
        expected = mase(y_hat, y, history["redeem"], season_length=season)
        assert r["targets"]["redeem"]["mase"] == pytest.approx(expected, abs=1e-6)


def test_one_row_is_the_blend_and_the_losing_candidates_stand_beside_it(board: dict[str, Any], blend: Blend) -> None:
    assert [r["member"] for r in board["rows"] if r["family"] == "blend"] == ["blend"]
    best = row(board, "blend")
    assert best["score"] == pytest.approx(blend.evidence.prequential.score, abs=1e-6)
    assert best["score_in_sample"] == pytest.approx(blend.evidence.score_in_sample, abs=1e-6)
    candidates = {r["member"] for r in board["rows"] if r["family"] == "candidate"}
    everything = {track.candidate.label for track in blend.evidence.tracks["purchase"]}
    used = {found.combination.candidate.label for found in blend.targets.values()}
    assert candidates == (everything - used if len(used) == 1 else everything)


def test_the_candidate_that_is_the_blend_is_not_listed_as_a_loser(cubes: dict[str, OofCube]) -> None:
    blend = fit_blend(cubes, WEIGHTS, BlendSpec(candidates=("mean",), tie=9.0), "linear")
    board = board_of(cubes, blend, {}, MemberFacts())
    assert {f.combination.candidate.label for f in blend.targets.values()} == {"mean/families"}
    assert [r["member"] for r in board["rows"] if r["family"] == "candidate"] == ["mean/settings"]


def test_weights_of_members_sum_to_one_or_are_null(board: dict[str, Any], blend: Blend) -> None:
    for target, found in blend.targets.items():
        weights = [r["targets"][target]["weight"] for r in board["rows"] if r["status"] == "ok" and r["member_id"]]
        if found.combination.member_weights is None:
            assert weights == [None] * 6
        else:
            assert sum(weights) == pytest.approx(1.0, abs=1e-4)


def test_seeds_are_folded_with_mean_and_spread(board: dict[str, Any]) -> None:
    settings = {(s["family"], s["setting"]): s for s in board["settings"]}
    folded = settings["a", "x"]
    seeds = [row(board, name)["score"] for name in ("a-x/s00", "a-x/s01")]
    assert folded["n_seeds"] == 2
    assert folded["mean"] == pytest.approx(np.mean(seeds), abs=1e-5)
    assert folded["sd"] == pytest.approx(np.std(seeds, ddof=1), abs=1e-5)
    assert settings["b", "z"]["sd"] is None
    assert settings["b", "z"]["score_of_average"] == row(board, "b-z/s00")["score"]


def test_the_best_single_member_as_picked_is_stored(board: dict[str, Any], blend: Blend) -> None:
    best = board["best_single"]
    assert best["picks"][0] is None
    assert len(best["picks"]) == len(best["per_window"]) == 4
    assert blend.evidence.best_single is not None
    assert best["score"] == pytest.approx(blend.evidence.best_single.score, abs=1e-6)


def test_a_member_with_one_target_missing_has_no_total(cubes: dict[str, OofCube]) -> None:
    redeem = cubes["redeem"]
    fewer = {**cubes, "redeem": replace(redeem, members=redeem.members[1:], y_hat=redeem.y_hat[..., 1:])}
    blend = fit_blend(fewer, WEIGHTS, BlendSpec(candidates=("mean",)), "linear")
    board = board_of(fewer, blend, {}, MemberFacts())
    r = row(board, "a-x/s00")
    assert (r["score"], r["per_window"], r["targets"]["redeem"]["score"]) == (None, None, None)
    assert r["targets"]["purchase"]["score"] is not None
    assert r["targets"]["purchase"]["mase"] is None


def test_without_a_blend_the_failures_are_still_rows() -> None:
    judge, facts = Judge.of({}, WEIGHTS, score_named("linear")), MemberFacts(failed=[(FAILED, "diverged")])
    file = build_leaderboard({}, judge, None, WINDOWS, {}, facts, season_length=7)
    assert leaderboard_csv(file).decode().splitlines()[1].startswith("lstm/x/s09,lstm,x,9,failed,diverged,,")
    board = file.model_dump(mode="json")
    assert [r["status"] for r in board["rows"]] == ["failed"]
    assert board["pairs"] == []
    assert board["settings"] == []


def test_the_csv_holds_the_same_rows(board: dict[str, Any]) -> None:
    lines = list(csv.DictReader(io.StringIO(leaderboard_csv(LeaderboardFile.model_validate(board)).decode())))
    assert [line["member"] for line in lines] == [r["member"] for r in board["rows"]]
    first = board["rows"][0]
    assert float(lines[0]["score"]) == first["score"]
    assert float(lines[0][iso(WINDOWS[2].start)]) == first["per_window"][2]
    assert float(lines[0]["redeem_bias"]) == first["targets"]["redeem"]["bias"]


def test_blend_json_lists_every_member_and_the_pairs(blend: Blend) -> None:
    facts = json.loads(BlendFile.of(blend).to_bytes())
    assert set(facts["targets"]) == set(WEIGHTS)
    assert len(facts["targets"]["redeem"]["members"]) == 6
    assert [choice["real"] for choice in facts["choices"]] == [False, True, True, True]
    assert sum(pair["chosen"] for pair in facts["pairs"]) == 1
    chosen = next(pair for pair in facts["pairs"] if pair["chosen"])
    assert chosen["methods"] == {t: f.combination.candidate.label for t, f in blend.targets.items()}
    assert set(chosen["surrogates"]) == {"linear", "convex", "concave"}
