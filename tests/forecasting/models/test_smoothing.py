"""`smoothing`: levels of a panel, each by its own parameters, with the calendar of all series together."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting.errors import TrialError
from forecasting.models.base import PanelTask
from forecasting.models.smoothing import Smoothing, SmoothingSettings
from forecasting.panel import History, Series
from tests.forecasting.histories import days_after, noisy_week

KINDS = [
    {},
    {"seasonal": "simple"},
    {"seasonal": "partial"},
    {"seasonal": "full"},
    {"kind": "ets"},
    {"kind": "theta"},
]


def named(history: History, entity: str) -> History:
    return replace(history, series=Series("purchase", entity))


def panel(n: int = 4, days: int = 160) -> list[History]:
    return [named(noisy_week(days, 0.05, seed), f"f{seed}") for seed in range(n)]


def fit(model, histories, horizon=14):
    return model.fit_all(PanelTask(tuple(histories), horizon, 1))


@pytest.fixture(params=KINDS, ids=str)
def model(request):
    return Smoothing(SmoothingSettings(**request.param))


def test_a_level_with_a_week_goes_on(model):
    histories = panel()
    state = fit(model, histories)
    week = np.exp(np.array([0.3, 0.2, 0.1, 0.1, 0.0, -0.4, -0.3]))
    for history in histories:
        got = model.predict(state, history, days_after(history, 14))
        expected = 1e6 * week[(len(history.y) + np.arange(14)) % 7]
        np.testing.assert_allclose(got, expected, rtol=0.12)


def test_forecasts_kept_from_the_fit_are_those_made_anew(model):
    """A history that differs from the fit's by nothing takes the kept ones; a longer horizon makes them anew."""
    histories = panel()
    state = fit(model, histories)
    kept = model.predict(state, histories[1], days_after(histories[1], 14))
    anew = model.predict(state, histories[1], days_after(histories[1], 20))
    np.testing.assert_allclose(anew[:14], kept, rtol=1e-9)


def test_newer_days_move_the_level(model):
    moves = np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.05, (4, 160)), axis=1))
    histories = [replace(history, y=history.y * move) for history, move in zip(panel(), moves, strict=True)]
    state = fit(model, [history.until(history.cutoff - 28) for history in histories])
    higher = replace(histories[0], y=histories[0].y * np.where(np.arange(160) >= 132, 1.5, 1.0))
    before, after = (model.predict(state, h, days_after(h, 7)).mean() for h in (histories[0], higher))
    assert after > 1.1 * before


def test_series_of_different_lengths_and_strangers(model):
    histories = panel()
    mixed = [named(noisy_week(90, 0.05, 9), "young"), *histories]
    state = fit(model, mixed)
    stranger = named(noisy_week(120, 0.05, 11), "stranger")
    for history in (mixed[0], stranger):
        got = model.predict(state, history, days_after(history, 7))
        assert 0.8e6 < got.mean() < 1.2e6


def test_what_is_too_short_is_left_out_or_fails_alone(model):
    histories, short = panel(), named(noisy_week(20), "short")
    state = fit(model, [short, *histories])
    np.testing.assert_array_equal(state.arrays["ahead"], fit(model, histories).arrays["ahead"])
    with pytest.raises(TrialError, match="holds 20 days and 28 are needed"):
        model.predict(state, short, days_after(short, 7))
    with pytest.raises(TrialError, match="none of 1 series has the 28 days"):
        fit(model, [short])


def test_a_constant_series_stays_what_it_was(model):
    constant = replace(named(noisy_week(160), "constant"), y=np.full(160, 7.0))
    state = fit(model, [constant, *panel(2)])
    np.testing.assert_allclose(model.predict(state, constant, days_after(constant, 7)), 7.0, rtol=0.1)
