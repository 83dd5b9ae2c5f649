"""The two models on a synthetic series; what every model owes is in test_contract."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from forecasting.errors import TrialError
from forecasting.models.base import FitTask, StackedModel, State
from forecasting.models.features.calendar_effects import calendar_columns
from forecasting.models.lstm.classic import LstmClassic, LstmClassicSettings
from forecasting.models.lstm.direct import LstmDirect, LstmDirectSettings
from forecasting.models.lstm.engine.network import Network
from tests.forecasting.histories import days_after, history_of, noisy_week

HISTORY = noisy_week(200)


def direct(**changes):
    return LstmDirect(LstmDirectSettings(**{"input_size": 10, "hidden_size": 6, "epochs": 3, **changes}))


def classic(**changes):
    return LstmClassic(LstmClassicSettings(**{"hidden_size": 6, "epochs": 3, "target_loss": None, **changes}))


def fitted(model, history=HISTORY, key=7, horizon=31):
    (state,) = model.fit_many([FitTask(history, horizon, key)], "cpu")
    return state


@pytest.mark.parametrize("model", [direct(), classic()])
def test_the_models_are_stacked_models(model):
    assert isinstance(model, StackedModel)
    assert model.backend("cuda:0") == "torch"
    assert model.fits_per_batch("cpu") >= 16


def test_direct_forecasts_the_week_it_has_seen():
    pytest.importorskip("numba")
    model = direct()
    ds = days_after(HISTORY)
    y_hat = model.predict(fitted(model), HISTORY, ds)
    week = np.array([0.3, 0.2, 0.1, 0.1, 0.0, -0.4, -0.3])[(ds.astype(int) + 3) % 7]
    assert np.abs(np.log(y_hat) - np.log(1e6) - week).mean() < 0.1


@pytest.mark.parametrize("learn", ["shape", "change"])
def test_direct_does_not_carry_past_growth_on(learn):
    t = np.arange(300)
    growing = history_of(1e6 * np.exp(0.01 * t + 0.05 * np.random.default_rng(0).normal(size=300)))
    model = direct(learning_rate=1e-2, epochs=20, learn=learn)
    y_hat = model.predict(fitted(model, growing), growing, days_after(growing))
    step = np.log(y_hat[-7:].mean() / y_hat[:7].mean())
    assert abs(step) < 0.1, "24 days of the past's growth would be 0.24"


def test_direct_reads_the_known_calendar_of_the_days_ahead():
    state = fitted(direct(epochs=10, learning_rate=1e-2))
    ds = days_after(HISTORY)
    n_known = calendar_columns(HISTORY.calendar, ds).shape[1]
    network = Network("direct", 10, 1, 6, 31, n_known)
    parameters = state.arrays["parameters"].copy()
    known = network.unflatten(parameters)["known"]
    assert np.abs(known).max() > 0.0
    known[:] = 0.0
    without = direct().predict(State({**state.arrays, "parameters": parameters}, state.meta), HISTORY, ds)
    assert not np.allclose(without, direct().predict(state, HISTORY, ds))


def test_direct_trains_on_days_that_only_the_newest_windows_reach():
    late = HISTORY.y.copy()
    late[-3:] *= 2.0
    a, b = fitted(direct()), fitted(direct(), history_of(late, "2023-01-02"))
    assert not np.array_equal(a.arrays["parameters"], b.arrays["parameters"])


@pytest.mark.parametrize("make", [direct, classic])
def test_learning_curves_and_the_epoch_kept_are_in_the_state(make):
    model = make(validation_days=20) if make is direct else make()
    meta = fitted(model).meta
    assert len(meta["train_loss"]) == len(meta["valid_loss"]) == 3
    assert 1 <= meta["epoch"] <= 3


@pytest.mark.parametrize("make", [direct, classic])
def test_a_short_history_fails_alone_and_says_what_is_needed(make):
    model = make()
    tasks = [FitTask(HISTORY, 31, 1), FitTask(HISTORY.until(HISTORY.ds[14]), 31, 2), FitTask(HISTORY, 31, 3)]
    first, second, third = model.fit_many(tasks, "cpu")
    assert isinstance(second, TrialError)
    assert "has 15 days" in str(second)
    assert "at least" in str(second)
    assert not isinstance(first, TrialError)
    assert not np.array_equal(first.arrays["parameters"], third.arrays["parameters"])


def test_a_history_of_zeros_is_an_error_of_that_fit():
    (result,) = direct().fit_many([FitTask(history_of(np.zeros(100)), 31, 1)], "cpu")
    assert isinstance(result, TrialError)


@pytest.mark.parametrize("changes", [{"validation_days": 190}, {"validation_days": 5000}, {"half_life": 1e-3}])
def test_settings_that_leave_nothing_to_train_on_are_an_error_with_the_remedy(changes):
    (result,) = direct(**changes).fit_many([FitTask(HISTORY, 31, 1)], "cpu")
    assert isinstance(result, TrialError)
    assert "has 200 days" in str(result)
    assert "fewer validation_days, or a longer half_life" in str(result)


def test_direct_refuses_days_beyond_its_horizon():
    model = direct()
    with pytest.raises(TrialError, match="1 to 7 days ahead, not 1 to 31"):
        model.predict(fitted(model, horizon=7), HISTORY, days_after(HISTORY))


@pytest.mark.parametrize("make", [direct, classic])
def test_predict_starts_from_the_history_it_is_given(make):
    model = make()
    state, earlier = fitted(model), HISTORY.until(HISTORY.ds[-8])
    now, before = (model.predict(state, h, days_after(h, 5)) for h in (HISTORY, earlier))
    assert now.shape == before.shape == (5,)
    assert not np.array_equal(now, before)


def test_classic_rolls_on_its_own_output():
    model = classic()
    state = fitted(model)
    ds = days_after(HISTORY, 3)
    together = model.predict(state, HISTORY, ds)
    longer = history_of(np.append(HISTORY.y, together[0]))
    assert np.allclose(model.predict(state, longer, ds[1:]), together[1:], rtol=1e-4)


def test_classic_scales_by_the_training_days_unless_as_published():
    y = HISTORY.y.copy()
    y[-5] *= 10.0
    history = history_of(y)
    honest, leaky = (fitted(classic(as_published=p), history).arrays["scaling"] for p in (False, True))
    assert honest.sum() < y.max() * 0.5
    assert leaky.sum() == pytest.approx(y.max())


def test_classic_stops_at_its_target():
    meta = fitted(classic(epochs=10, target_loss=10.0)).meta
    assert meta["epoch"] == len(meta["train_loss"]) == 1


@pytest.mark.parametrize("wrong", [{"input_size": 1}, {"dropout": 1.0}, {"loss": "l3"}, {"window_size": 7}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError):
        LstmDirectSettings(**wrong)
