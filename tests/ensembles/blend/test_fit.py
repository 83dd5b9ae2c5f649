from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.blend.fit import fit_blend
from ensembles.blend.spec import BlendSpec
from ensembles.judging.judge import Judge
from ensembles.oof import OofCube
from forecasting.errors import TooManyFailures
from forecasting.score.names import score_named
from tests.ensembles.cubes import day_cutoffs, month_cutoffs, planted_cube, random_cube

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}


def two_targets(seed: int, cutoffs: tuple[np.datetime64, ...], horizon: int, n_series: int = 1) -> dict[str, OofCube]:
    layout = "a:x2 a:y1 b:z1 c:w2"
    return {
        target: random_cube(target, layout, cutoffs, horizon, seed=seed + i, n_series=n_series)
        for i, target in enumerate(WEIGHTS)
    }


def test_four_months_give_fitted_candidates_a_choice_at_the_last_two_and_others_at_the_second() -> None:
    best, rest = {"a": [9.0] * 4, "b": [5.0, 5.0, 3.0, 5.0]}, {"c": [4.0, 4.0, 6.0, 4.0]}
    cubes = {t: planted_cube(t, best | rest) for t in WEIGHTS}
    spec = BlendSpec(candidates=("mean", "median", "best-single"), tie=0.0, calibrate=False)
    choices = fit_blend(cubes, WEIGHTS, spec, "linear").evidence.prequential.choices
    labels = [choice["purchase"].label for choice in choices]
    assert labels[0] == "mean/families"  # nothing was known
    assert labels[1] != "best-single/families"  # no window judged it yet
    assert labels[2:] == ["best-single/families"] * 2


@pytest.mark.parametrize("candidates", [("best-single",), ("ridge", "inverse-error", "simplex", "second-layer")])
def test_what_no_window_judged_is_not_used(candidates: tuple[str, ...]) -> None:
    """One window fits weights, but nothing says what they are worth."""
    cubes = {t: planted_cube(t, {"a": [9.0], "b": [1.0], "c": [1.0]}) for t in WEIGHTS}
    blend = fit_blend(cubes, WEIGHTS, BlendSpec(candidates=candidates, tie=0.0), "linear")
    assert {f.combination.candidate.label for f in blend.targets.values()} == {"mean/families"}


def test_a_second_layer_is_judged_from_the_sixth_window_on() -> None:
    cubes = two_targets(21, day_cutoffs(8, 7), 7)
    tracks = fit_blend(cubes, WEIGHTS, BlendSpec(), "linear").evidence.tracks["redeem"]
    judged = {track.candidate.method: track.judged.tolist() for track in tracks}
    assert judged["median"] == [True] * 8
    assert judged["ridge"] == [False] + [True] * 7
    assert judged["second-layer"] == [False] * 5 + [True] * 3


def test_in_sample_scores_do_not_choose() -> None:
    # Whoever was best so far is worst next: best-single fits its windows well and loses each new one.
    a, b = [9.0, 2.0, 9.0, 2.0], [2.0, 9.0, 2.0, 9.0]
    cubes = {t: planted_cube(t, {"a": a, "b": b, "c": [5.0] * 4}) for t in WEIGHTS}
    blend = fit_blend(cubes, WEIGHTS, BlendSpec(candidates=("best-single/families",), tie=0.0), "linear")
    assert {f.combination.candidate.label for f in blend.targets.values()} == {"mean/families"}
    in_sample = {pair.words: pair.score_in_sample for pair in blend.evidence.pairs}
    assert in_sample["best single one of families"] > in_sample["plain mean of families"]
    prequential = {pair.words: pair.score for pair in blend.evidence.pairs}
    assert prequential["best single one of families"] < prequential["plain mean of families"]  # type: ignore[operator]


def test_a_window_decides_nothing_before_its_end() -> None:
    """What the blend forecast for a window stays when that window's or later actual values change."""
    cubes = two_targets(8, month_cutoffs(5), 14)
    spec = BlendSpec(tie=0.0)
    before = fit_blend(cubes, WEIGHTS, spec, "linear")
    for window in (1, 3):
        later = {
            t: replace(c, y=np.where(np.arange(5)[None, :, None] >= window, c.y[:, ::-1] * 2.0, c.y))
            for t, c in cubes.items()
        }
        after = fit_blend(later, WEIGHTS, spec, "linear")
        for target in cubes:
            one, two = before.evidence.prequential.y_hat[target], after.evidence.prequential.y_hat[target]
            np.testing.assert_array_equal(one[:, : window + 1], two[:, : window + 1])


def test_the_order_of_members_changes_no_bit() -> None:
    cubes = two_targets(9, month_cutoffs(4), 28)
    order = np.random.default_rng(0).permutation(6)
    shuffled = {
        t: replace(c, members=tuple(c.members[i] for i in order), y_hat=c.y_hat[..., order]) for t, c in cubes.items()
    }
    one, two = (fit_blend(c, WEIGHTS, BlendSpec(tie=0.0), "linear") for c in (cubes, shuffled))
    for target in cubes:
        assert one.evidence.prequential.y_hat[target].tobytes() == two.evidence.prequential.y_hat[target].tobytes()
        assert (
            one.targets[target].apply(cubes[target].y_hat).tobytes()
            == two.targets[target].apply(shuffled[target].y_hat).tobytes()
        )
    assert one.evidence.pairs == two.evidence.pairs


def test_one_target_and_three_targets() -> None:
    cubes = two_targets(10, month_cutoffs(4), 28)
    quick = BlendSpec(candidates=("mean", "median", "best-single"))
    alone = fit_blend({"purchase": cubes["purchase"]}, {"purchase": 1.0}, quick, "linear")
    assert list(alone.targets) == ["purchase"]
    np.testing.assert_allclose(alone.evidence.prequential.per_window, alone.evidence.prequential.scores["purchase"])
    three = {**cubes, "fees": random_cube("fees", "a:x1 b:y1", month_cutoffs(4), 28, seed=77)}
    blend = fit_blend(three, {"purchase": 0.3, "redeem": 0.3, "fees": 0.4}, quick, "linear")
    assert list(blend.evidence.prequential.choices[3]) == ["purchase", "redeem", "fees"]


def test_members_that_failed_on_one_target_stay_in_the_other() -> None:
    cubes = two_targets(12, month_cutoffs(4), 28)
    fewer = replace(cubes["redeem"], members=cubes["redeem"].members[1:], y_hat=cubes["redeem"].y_hat[..., 1:])
    blend = fit_blend({**cubes, "redeem": fewer}, WEIGHTS, BlendSpec(candidates=("greedy",)), "linear")
    assert len(blend.targets["purchase"].combination.members) == 6
    assert len(blend.targets["redeem"].combination.members) == 5
    assert blend.evidence.best_single is not None
    assert cubes["redeem"].members[0] not in blend.evidence.best_single.picks


def test_a_target_without_members_is_said() -> None:
    cubes = two_targets(13, month_cutoffs(2), 28)
    empty = replace(cubes["redeem"], members=(), y_hat=cubes["redeem"].y_hat[..., :0])
    with pytest.raises(TooManyFailures, match="of redeem"):
        fit_blend({**cubes, "redeem": empty}, WEIGHTS, BlendSpec(), "linear")


def judge_of(cubes: dict[str, OofCube], rounding: float | None = None) -> Judge:
    return Judge.of(cubes, WEIGHTS, score_named("linear"), rounding)


def in_unit(cubes: dict[str, OofCube], unit: float) -> dict[str, OofCube]:
    return {t: replace(cube, y_hat=cube.y_hat * unit, y=cube.y * unit) for t, cube in cubes.items()}


@pytest.mark.parametrize(
    "power", [-9, pytest.param(-3, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow), 9]
)
@pytest.mark.parametrize("surrogate", ["linear", "wape"])
def test_the_unit_of_a_table_changes_no_choice_score_or_weight(surrogate: str, power: int) -> None:
    cubes = two_targets(14, month_cutoffs(4), 28, n_series=2)
    for cube in cubes.values():
        cube.y[0, 0], cube.y[1, 2, :5] = 0.0, np.nan
        cube.y_hat[0, 0, :10] = 0.0
    unit = 10.0**power
    spec = BlendSpec(candidates=("mean", "best-single", "simplex", "greedy", "simplex-by-series"))
    one, two = (fit_blend(in_unit(cubes, u), WEIGHTS, spec, surrogate) for u in (1.0, unit))
    assert one.evidence.prequential.choices == two.evidence.prequential.choices
    np.testing.assert_allclose(two.evidence.prequential.per_window, one.evidence.prequential.per_window, atol=1e-9)
    for target, cube in cubes.items():
        for first, second in zip(one.evidence.tracks[target], two.evidence.tracks[target], strict=True):
            np.testing.assert_allclose(second.final.unit_weights, first.final.unit_weights, atol=1e-9)
            np.testing.assert_allclose(second.y_hat / unit, first.y_hat, rtol=1e-9)
        y_hat = cube.y_hat[:, -1, :, 0]
        plain, scaled = (b.targets[target].bands(u * y_hat) for b, u in ((one, 1.0), (two, unit)))
        np.testing.assert_allclose(scaled.high[80] / unit, plain.high[80], rtol=1e-9)


def test_small_amounts_are_not_rounded_before_they_are_judged() -> None:
    cubes = two_targets(15, month_cutoffs(4), 28)
    small = in_unit(cubes, 1e-4)  # all below a half
    plain, tiny = (fit_blend(c, WEIGHTS, BlendSpec(), "linear") for c in (cubes, small))
    assert tiny.evidence.prequential.score == pytest.approx(plain.evidence.prequential.score)
    assert fit_blend(small, WEIGHTS, BlendSpec(), "linear", 1.0).evidence.prequential.score == 0.0


@pytest.mark.parametrize("rounding", [1.0, 0.01])
def test_what_is_rounded_is_rounded_for_every_choice(rounding: float) -> None:
    """Members whose forecasts are whole steps, and others within half a step of them, are the same members."""
    cubes = in_unit(two_targets(16, month_cutoffs(4), 28), 0.02 * rounding)
    whole = {t: replace(c, y_hat=np.round(c.y_hat / rounding) * rounding) for t, c in cubes.items()}
    spec = BlendSpec(candidates=("best-single",), calibrate=False)
    one, two = (fit_blend(c, WEIGHTS, spec, "linear", rounding) for c in (cubes, whole))
    members, totals = judge_of(cubes, rounding).member_totals(cubes)
    assert members == judge_of(whole, rounding).member_totals(whole)[0]
    np.testing.assert_array_equal(totals, judge_of(whole, rounding).member_totals(whole)[1])
    assert one.evidence.best_single is not None
    assert two.evidence.best_single is not None
    assert one.evidence.best_single.picks == two.evidence.best_single.picks


def test_targets_of_either_sign_are_blended_by_wape_without_a_factor() -> None:
    rng = np.random.default_rng(17)
    cubes = {}
    for target, cube in two_targets(17, month_cutoffs(5), 28, n_series=2).items():
        y = rng.normal(20.0, 100.0, cube.y.shape)
        y[1, 1] = np.nan  # a series unknown in a whole window
        y_hat = np.nan_to_num(y)[..., None] + rng.normal(0, 30.0, cube.y_hat.shape)
        cubes[target] = replace(cube, y=y, y_hat=y_hat)
    blend = fit_blend(cubes, WEIGHTS, BlendSpec(), "wape")
    assert 5 < blend.evidence.prequential.score < 10
    for target, found in blend.targets.items():
        assert found.factor == 1.0
        assert (blend.evidence.calibration[target].factors == 1.0).all()
        for level in (80, 95):
            share = blend.evidence.coverage[target][level].share
            assert share == pytest.approx(level / 100, abs=0.12)
        bands = found.bands(found.apply(cubes[target].y_hat[:, -1]))
        assert (bands.low[95] < bands.low[80]).all()
        assert (bands.high[80] < bands.high[95]).all()


def test_a_series_without_flow_earns_everything_when_nothing_is_forecast() -> None:
    cubes = two_targets(18, month_cutoffs(3), 28, n_series=2)
    for cube in cubes.values():
        cube.y[1], cube.y_hat[1] = 0.0, 0.0
    for surrogate in ("linear", "wape"):
        blend = fit_blend(cubes, WEIGHTS, BlendSpec(), surrogate)
        for target, found in blend.targets.items():
            ahead = found.apply(cubes[target].y_hat[:, -1])
            assert (ahead[1] == 0.0).all()
            assert (found.bands(ahead).high[95][1] == 0.0).all()
            points = judge_of(cubes).day_points(target, blend.evidence.prequential.y_hat[target])
            assert (points[1] == 10.0).all()
