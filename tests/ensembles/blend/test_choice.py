from __future__ import annotations

import numpy as np
import pytest

from ensembles.blend.choice import Chooser
from ensembles.blend.combination import BASELINE, Candidate, parse_candidate
from ensembles.blend.methods.base import FittingRules
from ensembles.blend.pair import Pair
from ensembles.blend.tracks import track_candidates
from ensembles.judging.judge import Judge
from forecasting.score.names import score_named
from tests.ensembles.cubes import planted_cube

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}
BEST = Candidate("best-single", "families")
LINEAR = score_named("linear")


@pytest.fixture(scope="module")
def chooser() -> Chooser:
    """Of purchase one family is always best, of redeem it depends on the window."""
    scores = {"purchase": {"a": [9.0] * 4, "b": [3.0] * 4}, "redeem": {"a": [8.0, 2.0] * 2, "b": [2.0, 8.0] * 2}}
    cubes = {t: planted_cube(t, scores[t]) for t in WEIGHTS}
    judge = Judge.of(cubes, WEIGHTS, LINEAR)
    candidates = (BASELINE, *parse_candidate("best-single/families"))
    rules = FittingRules(LINEAR, 3.0)
    return Chooser(track_candidates(cubes, candidates, rules, judge), judge, tie=0.0)


def test_the_best_candidate_of_each_target_is_chosen_where_windows_may_choose(chooser: Chooser) -> None:
    nothing, some = chooser.choices([np.arange(0), np.arange(1, 4)])
    assert nothing == {"purchase": BASELINE, "redeem": BASELINE}
    assert some == {"purchase": BEST, "redeem": BASELINE}
    y_hat = chooser.forecasts([nothing, some, some, nothing])["purchase"]
    for window, candidate in enumerate([BASELINE, BEST, BEST, BASELINE]):
        np.testing.assert_array_equal(y_hat[:, window], chooser.track("purchase", candidate).y_hat[:, window])


def test_pairs_are_ranked_by_the_weighted_total_with_their_in_sample_totals(chooser: Chooser) -> None:
    windows = np.arange(1, 4)
    pairs = chooser.pairs(windows)
    assert len(pairs) == 4
    for pair in pairs:
        tracks = {t: chooser.track(t, candidate) for t, candidate in pair.candidates.items()}
        total = sum(w * tracks[t].scores["linear"][windows].mean() for t, w in WEIGHTS.items())
        assert pair.score == pytest.approx(total, abs=1e-6)
        assert pair.score_in_sample == pytest.approx(sum(w * tracks[t].in_sample.mean() for t, w in WEIGHTS.items()))
    assert [pair.candidates["purchase"] for pair in pairs if pair.chosen] == [BEST]


def test_without_windows_that_choose_the_family_equal_mean_stands(chooser: Chooser) -> None:
    (pair,) = chooser.pairs(np.arange(0))
    assert (pair.words, pair.score, pair.by_surrogate) == ("plain mean of families", None, {})
    assert pair.chosen
    assert not pair.out


def test_a_pair_of_two_methods_names_its_targets() -> None:
    pair = Pair({"purchase": BEST, "redeem": BASELINE}, 5.0, {}, 5.0, out=False, chosen=True)
    assert pair.words == "purchase: best single one of families, redeem: plain mean of families"
