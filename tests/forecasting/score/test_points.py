from __future__ import annotations

import numpy as np
import pytest

from forecasting.score.points import round_submission, submission_step


def test_a_submission_is_whole_and_never_negative():
    rounded = round_submission(np.array([-3.2, -0.2, 1.4, 1.6, np.nan]), 1.0)
    np.testing.assert_array_equal(rounded, [0, 0, 1, 2, np.nan])


@pytest.mark.parametrize(
    ("kind", "unit", "step"),
    [
        ("yuebao", "fen", 1.0),
        ("yuebao", None, 1.0),
        ("yuebao", "CNY", 0.01),
        ("table", "fen", None),
        ("panel", None, None),
    ],
)
def test_only_submissions_to_the_competition_are_rounded(kind, unit, step):
    assert submission_step(kind, unit) == step


def test_amounts_in_cny_are_rounded_to_fen():
    rounded = round_submission(np.array([-3.2, 0.005001, 1234.567, np.nan]), 0.01)
    np.testing.assert_array_equal(rounded, [0.0, 0.01, 1234.57, np.nan])


def test_without_a_step_amounts_stay_as_they_are():
    y_hat = np.array([-3.25, 1e-9, np.nan])
    np.testing.assert_array_equal(round_submission(y_hat, None), y_hat)
