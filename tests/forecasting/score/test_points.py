from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.score.points import POINTWISE_FAMILY, points, round_submission, window_score


def slow_points(y_hat: float, y: float, surrogate: str) -> float:
    if y == 0:
        return 10.0 if y_hat == 0 else 0.0
    e = abs(y_hat - y) / y
    if e > 0.3:
        return 0.0
    return {
        "linear": 10 * (1 - e / 0.3),
        "convex": 10 * (1 - e / 0.3) ** 2,
        "concave": 10 * (1 - (e / 0.3) ** 2),
    }[surrogate]


amounts = st.one_of(st.just(0), st.integers(0, 40), st.integers(0, 10**12))


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=31), st.sampled_from(POINTWISE_FAMILY))
def test_points_equal_the_day_by_day_definition(pairs, surrogate):
    y_hat, y = np.array(pairs, dtype=float).T
    expected = [slow_points(a, b, surrogate) for a, b in zip(y_hat, y, strict=True)]
    np.testing.assert_allclose(points(y_hat, y, surrogate), expected, atol=1e-9)
    assert window_score(y_hat, y, surrogate) == pytest.approx(np.mean(expected), abs=1e-9)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=31))
def test_wape_equals_the_pooled_definition(pairs):
    missed, total = sum(abs(a - b) for a, b in pairs), sum(b for _, b in pairs)
    expected = 10 * (1 - missed / total) if total else (10.0 if missed == 0 else 0.0)
    y_hat, y = np.array(pairs, dtype=float).T
    assert window_score(y_hat, y, "wape") == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_score_ends_at_three_tenths():
    y = np.full(4, 1000.0)
    y_hat = np.array([1000.0, 700.0, 1300.0, 1301.0])
    for surrogate in POINTWISE_FAMILY:
        np.testing.assert_allclose(points(y_hat, y, surrogate), [10, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(points(np.array([850.0]), y[:1], "linear"), [5.0])
    np.testing.assert_allclose(points(np.array([850.0]), y[:1], "convex"), [2.5])
    np.testing.assert_allclose(points(np.array([850.0]), y[:1], "concave"), [7.5])


@pytest.mark.parametrize("surrogate", [*POINTWISE_FAMILY, "wape"])
def test_padding_is_left_out(surrogate):
    y = np.array([[100.0, 200.0, np.nan], [50.0, np.nan, np.nan]])
    y_hat = np.array([[110.0, 190.0, 7.0], [55.0, 7.0, np.nan]])
    kept = window_score(np.array([110.0, 190.0, 55.0]), np.array([100.0, 200.0, 50.0]), surrogate)
    assert window_score(y_hat, y, surrogate) == pytest.approx(kept)
    assert math.isnan(window_score(y_hat[:, 2:], y[:, 2:], surrogate))


def test_padding_has_no_points_even_on_zero_days():
    assert np.isnan(points(np.array([np.nan, 0.0]), np.array([0.0, np.nan]))).all()


def test_points_of_a_pooled_score_are_refused():
    with pytest.raises(ValueError, match="window_score"):
        points(np.ones(3), np.ones(3), "wape")


def test_a_submission_is_whole_and_never_negative():
    rounded = round_submission(np.array([-3.2, -0.2, 1.4, 1.6, np.nan]))
    np.testing.assert_array_equal(rounded, [0, 0, 1, 2, np.nan])
