from __future__ import annotations

import numpy as np
import pytest

from ensembles.judging.scores import member_scores, window_scores
from forecasting.score.names import score_named
from forecasting.score.points import round_submission
from tests.plain_scores import SCORES, plain_score


@pytest.mark.parametrize("rounding", [None, 1.0, 0.01])
@pytest.mark.parametrize("surrogate", SCORES)
def test_equals_the_score_of_one_window_at_a_time(surrogate: str, rounding: float | None) -> None:
    rng = np.random.default_rng(5)
    y = np.rint(rng.uniform(50, 150, (3, 4, 6)))
    y[0, 1, 3], y[1, :, 5], y[2, 2] = 0.0, np.nan, np.nan
    y_hat = y[None] * rng.uniform(0.5, 1.5, (7, *y.shape)) + rng.normal(size=(7, *y.shape))
    y_hat[0, 0, 1, 3] = 0.3  # rounds to the zero that is right on that day
    got = window_scores(y_hat, y, score_named(surrogate), rounding)
    assert got.shape == (7, 4)
    for i in range(7):
        for k in range(4):
            submitted = round_submission(y_hat[i, :, k], rounding)
            assert got[i, k] == pytest.approx(plain_score(submitted, y[:, k], surrogate))
    members = np.moveaxis(y_hat, 0, -1)
    np.testing.assert_array_equal(member_scores(members, y, score_named(surrogate), rounding), got)


@pytest.mark.parametrize("surrogate", SCORES)
def test_a_window_without_days_has_no_score(surrogate: str) -> None:
    y = np.array([[[1.0, 2.0], [np.nan, np.nan]]])
    scores = window_scores(y, y, score_named(surrogate))
    assert scores[0] == 10.0
    assert np.isnan(scores[1])


def test_wape_of_a_window_of_zeros() -> None:
    y = np.zeros((1, 2, 2))
    y_hat = np.array([[[0.0, 0.0], [0.0, 0.4]]])
    np.testing.assert_array_equal(window_scores(y_hat, y, score_named("wape")), [10.0, 0.0])
    np.testing.assert_array_equal(window_scores(y_hat, y, score_named("wape"), 1.0), [10.0, 10.0])


def test_wape_is_checked_against_itself_only() -> None:
    assert score_named("wape").checked_with == ("wape",)
    assert score_named("convex").checked_with == ("linear", "convex", "concave")


def test_forecasts_are_judged_as_they_are_unless_a_submission_is_rounded() -> None:
    y = np.full((1, 1, 2), 10.0)
    assert window_scores(y + 0.3, y, score_named("linear")) == pytest.approx([9.0])
    assert window_scores(y + 0.3, y, score_named("linear"), 1.0) == pytest.approx([10.0])


@pytest.mark.parametrize("surrogate", SCORES)
@pytest.mark.parametrize("power", [-9, -3, 3, 9])
def test_the_unit_of_a_table_changes_no_score(surrogate: str, power: int) -> None:
    rng = np.random.default_rng(6)
    y = rng.uniform(0.5, 1.5, (2, 3, 5))
    y[0, 0, 1], y[1, 2] = 0.0, 0.0
    y_hat = y * rng.uniform(0.7, 1.3, y.shape)
    scores = window_scores(y_hat, y, score_named(surrogate))
    scaled = window_scores(y_hat * 10.0**power, y * 10.0**power, score_named(surrogate))
    np.testing.assert_allclose(scaled, scores, rtol=0, atol=1e-9)


def test_wape_of_amounts_of_either_sign_is_relative_to_their_sizes() -> None:
    y, y_hat = np.array([[[100.0, -50.0, 50.0]]]), np.array([[[90.0, -40.0, 50.0]]])
    assert window_scores(y_hat, y, score_named("wape")) == pytest.approx([10 * (1 - 20 / 200)])


@pytest.mark.parametrize("surrogate", SCORES)
def test_a_forecast_of_zero_on_a_day_without_flow_earns_everything(surrogate: str) -> None:
    y = np.array([[[100.0, 0.0], [0.0, 0.0]]])
    np.testing.assert_array_equal(window_scores(y, y, score_named(surrogate)), [10.0, 10.0])
