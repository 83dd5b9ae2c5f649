from __future__ import annotations

import numpy as np
import pytest

from ensembles.blend.relative_errors import RelativeErrors


def test_amounts_above_zero_are_compared_on_logarithms_and_zero_days_left_out() -> None:
    y = np.array([[[100.0, 0.0, np.nan, 50.0]]])
    y_hat = np.stack([y * 1.1, y * 0.9], axis=-1)
    y_hat[0, 0, 2] = 70.0
    found = RelativeErrors.of(y_hat, y, by_size=False)
    assert found.n_days == 2
    np.testing.assert_allclose(found.mass, [[[1.0, 0.0, 0.0, 1.0]]])
    np.testing.assert_allclose(found.errors[0, 0, 0], -np.log([1.1, 0.9]))
    np.testing.assert_allclose(found.squared(), np.log([1.1, 0.9]) ** 2)


def test_days_count_by_their_amount_in_a_pooled_score() -> None:
    y = np.array([[[100.0, 300.0]]])
    np.testing.assert_allclose(RelativeErrors.of(y[..., None], y, by_size=True).mass, [[[0.5, 1.5]]])


def test_a_series_with_negative_amounts_is_measured_in_its_usual_size() -> None:
    y = np.array([[[-100.0, 0.0, 200.0]], [[10.0, 10.0, 10.0]]])
    found = RelativeErrors.of((y + 10.0)[..., None], y, by_size=False)
    np.testing.assert_allclose(found.errors[0, 0, :, 0], -0.1)
    np.testing.assert_allclose(found.errors[1, 0, :, 0], -np.log(2.0))
    assert found.n_days == 6


def test_nothing_known_gives_no_errors() -> None:
    y = np.full((1, 1, 3), np.nan)
    found = RelativeErrors.of(y[..., None], y, by_size=True)
    assert (found.n_days, found.alike(np.ones(1))) == (0, 1.0)
    assert np.isnan(found.squared()).all()


def test_a_month_missed_as_a_whole_counts_as_one_day() -> None:
    y = np.full((1, 2, 30), 100.0)
    assert RelativeErrors.of(y[..., None] * 1.2, y, by_size=False).alike(np.ones(1)) == pytest.approx(30.0)
    noise = np.exp(0.1 * np.random.default_rng(0).normal(size=(1, 40, 30)))
    independent = RelativeErrors.of(np.full((1, 40, 30, 1), 100.0), 100.0 * noise, by_size=False)
    assert independent.alike(np.ones(1)) < 1.5
