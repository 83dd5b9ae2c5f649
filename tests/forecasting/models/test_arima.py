from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from forecasting.calendar import Calendar
from forecasting.errors import TrialError
from forecasting.models.arima import Arima, ArimaSettings
from forecasting.models.base import FitTask
from tests.forecasting.histories import days_after, forecast, history_of, noisy_week

SMALL = {"max_p": 1, "max_q": 0, "max_seasonal_p": 0, "max_seasonal_q": 0}


def autoregressive(phi, n=300, noise=0.1, seed=2):
    rng = np.random.default_rng(seed)
    z = np.zeros(n)
    for t in range(2, n):
        z[t] = phi[0] * z[t - 1] + phi[1] * z[t - 2] + rng.normal(0, noise)
    return history_of(np.exp(18 + z))


@pytest.mark.parametrize(("phi", "order"), [((0.0, 0.0), 0), ((0.7, 0.0), 1), ((0.3, 0.55), 2)])
def test_the_criterion_finds_the_order(phi, order):
    # A stiff level in the calendar regression leaves the autocorrelation to ARIMA.
    model = Arima(ArimaSettings(**{**SMALL, "max_p": 2}))
    assert model.fit(FitTask(autoregressive(phi), 31, 1)).meta["orders"] == [order, 0, 0, 0, 0]


def test_forecasts_revert_at_the_estimated_rate():
    history = autoregressive((0.8, 0.0))
    path = np.log(forecast(Arima(ArimaSettings(**SMALL)), history))
    start = np.log(history.y[-1]) - 18
    assert abs(start) > 0.1, "the example should end away from its mean"
    assert path[0] - 18 == pytest.approx(0.8 * start, abs=0.1)
    assert abs(path[-1] - 18) < 0.15


@pytest.mark.parametrize("calendar_in", ["first", "joint"])
def test_a_week_is_continued(calendar_in):
    history = noisy_week(200, noise=0.05)
    week = np.array([0.3, 0.2, 0.1, 0.1, 0.0, -0.4, -0.3])
    truth = 1e6 * np.exp(week[(np.arange(31) + 200) % 7])
    got = forecast(Arima(ArimaSettings(calendar_in=calendar_in, **SMALL)), history)
    assert np.abs(got / truth - 1).mean() < 0.1


@pytest.mark.parametrize("factor", [0.01, 100.0, 1e3, 1e7])
def test_forecasts_do_not_depend_on_the_unit(factor):
    """The optimiser stops where the last bits send it: in thousandths, a run's forecasts were up to 0.3% away."""
    model = Arima(ArimaSettings(max_p=2, max_q=1, max_seasonal_p=1))
    history = autoregressive((0.3, 0.55))
    other = replace(history, y=history.y * factor)
    np.testing.assert_allclose(forecast(model, other) / factor, forecast(model, history), rtol=1e-12)


def test_orders_are_kept_at_later_cutoffs():
    model = Arima(ArimaSettings(**{**SMALL, "max_p": 2}))
    history = autoregressive((0.3, 0.55))
    first = model.fit(FitTask(history.until(history.ds[249]), 31, 1))
    noise = history_of(np.exp(18 + np.random.default_rng(0).normal(0, 0.1, 300)))
    assert model.fit(FitTask(noise, 31, 1)).meta["orders"] != first.meta["orders"]
    assert model.fit(FitTask(noise, 31, 1, previous=first)).meta["orders"] == first.meta["orders"]


def test_a_large_panel_chooses_orders_once_by_a_sample():
    """One series alone looks like noise; the sample says that such series remember two days."""
    model = Arima(ArimaSettings(**{**SMALL, "max_p": 2}))
    peers = tuple(autoregressive((0.3, 0.55), seed=seed) for seed in (2, 3, 4))
    short = peers[0].until(peers[0].ds[20])  # too short to say anything
    noise = history_of(np.exp(18 + np.random.default_rng(0).normal(0, 0.1, 300)))
    alone = model.fit(FitTask(noise, 31, 1))
    assert alone.meta["orders"][0] < 2
    assert model.fit(FitTask(noise, 31, 1, peers=(short, *peers))).meta["orders"] == [2, 0, 0, 0, 0]
    assert model.fit(FitTask(noise, 31, 1, peers=(short,))).meta == alone.meta
    assert model.fit(FitTask(noise, 31, 1, previous=alone, peers=peers)).meta["orders"] == alone.meta["orders"]


def test_days_limit_what_is_read():
    old = np.concatenate([np.full(100, 1e3), noisy_week(140).y])
    model = Arima(ArimaSettings(days=140, **SMALL))
    got = forecast(model, history_of(old, start="2022-09-24"))
    assert np.median(got) == pytest.approx(1e6, rel=0.25)


def test_one_odd_day_is_pulled_in():
    history = autoregressive((0.8, 0.0))
    odd = history.y.copy()
    odd[-1] *= 50
    moved = [
        np.abs(np.log(forecast(model, history_of(odd)) / forecast(model, history))).max()
        for model in (Arima(ArimaSettings(**SMALL)), Arima(ArimaSettings(clip=1000, **SMALL)))
    ]
    assert moved[0] < 0.5 < 1.5 < moved[1]


@pytest.mark.parametrize("calendar_in", ["first", "joint"])
def test_a_stored_state_serves_a_newer_history(calendar_in):
    history = autoregressive((0.8, 0.0))
    model = Arima(ArimaSettings(calendar_in=calendar_in, **SMALL))
    state = model.fit(FitTask(history, 31, 1))
    newer = history_of(np.concatenate([history.y, np.full(10, np.exp(19.0))]))
    path = np.log(model.predict(state, newer, days_after(newer)))
    assert path[0] > 18.5
    np.testing.assert_allclose(path[14:], 18.0, atol=0.15)


@pytest.mark.parametrize("calendar_in", ["first", "joint"])
def test_hopeless_and_poor_histories(calendar_in):
    calendar = Calendar("CN")
    model = Arima(ArimaSettings(calendar_in=calendar_in, max_iterations=5, **SMALL))
    with pytest.raises(TrialError, match="28 are needed"):
        forecast(model, history_of(np.ones(27), calendar=calendar))
    assert not forecast(model, history_of(np.zeros(60), calendar=calendar)).any()
    for y in (np.full(60, 9.0), np.where(np.arange(60) % 5, 8.0, 0.0), np.arange(1.0, 29.0)):
        assert np.isfinite(forecast(model, history_of(y, calendar=calendar))).all()


def test_no_warning_leaks_and_filters_are_restored():
    before = list(warnings.filters)
    forecast(Arima(ArimaSettings(max_iterations=1)), autoregressive((0.3, 0.55)))
    assert list(warnings.filters) == before


def test_differencing_carries_the_last_level_on():
    y = np.exp(np.concatenate([np.full(100, 18.0), np.full(60, 19.0)]) + np.random.default_rng(1).normal(0, 0.02, 160))
    got = forecast(Arima(ArimaSettings(d=1, max_p=1, max_q=1, max_seasonal_p=0)), history_of(y))
    np.testing.assert_allclose(np.log(got), 19.0, atol=0.15)


def test_warnings_of_statsmodels_are_counted_and_not_shown(recwarn):
    """An optimiser that may take one step does not converge."""
    history = autoregressive((0.5, 0.0))
    model = Arima(ArimaSettings(max_p=1, max_q=0, max_seasonal_p=0, max_iterations=1))
    first = model.fit(FitTask(history, 7, 1))
    again = model.fit(FitTask(history, 7, 1, first))
    assert first.meta["warnings"]["ConvergenceWarning"] > 0
    assert again.meta["warnings"]["ConvergenceWarning"] > first.meta["warnings"]["ConvergenceWarning"]
    assert len(recwarn) == 0
