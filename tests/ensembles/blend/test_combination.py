from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.blend.combination import BASELINE, Candidate, parse_candidate
from ensembles.blend.methods.base import FittingRules
from ensembles.oof import OofCube, average_families, average_seeds
from forecasting.score.names import score_named
from tests.ensembles.cubes import fit_candidate, members_of, month_cutoffs, one_day, random_cube

RULES = FittingRules(score_named("linear"), shrinkage=3.0)
ALL = [
    c for name in ("mean", "median", "trimmed-mean", "best-single", "simplex", "greedy") for c in parse_candidate(name)
]


def fit(cube: OofCube, candidate: Candidate, windows: list[int]):  # type: ignore[no-untyped-def]
    units = average_families(cube) if candidate.level == "families" else average_seeds(cube)
    return fit_candidate(candidate, cube.members, units, np.array(windows, dtype=int), RULES)


def by_hand(layout: str, values: list[float], candidate: str) -> float:
    y_hat = np.array(values).reshape(1, 1, 1, -1)
    cube = one_day(members_of(layout), y_hat)
    return float(fit(cube, parse_candidate(candidate)[0], []).apply(cube.y_hat)[0, 0, 0])


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        ("mean/families", (4.0 + 7.0 + 9.0) / 3),
        ("mean/settings", (3.0 + 5.0 + 7.0 + 9.0) / 4),
        ("median/families", 7.0),
        ("median/settings", 6.0),
        ("trimmed-mean/families", 7.0),
        ("trimmed-mean/settings", 6.0),
        # without a window to fit on: equal over families, then settings
        ("greedy/families", (4.0 + 7.0 + 9.0) / 3),
        ("simplex/settings", (4.0 + 7.0 + 9.0) / 3),
        ("best-single/settings", (4.0 + 7.0 + 9.0) / 3),
    ],
)
def test_combinations_by_hand(candidate: str, expected: float) -> None:
    assert by_hand("a:x3 a:y1 b:z1 c:w1", [1.0, 2.0, 6.0, 5.0, 7.0, 9.0], candidate) == pytest.approx(expected)


def test_trimmed_mean_leaves_out_a_fifth_on_each_side() -> None:
    layout = " ".join(f"{family}:x1" for family in "abcdefghij")
    values = [100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, -50.0, 8.0]
    assert by_hand(layout, values, "trimmed-mean/families") == pytest.approx(np.mean([2, 3, 4, 5, 6, 7]))
    assert by_hand("a:x1 b:x1", [1.0, 5.0], "trimmed-mean/families") == 3.0


@pytest.mark.parametrize("candidate", ALL, ids=lambda c: c.label)
def test_member_weights_say_what_apply_does(candidate: Candidate) -> None:
    cube = random_cube("in", "a:x3 a:y2 b:z1 c:w4", month_cutoffs(3), 6, seed=4, n_series=2)
    fitted = fit(cube, candidate, [0, 1])
    got = fitted.apply(cube.y_hat)
    assert got.shape == cube.y.shape
    if fitted.member_weights is None:
        assert candidate.method in ("median", "trimmed-mean")
        return
    assert fitted.member_weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(got, cube.y_hat @ fitted.member_weights)


@pytest.mark.parametrize("candidate", ALL, ids=lambda c: c.label)
def test_the_order_of_members_changes_no_bit(candidate: Candidate) -> None:
    cube = random_cube("in", "a:x3 a:y2 b:z1 c:w4", month_cutoffs(3), 6, seed=5)
    order = np.random.default_rng(0).permutation(len(cube.members))
    shuffled = replace(cube, members=tuple(cube.members[i] for i in order), y_hat=cube.y_hat[..., order])
    one, other = fit(cube, candidate, [0, 1]), fit(shuffled, candidate, [0, 1])
    assert one.apply(cube.y_hat).tobytes() == other.apply(shuffled.y_hat).tobytes()


@pytest.mark.parametrize("candidate", ALL, ids=lambda c: c.label)
def test_days_combine_alone_as_they_do_together(candidate: Candidate) -> None:
    cube = random_cube("in", "a:x3 a:y2 b:z1 c:w4", month_cutoffs(3), 6, seed=6)
    fitted = fit(cube, candidate, [0, 1])
    together = fitted.apply(cube.y_hat)
    alone = np.array([float(fitted.apply(cube.y_hat[0, 2, d])) for d in range(6)])
    assert alone.tobytes() == np.ascontiguousarray(together[0, 2]).tobytes()


def test_fitted_methods_do_not_see_other_windows() -> None:
    cube = random_cube("in", "a:x1 b:y1 c:z1", month_cutoffs(3), 6, seed=7)
    changed = cube.y_hat.copy()
    changed[:, 2] *= np.array([9.0, 0.1, 5.0])
    other = replace(cube, y_hat=changed)
    for candidate in ALL:
        one, two = fit(cube, candidate, [0, 1]), fit(other, candidate, [0, 1])
        np.testing.assert_array_equal(one.apply(cube.y_hat[:, :2]), two.apply(cube.y_hat[:, :2]))


def test_names_of_candidates() -> None:
    assert parse_candidate("greedy/families") == (Candidate("greedy", "families"),)
    assert [c.label for c in parse_candidate("mean")] == ["mean/families", "mean/settings"]
    assert BASELINE.complexity == 0
    for wrong in ("gredy", "greedy/", "greedy/members", ""):
        with pytest.raises(ValueError, match="none of mean, median"):
            parse_candidate(wrong)
