"""Models behind the gate: what they are given, what a state notes, and what comes back."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting.errors import TrialError
from forecasting.models import model_type
from forecasting.models.base import FitTask, PanelTask, State
from forecasting.models.states import pack_states, unpack_states
from forecasting.panel import Series
from forecasting.scale import members
from tests.forecasting.histories import days_after, forecast, history_of, noisy_week

ARIMA = {"max_p": 1, "max_q": 0, "max_seasonal_p": 0}


def model(name, **settings):
    cls = model_type(name)
    return cls(cls.settings_type.model_validate(settings))


def net_flow(n=120):
    return noisy_week(n).y - 0.8e6


def stored(state):
    return unpack_states(pack_states({"key": state}))["key"]


def test_where_nothing_flowed_nothing_is_fitted_and_nothing_forecast():
    arima, nothing = model("arima", **ARIMA), history_of(np.zeros(60))
    state = stored(members.fit(arima, FitTask(nothing, 7, 1)))
    assert not state.arrays
    assert members.predict(arima, state, nothing, days_after(nothing, 7)).tolist() == [0.0] * 7
    woken = history_of(np.append(np.zeros(60), noisy_week(30).y))
    with pytest.raises(TrialError, match="nothing had flowed in purchase when it was fitted"):
        members.predict(arima, state, woken, days_after(woken, 7))
    assert members.update(arima, state, woken) is state
    again = members.fit(arima, FitTask(woken, 7, 1, previous=state))
    assert (members.predict(arima, again, woken, days_after(woken, 7)) > 0).all()


def test_a_state_notes_the_scale_of_unusual_amounts_and_of_no_others():
    arima = model("arima", **ARIMA)
    assert "scales" not in members.fit(arima, FitTask(noisy_week(), 7, 1)).meta
    history = history_of(net_flow())
    state = stored(members.fit(arima, FitTask(history, 7, 1)))
    size, signed = state.meta["scales"]["purchase"]
    assert signed
    assert size == pytest.approx(np.median(np.abs(history.y)))
    assert members.update(arima, state, history).meta == state.meta
    louder = replace(history, y=np.append(history.y[:-20], 3 * history.y[-20:]))
    assert members.predict(arima, state, louder, days_after(louder, 7)).min() < 0
    assert "scales" not in members.fit(model("weekday-median"), FitTask(history, 7, 1)).meta


@pytest.mark.parametrize("name", ["weekday-median", "calendar-level", "periodic-factor"])
def test_net_flows_are_forecast_with_their_sign(name):
    got = forecast(model(name), history_of(net_flow()), 14)
    assert (got[np.arange(14) % 7 == 5] < 0).all(), "Saturdays"
    assert (got[np.arange(14) % 7 == 0] > 0).all(), "Mondays"


def test_a_refund_after_a_fit_on_positive_amounts_counts_as_unknown():
    level = model("calendar-level")
    state = members.fit(level, FitTask(noisy_week(120), 7, 1))
    refunded = noisy_week(140)
    refunded.y[-1] = -1e6
    got = members.predict(level, state, refunded, days_after(refunded, 7))
    np.testing.assert_allclose(got, members.predict(level, state, noisy_week(140), days_after(refunded, 7)), rtol=0.1)


def test_stacked_and_global_models_leave_out_what_never_flowed():
    empty, full = history_of(np.zeros(80)), noisy_week(80)
    lstm = model("lstm-direct", input_size=7, hidden_size=4, epochs=1)
    nothing, learned = members.fit_many(lstm, [FitTask(h, 7, 1) for h in (empty, full)], "cpu")
    assert members.predict(lstm, nothing, empty, days_after(empty, 7)).tolist() == [0.0] * 7
    (alone,) = members.fit_many(lstm, [FitTask(full, 7, 1)], "cpu")
    assert learned.arrays["parameters"].tobytes() == alone.arrays["parameters"].tobytes()

    trees = model("lightgbm-global", rounds=5)
    both = tuple(replace(h, series=Series("purchase", name)) for h, name in ((empty, "empty"), (full, "full")))
    state, without = members.fit_all(trees, PanelTask(both, 7, 1)), members.fit_all(trees, PanelTask(both[1:], 7, 1))
    assert state.arrays["model"].tobytes() == without.arrays["model"].tobytes()
    assert not members.predict(trees, state, both[0], days_after(empty, 7)).any()
    assert members.fit_all(trees, PanelTask(both[:1], 7, 1)).meta == {"empty": True}


class Plain:
    """Says nothing of logarithms, as a user's own model may."""

    def __init__(self):
        self.given = []

    def fit(self, task):
        self.given.append(task.history.y)
        return State()

    def predict(self, state, history, ds):
        return np.full(len(ds), history.y[-1])


def test_a_model_that_says_nothing_of_logarithms_sees_amounts_in_their_unit():
    y = net_flow(60)
    y[[5, 20]] = 0.0, np.nan
    plain = Plain()
    members.fit(plain, FitTask(history_of(y), 7, 1))
    (given,) = plain.given
    assert np.array_equal(np.delete(given, [5, 20]), np.delete(y, [5, 20]))
    assert np.isfinite(given).all()
    assert given[5] != 0
