from __future__ import annotations

import numpy as np
import pytest

from ensembles.evaluation.residuals import LAGS, Residuals


def test_errors_are_logs_of_actual_over_forecast() -> None:
    y_hat, y = np.full((1, 1, 4), 1000.0), np.array([[[1000.0, 2000.0, np.nan, 500.0]]])
    found = Residuals.of(y_hat, y)
    np.testing.assert_allclose(found.known, [0.0, np.log(2), -np.log(2)])
    assert found.n_missed == 2
    assert found.skew == pytest.approx(0.0)


def test_a_week_is_seen_in_the_autocorrelation() -> None:
    week = np.tile([0.3, -0.1, -0.1, -0.1, 0.1, 0.0, -0.1], 8)[None, None, :]
    found = Residuals(week, 0).autocorrelation
    assert found.shape == (LAGS,)
    assert found[6] == pytest.approx(1.0)
    assert found[0] < 0.5


def test_short_windows_know_nothing_of_later_days() -> None:
    found = Residuals(np.array([[[0.1, -0.1, 0.2]]]), 0).autocorrelation
    assert (found[2:] == 0.0).all()
