"""The simulator behind README.md's table, with few simulations."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.coverage import SPEC, Shape, alert_rows, bands_held, cash_places, scored


def test_alerts_are_right_and_days_without_flow_do_not_flood_them() -> None:
    for row in alert_rows(60, np.random.default_rng(1)):
        assert row.held, row


@pytest.mark.parametrize("shape", [Shape(100, 1, 1), Shape(8, 30, 30, window=1.0)])
def test_bands_hold_about_what_they_say(shape: Shape) -> None:
    rng = np.random.default_rng(2)
    held = np.mean([bands_held(shape, np.array([0.05, 0.8]), rng) for _ in range(150)], axis=0)
    np.testing.assert_allclose(held.mean(axis=1), np.array(SPEC.levels) / 100, atol=0.06)


@pytest.mark.parametrize("shape", [Shape(4, 30, 30, ar=0.6), Shape(8, 30, 30, window=1.0)])
@pytest.mark.parametrize("seen", ["balance", "week", "month", "inflow"])
def test_bands_of_sums_hold_about_what_they_say(shape: Shape, seen: str) -> None:
    rng = np.random.default_rng(2)
    places = [np.abs(cash_places(shape, 0.0, rng)[seen] - 0.5) for _ in range(150)]
    for level in SPEC.levels:
        held = np.mean([(place <= level / 200).mean() for place in places])
        assert held == pytest.approx(level / 100, abs=0.07)


def test_intervals_hold_the_expected_score() -> None:
    rng = np.random.default_rng(3)
    found = np.array([scored(Shape(8, 28, 7), 1, "linear", rng) for _ in range(300)])
    expected = found[:, 0].mean()
    assert 0.85 <= np.mean((found[:, 1] <= expected) & (expected <= found[:, 2])) <= 0.97
