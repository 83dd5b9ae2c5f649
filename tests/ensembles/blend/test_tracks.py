from __future__ import annotations

import numpy as np

from ensembles.blend.combination import parse_candidate
from ensembles.blend.methods.base import FittingRules
from ensembles.blend.tracks import choosing_windows, track_candidates
from ensembles.judging.judge import Judge
from ensembles.oof import average_families, known_before
from forecasting.score.names import score_named
from tests.ensembles.cubes import day_cutoffs, fit_candidate, month_cutoffs, random_cube

LINEAR = score_named("linear")


def test_a_window_may_choose_if_there_was_something_to_fit_on_before_it() -> None:
    before = [np.arange(0), np.arange(1), np.arange(2)]
    np.testing.assert_array_equal(choosing_windows(before, np.arange(3)), [1, 2])
    assert len(choosing_windows(before, np.arange(1))) == 0
    assert len(choosing_windows(before, np.arange(0))) == 0


def test_a_track_forecasts_each_window_by_weights_of_the_windows_before_it() -> None:
    for cube in (
        random_cube("in", "a:x2 b:y1 c:z1", month_cutoffs(4), 28, seed=3),
        random_cube("in", "a:x2 b:y1 c:z1", day_cutoffs(6, 3), 7, seed=4, n_series=2),  # overlapping windows
    ):
        (candidate,) = parse_candidate("simplex/families")
        rules, judge = FittingRules(LINEAR, 3.0), Judge.of({"in": cube}, {"in": 1.0}, LINEAR)
        (track,) = track_candidates({"in": cube}, (candidate,), rules, judge)["in"]
        units = average_families(cube)
        for window, past in enumerate(known_before(cube.cutoffs, cube.ends)):
            fitted = fit_candidate(candidate, cube.members, units, past, rules)
            np.testing.assert_array_equal(track.y_hat[:, window], fitted.apply(cube.y_hat[:, window]))
        assert set(track.scores) == {"linear", "convex", "concave"}
        np.testing.assert_array_equal(track.scores["linear"], judge.target_scores("in", track.y_hat))
        np.testing.assert_array_equal(track.in_sample, judge.target_scores("in", track.final.apply(cube.y_hat)))
