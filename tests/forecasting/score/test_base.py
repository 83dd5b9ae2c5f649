"""What holds for every score of the folder, and the rules that pointwise ones share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.score.base import UNPUBLISHED, Pointwise
from forecasting.score.names import score_named, score_names
from tests.plain_scores import plain_points, plain_score

amounts = st.one_of(st.just(0), st.integers(0, 40), st.integers(0, 10**12))
days = st.lists(st.tuples(amounts, amounts), min_size=1, max_size=31)


def points(y_hat, y, name="linear"):
    score = score_named(name)
    assert isinstance(score, Pointwise)
    return score.points(np.asarray(y_hat, dtype=float), np.asarray(y, dtype=float))


@given(days, st.sampled_from(UNPUBLISHED))
def test_points_equal_the_day_by_day_definition(pairs, name):
    y_hat, y = np.array(pairs, dtype=float).T
    expected = [plain_points(a, b, name) for a, b in zip(y_hat, y, strict=True)]
    np.testing.assert_allclose(points(y_hat, y, name), expected, atol=1e-9)


@given(days, st.sampled_from(score_names()))
def test_the_value_of_the_sums_of_parts_is_the_score(pairs, name):
    y_hat, y = np.array(pairs, dtype=float).T
    score = score_named(name)
    above, below = score.parts(y_hat, y)
    assert above.shape == below.shape == y.shape
    assert score.value(above.sum(), below.sum()) == pytest.approx(plain_score(y_hat, y, name), rel=1e-9, abs=1e-9)


def test_the_score_ends_at_three_tenths():
    y = np.full(4, 1000.0)
    y_hat = np.array([1000.0, 700.0, 1300.0, 1301.0])
    for name in UNPUBLISHED:
        np.testing.assert_allclose(points(y_hat, y, name), [10, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(points([850.0], y[:1], "linear"), [5.0])
    np.testing.assert_allclose(points([850.0], y[:1], "convex"), [2.5])
    np.testing.assert_allclose(points([850.0], y[:1], "concave"), [7.5])


def test_padding_has_no_points_even_on_zero_days():
    assert np.isnan(points([np.nan, 0.0], [0.0, np.nan])).all()


def test_no_day_at_all_has_no_pointwise_score():
    assert np.isnan(score_named("linear").value(np.zeros(1), np.zeros(1))).all()


@pytest.mark.parametrize("name", score_names())
def test_the_slope_is_that_of_finite_differences(name):
    rng = np.random.default_rng(1)
    y = rng.uniform(500, 1500, 200)
    y_hat = y * (1 + rng.choice([-1, 1], 200) * rng.uniform(0.02, 0.28, 200))  # away from the kinks at 0 and 0.3
    score, step = score_named(name), 1e-3
    above, below = score.parts(y_hat, y)
    steeper, same = score.parts(y_hat + step, y)
    np.testing.assert_array_equal(same, below)  # what stands below the bar does not depend on the forecast
    np.testing.assert_allclose(score.slope(y_hat, y), (steeper - above) / step, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", score_names())
def test_the_value_is_linear_in_the_sum_above_the_bar(name):
    score, below = score_named(name), np.array([3.0, 70.0])
    rise = score.value(np.array([2.0, 9.0]), below) - score.value(np.array([1.0, 4.0]), below)
    np.testing.assert_allclose(rise, score.worth(below) * np.array([1.0, 5.0]))


@pytest.mark.parametrize("name", score_names())
def test_a_forecast_that_is_right_scores_ten_and_an_error_less(name):
    y, score = np.array([100.0, 0.0, 250.0]), score_named(name)
    for y_hat, best in ((y, True), (np.array([100.0, 5.0, 250.0]), False), (y * 1.1, False)):
        value = score.value(*(part.sum() for part in score.parts(y_hat, y)))
        assert (value == 10.0) if best else (value < 10.0)


@pytest.mark.parametrize("name", score_names())
def test_a_score_is_checked_with_scores_that_exist_and_with_itself(name):
    score = score_named(name)
    assert name in score.checked_with
    assert set(score.checked_with) <= set(score_names())
    assert score.title


def test_the_unpublished_formula_is_checked_by_its_three_shapes_in_their_order():
    for name in UNPUBLISHED:
        assert score_named(name).checked_with == ("linear", "convex", "concave")
    assert score_named("wape").checked_with == ("wape",)


@pytest.mark.parametrize("name", score_names())
def test_nothing_below_the_bar_is_worth_nothing(name):
    score = score_named(name)
    assert score.worth(np.array([0.0])) == 0.0
    assert np.isfinite(score.worth(np.array([0.0, 5.0]))).all()


@pytest.mark.parametrize("name", score_names())
@pytest.mark.parametrize("power", [-9, 9])
def test_slopes_are_per_unit_whatever_the_unit(name, power):
    y, y_hat = np.array([0.0, 3.0, 5.0, 7.0]), np.array([0.01, 3.2, 4.0, 20.0])
    score, unit = score_named(name), 10.0**power

    def scaled(u):
        _, below = score.parts(u * y_hat, u * y)
        return score.slope(u * y_hat, u * y) * u * score.worth(below.sum())

    np.testing.assert_allclose(scaled(unit), scaled(1.0), rtol=1e-6, atol=1e-12)


def test_only_scores_by_relative_error_need_positive_amounts():
    assert {name: score_named(name).signed for name in score_names()} == {
        "concave": False,
        "convex": False,
        "linear": False,
        "wape": True,
    }


def test_points_shown_of_a_signed_target_go_by_the_size_of_the_day():
    np.testing.assert_allclose(points([-115.0, 85.0, 100.0], [-100.0, 100.0, -100.0]), [5.0, 5.0, 0.0])
