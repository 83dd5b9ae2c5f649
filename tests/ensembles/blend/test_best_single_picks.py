from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.blend.best_single_picks import pick_best_single
from ensembles.blend.fit import fit_blend
from ensembles.blend.spec import BlendSpec
from ensembles.judging.judge import Judge
from forecasting.score.names import score_named
from tests.ensembles.cubes import month_cutoffs, planted_cube, random_cube

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}


def test_the_best_single_member_is_picked_before_its_window() -> None:
    cubes = {t: random_cube(t, "a:x2 a:y1 b:z1 c:w2", month_cutoffs(4), 28, seed=i) for i, t in enumerate(WEIGHTS, 11)}
    blend = fit_blend(cubes, WEIGHTS, BlendSpec(), "linear")
    best = blend.evidence.best_single
    assert best is not None
    members, totals = Judge.of(cubes, WEIGHTS, score_named("linear")).member_totals(cubes)
    assert best.picks[0] is None
    assert best.per_window[0] == blend.evidence.prequential.per_window[0]  # nothing to pick or to choose by
    for window in (1, 2, 3):
        pick = int(np.argmax(totals[:, :window].mean(axis=1)))
        assert best.picks[window] == members[pick]
        assert best.per_window[window] == pytest.approx(totals[pick, window])
    assert best.final == members[int(np.argmax(totals.mean(axis=1)))]


def test_what_looks_best_afterwards_is_not_what_was_picked() -> None:
    scores = {"early": [9.0, 6.0, 1.0, 1.0], "late": [1.0, 5.0, 9.0, 9.0]}
    cubes = {t: planted_cube(t, scores) for t in WEIGHTS}
    best = fit_blend(cubes, WEIGHTS, BlendSpec(), "linear").evidence.best_single
    assert best is not None
    assert [pick and pick.name for pick in best.picks] == [None, "early", "early", "early"]
    assert best.final.name == "late"
    assert best.per_window[1:] == pytest.approx([6.0, 1.0, 1.0], abs=1e-3)


def test_without_a_member_of_every_target_there_is_no_pick() -> None:
    cubes = {t: random_cube(t, "a:x1 b:y1", month_cutoffs(2), 28, seed=i) for i, t in enumerate(WEIGHTS)}
    redeem = cubes["redeem"]
    others = tuple(replace(m, member_id=f"other {m.member_id}") for m in redeem.members)
    cubes["redeem"] = replace(redeem, members=others)
    judge = Judge.of(cubes, WEIGHTS, score_named("linear"))
    assert pick_best_single(cubes, judge, [np.arange(0), np.arange(1)]) is None
