from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ensembles.judging.judge import Forecasts, Judge
from ensembles.oof import OofCube
from forecasting.schema import FloatArray
from forecasting.score.names import score_named
from forecasting.score.points import round_submission
from tests.ensembles.cubes import month_cutoffs, random_cube
from tests.plain_scores import SCORES, plain_points, plain_score

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}
NO_DAYS = np.zeros((0, 1), dtype="datetime64[D]")


@pytest.fixture(scope="module")
def cubes() -> dict[str, OofCube]:
    """Two series, windows of 28 days of which the second is shorter, and a day without an actual value."""
    made = {}
    for i, target in enumerate(WEIGHTS, 5):
        cube = random_cube(target, "a:x2 b:y1", month_cutoffs(3), 28, seed=i, n_series=2)
        cube.y_hat[:, 1, 25:], cube.y[:, 1, 25:], cube.ds[1, 25:] = np.nan, np.nan, np.datetime64("NaT")
        cube.y[0, 2, 4] = np.nan
        made[target] = cube
    return made


def of_member(cubes: dict[str, OofCube], i: int) -> dict[str, FloatArray]:
    return {target: cube.y_hat[..., i] for target, cube in cubes.items()}


def plain_totals(cubes: dict[str, OofCube], y_hat: Forecasts, surrogate: str) -> list[float]:
    totals = []
    for window in range(3):
        total = 0.0
        for target, weight in WEIGHTS.items():
            total += weight * plain_score(y_hat[target][:, window], cubes[target].y[:, window], surrogate)
        totals.append(total)
    return totals


@pytest.mark.parametrize("surrogate", SCORES)
def test_totals_equal_a_plain_loop(cubes: dict[str, OofCube], surrogate: str) -> None:
    judge = Judge.of(cubes, WEIGHTS, score_named(surrogate))
    members, totals = judge.member_totals(cubes)
    assert members == cubes["purchase"].members
    for i in range(3):
        y_hat = of_member(cubes, i)
        expected = plain_totals(cubes, y_hat, surrogate)
        np.testing.assert_allclose(judge.per_window(y_hat), expected)
        np.testing.assert_array_equal(totals[i], judge.per_window(y_hat))
        assert judge.score(y_hat).value == pytest.approx(np.mean(expected))
        assert judge.mean(y_hat) == pytest.approx(np.mean(expected))
        for target in WEIGHTS:
            scores = judge.checked_scores(target, y_hat[target])
            assert tuple(scores) == judge.points_score.checked_with
            np.testing.assert_array_equal(scores[surrogate], judge.target_scores(target, y_hat[target]))


@pytest.mark.parametrize("rounding", [1.0, 0.01])
@pytest.mark.parametrize("surrogate", SCORES)
def test_a_judge_of_submissions_that_are_rounded_rounds_everything_it_judges(
    cubes: dict[str, OofCube], surrogate: str, rounding: float
) -> None:
    scale = 0.01 / rounding  # a few steps a day: rounding moves every score
    small = {t: replace(cube, y_hat=cube.y_hat * scale, y=cube.y * scale) for t, cube in cubes.items()}
    plain, judge = (Judge.of(small, WEIGHTS, score_named(surrogate), step) for step in (None, rounding))
    y_hat = of_member(small, 0)
    rounded = {t: round_submission(values, rounding) for t, values in y_hat.items()}
    np.testing.assert_array_equal(judge.per_window(y_hat), plain.per_window(rounded))
    assert (judge.per_window(y_hat) != plain.per_window(y_hat)).all()
    assert judge.mean(y_hat) == plain.mean(rounded)
    assert judge.score(y_hat) == plain.score(rounded)
    assert judge.by("wape").mean(y_hat) == plain.by("wape").mean(rounded)
    np.testing.assert_array_equal(judge.member_totals(small)[1][0], judge.per_window(y_hat))
    points = plain.day_points("redeem", rounded["redeem"])
    np.testing.assert_array_equal(judge.day_points("redeem", y_hat["redeem"]), points)
    for name, scores in judge.checked_scores("redeem", y_hat["redeem"]).items():
        np.testing.assert_array_equal(scores, plain.by(name).target_scores("redeem", rounded["redeem"]))


def test_members_without_every_target_have_no_total(cubes: dict[str, OofCube]) -> None:
    redeem = cubes["redeem"]
    fewer = {**cubes, "redeem": replace(redeem, members=redeem.members[1:], y_hat=redeem.y_hat[..., 1:])}
    judge = Judge.of(fewer, WEIGHTS, score_named("linear"))
    members, totals = judge.member_totals(fewer)
    assert members == redeem.members[1:]
    np.testing.assert_array_equal(totals, judge.member_totals(cubes)[1][1:])


def test_a_total_of_scores_by_target() -> None:
    judge = Judge({}, WEIGHTS, score_named("linear"), NO_DAYS)
    assert judge.total({"purchase": 2.0, "redeem": 4.0}) == pytest.approx(0.45 * 2 + 0.55 * 4)
    np.testing.assert_allclose(
        judge.total({"purchase": np.array([2.0, 0.0]), "redeem": np.array([4.0, 1.0])}), [3.1, 0.55]
    )


@pytest.mark.parametrize("surrogate", SCORES)
def test_intervals_are_of_the_mean_of_the_windows_totals(cubes: dict[str, OofCube], surrogate: str) -> None:
    judge, y_hat = Judge.of(cubes, WEIGHTS, score_named(surrogate)), of_member(cubes, 0)
    totals, found = plain_totals(cubes, y_hat, surrogate), judge.score(y_hat)
    half = 4 / 3 * stats.t.ppf(0.95, 2) * stats.sem(totals)
    assert (found.low, found.high) == pytest.approx((np.mean(totals) - half, np.mean(totals) + half))
    gains = np.subtract(totals, plain_totals(cubes, of_member(cubes, 2), surrogate))
    ahead = judge.ahead(y_hat, of_member(cubes, 2))
    assert ahead.high - ahead.low == pytest.approx(8 / 3 * stats.t.ppf(0.95, 2) * stats.sem(gains))


def test_one_window_has_no_interval(cubes: dict[str, OofCube]) -> None:
    one = {t: random_cube(t, "a:x1", month_cutoffs(1), 28, seed=1) for t in WEIGHTS}
    found = Judge.of(one, WEIGHTS, score_named("linear")).score(of_member(one, 0))
    assert np.isfinite(found.value)
    assert found.interval == (None, None)


def test_differences_are_paired(cubes: dict[str, OofCube]) -> None:
    judge = Judge.of(cubes, WEIGHTS, score_named("linear"))
    one, other = of_member(cubes, 0), of_member(cubes, 2)
    ahead = judge.ahead(one, other)
    assert ahead.value == pytest.approx(judge.score(one).value - judge.score(other).value)
    assert ahead.low < ahead.value < ahead.high
    assert judge.ahead(one, one) == type(ahead)(0.0, 0.0, 0.0)


def test_the_same_judge_with_another_score(cubes: dict[str, OofCube]) -> None:
    y_hat = of_member(cubes, 1)
    by_name = Judge.of(cubes, WEIGHTS, score_named("linear")).by("concave")
    np.testing.assert_array_equal(
        by_name.per_window(y_hat), Judge.of(cubes, WEIGHTS, score_named("concave")).per_window(y_hat)
    )


@pytest.mark.parametrize(("surrogate", "daily"), [("convex", "convex"), ("wape", "linear")])
def test_points_of_a_day_are_linear_ones_for_a_pooled_score(
    cubes: dict[str, OofCube], surrogate: str, daily: str
) -> None:
    judge, y_hat = Judge.of(cubes, WEIGHTS, score_named(surrogate)), of_member(cubes, 0)["redeem"]
    points, y = judge.day_points("redeem", y_hat), cubes["redeem"].y
    assert judge.daily_score.name == daily
    np.testing.assert_array_equal(np.isnan(points), np.isnan(y))
    assert points[1, 2, 3] == pytest.approx(plain_points(float(y_hat[1, 2, 3]), float(y[1, 2, 3]), daily))


def test_the_ranking_weighs_the_targets() -> None:
    judge = Judge({}, WEIGHTS, score_named("wape"), NO_DAYS)
    scores = {"wape": {"purchase": np.array([5.0, 6.0]), "redeem": np.array([5.0, 3.0])}}
    ranking = judge.rank(scores, np.array([0, 1]), baseline=0, tie=0.1)
    assert ranking.chosen.choice == (1, 0)
    assert ranking.chosen.score == pytest.approx(0.45 * 6 + 0.55 * 5)
