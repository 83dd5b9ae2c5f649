from __future__ import annotations

import numpy as np
import pytest

from forecasting.calendar import Calendar
from forecasting.errors import TrialError
from forecasting.models.base import FitTask
from forecasting.models.gbm import GbmSettings, LightGbmDirect, LightGbmRecursive
from tests.forecasting.histories import days_after, forecast, history_of, noisy_week

BOTH = pytest.mark.parametrize("model", [LightGbmDirect, LightGbmRecursive])


@BOTH
def test_a_week_is_continued(model):
    history = noisy_week(200, noise=0.05)
    week = np.array([0.3, 0.2, 0.1, 0.1, 0.0, -0.4, -0.3])
    truth = 1e6 * np.exp(week[(np.arange(31) + 200) % 7])
    got = forecast(model(GbmSettings()), history)
    assert np.abs(got / truth - 1).mean() < 0.1


@BOTH
def test_trees_learn_what_the_calendar_regression_does_not(model):
    """Mondays after the 20th are twice as high: an interaction."""
    history = noisy_week(360, noise=0.03)
    facts = history.calendar.days(history.ds)
    special = (facts.weekday == 0) & (facts.day > 20)
    high = history_of(history.y * np.where(special, 2.0, 1.0))

    def share(rounds):
        got = forecast(model(GbmSettings(rounds=rounds, min_leaf=5, feature_share=1.0, num_leaves=16)), high, 31)
        ahead = high.calendar.days(days_after(high))
        monday = ahead.weekday == 0
        return got[monday & (ahead.day > 20)].mean() / got[monday & (ahead.day <= 20)].mean()

    assert share(200) > share(1) + 0.15


@BOTH
def test_the_same_key_gives_the_same_and_another_seed_something_else(model):
    history = noisy_week()
    first, again, other = (forecast(model(GbmSettings(rounds=20)), history, key=key) for key in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@BOTH
def test_the_number_of_threads_does_not_matter(model):
    history = noisy_week()
    forecasts = []
    for n_threads in (1, 2):
        state = model(GbmSettings(rounds=20)).fit(FitTask(history, 31, 1, n_threads=n_threads))
        forecasts.append(model(GbmSettings()).predict(state, history, days_after(history)))
    np.testing.assert_array_equal(*forecasts)


@BOTH
def test_the_unit_does_not_matter(model):
    history = noisy_week()
    in_yuan = forecast(model(GbmSettings(rounds=20)), history_of(history.y / 100))
    np.testing.assert_allclose(forecast(model(GbmSettings(rounds=20)), history), in_yuan * 100, rtol=0.02)


def test_shape_does_not_carry_growth_on_and_growth_does():
    rng = np.random.default_rng(4)
    history = history_of(np.exp(18 + 0.01 * np.arange(240) + rng.normal(0, 0.02, 240)))
    last = np.log(history.y[-28:]).mean()

    def end(learn):
        settings = GbmSettings(rounds=200, learn=learn, level_half_life=14)
        return np.log(forecast(LightGbmDirect(settings), history))[-7:].mean()

    assert end("growth") > last + 0.25
    assert end("shape") < last + 0.15


@BOTH
def test_a_short_horizon_and_a_long_one_agree(model):
    history = noisy_week()
    state = model(GbmSettings(rounds=20)).fit(FitTask(history, 31, 1))
    fitted = model(GbmSettings(rounds=20))
    long = fitted.predict(state, history, days_after(history, 31))
    np.testing.assert_allclose(fitted.predict(state, history, days_after(history, 28)), long[:28])
    np.testing.assert_allclose(fitted.predict(state, history, days_after(history, 31)[[4, 9]]), long[[4, 9]])


@BOTH
@pytest.mark.parametrize("objective", ["l1", "l2", "huber"])
def test_every_objective_trains(model, objective):
    got = forecast(model(GbmSettings(rounds=20, objective=objective)), noisy_week())
    assert np.median(got) == pytest.approx(1e6, rel=0.4)


@BOTH
def test_hopeless_and_poor_histories(model):
    calendar = Calendar("CN")
    small = model(GbmSettings(rounds=20))
    with pytest.raises(TrialError, match="43 are needed"):
        forecast(small, history_of(np.ones(42), calendar=calendar))
    assert not forecast(small, history_of(np.zeros(60), calendar=calendar)).any()
    np.testing.assert_allclose(forecast(small, history_of(np.full(60, 9.0), calendar=calendar)), 9.0, rtol=1e-3)
    for y in (np.where(np.arange(60) % 5, 8.0, 0.0), np.arange(1.0, 44.0)):
        assert np.isfinite(forecast(small, history_of(y, calendar=calendar))).all()


@BOTH
def test_a_share_of_less_than_a_row_is_a_row(model, capfd):
    got = forecast(model(GbmSettings(rounds=3, row_share=1e-9)), noisy_week(120))
    assert np.isfinite(got).all()
    assert capfd.readouterr().err == "", "LightGBM complains on the screen, whatever its verbosity"
