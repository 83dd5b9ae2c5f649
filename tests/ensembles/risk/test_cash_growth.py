"""Errors that grow with the days ahead: bands of the first days are narrower, those of whole windows as they were."""

from __future__ import annotations

import numpy as np
import pytest

from ensembles.risk.cash.draws import Draws
from ensembles.risk.cash.error_model import ErrorModel
from forecasting.schema import FloatArray
from tests.ensembles.cubes import calendar_days, day_cutoffs

WINDOWS, DAYS, DRAWS = 12, 28, 4000
HALF_LIFE = 540.0


def model_of(y: FloatArray, expected: float = 100.0) -> ErrorModel:
    ds = calendar_days(day_cutoffs(WINDOWS, DAYS), DAYS)
    return ErrorModel.of(np.full(y.shape, expected), y, ds, HALF_LIFE)


def walks(size: float = 0.1) -> FloatArray:
    """Log errors of two series: of one they are a walk from each cutoff, of the other each window's own level."""
    rng = np.random.default_rng(2)
    walk = np.cumsum(rng.normal(0, size, (WINDOWS, DAYS)), axis=-1) / np.sqrt(DAYS / 2)
    level = rng.normal(0, size, (WINDOWS, 1)) + rng.normal(0, size / 5, (WINDOWS, DAYS))
    return np.stack([walk, level])


def widths(model: ErrorModel, row: int, expected: float = 100.0) -> FloatArray:
    """Width of the 80% band of the balance on each day."""
    drawn = model.draw(DRAWS, DAYS, np.random.default_rng(1))
    running = Draws(model.amounts(np.full(DAYS, expected), row, drawn)).running()
    low, high = running.quantiles((0.1, 0.9)).values()
    return np.asarray(high - low)


@pytest.mark.parametrize("signed", [False, True])
def test_errors_that_grow_are_told_from_those_of_a_whole_window(signed: bool) -> None:
    errors = walks()
    model = model_of(100 * errors - 1.0, -1.0) if signed else model_of(100 * np.exp(errors))
    assert model.signed.all() == signed
    assert model.growth[0] > 0.3
    assert abs(model.growth[1]) < 0.1


@pytest.mark.parametrize("signed", [False, True])
def test_the_first_days_gain_and_the_whole_window_keeps_its_error(
    signed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, y = (-1.0, 100 * walks() - 1.0) if signed else (100.0, 100 * np.exp(walks()))
    grown = widths(model_of(y, expected), 0, expected)
    monkeypatch.setattr("ensembles.risk.cash.error_model.GROWTH_SD", 1e-9)
    before = widths(model_of(y, expected), 0, expected)
    assert (grown[:7] < 0.9 * before[:7]).all()
    assert grown[-1] == pytest.approx(before[-1], rel=1e-9)


def test_a_single_day_and_errors_that_are_all_nothing_do_not_grow() -> None:
    ds = calendar_days(day_cutoffs(WINDOWS, 1), 1)
    rng = np.random.default_rng(3)
    one = ErrorModel.of(
        np.full((1, WINDOWS, 1), 100.0), 100 * np.exp(rng.normal(0, 0.1, (1, WINDOWS, 1))), ds, HALF_LIFE
    )
    assert one.growth == 0.0
    assert (model_of(np.full((2, WINDOWS, DAYS), 100.0)).growth == 0.0).all()
    assert (model_of(np.zeros((2, WINDOWS, DAYS))).growth == 0.0).all()
