from __future__ import annotations

import math

import numpy as np
import pytest

from forecasting.score.metrics import bias, mape, mase, smape, zero_days

Y = np.array([100.0, 200.0, 0.0, 50.0, np.nan])
Y_HAT = np.array([110.0, 150.0, 10.0, 50.0, 99.0])


def test_hand_computed_values():
    assert mape(Y_HAT, Y) == pytest.approx((0.1 + 0.25 + 0.0) / 3)
    assert bias(Y_HAT, Y) == pytest.approx((0.1 - 0.25 + 0.0) / 3)
    assert smape(Y_HAT, Y) == pytest.approx((20 / 210 + 100 / 350 + 2.0 + 0.0) / 4)
    assert zero_days(Y) == 1


def test_smape_of_two_zeros_is_no_error():
    assert smape(np.zeros(2), np.zeros(2)) == 0.0


def test_mase_is_one_for_the_seasonal_naive_on_a_stationary_error():
    history = np.tile([10.0, 12.0], 14)  # with season 1 every step errs by 2
    assert mase(np.array([12.0, 12.0]), np.array([10.0, 14.0]), history, season_length=1) == pytest.approx(1.0)


def test_mase_without_a_scale_is_nan():
    week = np.arange(1.0, 8.0)
    assert math.isnan(mase(week, week, np.tile(week, 4)))  # repeats itself exactly
    assert math.isnan(mase(week, week, week))  # no longer than a season


@pytest.mark.parametrize("metric", [mape, smape, bias])
def test_nothing_to_judge_is_nan(metric):
    assert math.isnan(metric(np.array([1.0]), np.array([np.nan])))


def test_scale_does_not_matter():
    for metric in (mape, smape, bias):
        assert metric(Y_HAT * 1e9, Y * 1e9) == pytest.approx(metric(Y_HAT, Y))


def test_errors_of_amounts_of_either_sign_are_relative_to_their_size():
    y, y_hat = np.array([-100.0, 50.0, 0.0]), np.array([-90.0, -50.0, 10.0])
    assert mape(y_hat, y) == pytest.approx((0.1 + 2.0) / 2)
    assert bias(y_hat, y) == pytest.approx((0.1 - 2.0) / 2)
    assert smape(y_hat, y) == pytest.approx((20 / 190 + 2.0 + 2.0) / 3)


def test_unknown_amounts_are_not_in_the_scale_of_mase():
    history = np.tile([10.0, 12.0], 14)
    history[5:9] = np.nan
    assert mase(np.array([12.0]), np.array([10.0]), history, season_length=1) == pytest.approx(1.0)
