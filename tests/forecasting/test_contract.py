"""What every registered model owes: no look-ahead, the same again, a seed that matters, a state that can be stored."""

from dataclasses import replace

import numpy as np
import pytest

from cluster.store import pack_states, unpack_states
from forecasting.calendar import Calendar
from forecasting.models import MODELS, model_type
from forecasting.models.base import FitTask, GlobalModel, Model, StackedModel
from forecasting.panel import Panel, Series
from forecasting.schema import as_date
from forecasting.seeding import fit_key
from forecasting.trial import Member, Trial, TrialFailure, TrialResult, run_trials
from forecasting.windows import WindowSpec, plan_windows

QUICK = {
    "lstm-direct": {"input_size": 7, "hidden_size": 4, "epochs": 2},
    "lstm-classic": {"input_size": 7, "hidden_size": 4, "epochs": 2},
    "lightgbm-direct": {"rounds": 10},
    "lightgbm-recursive": {"rounds": 10},
    "lightgbm-global": {"rounds": 10},
    "arima": {"max_p": 1, "max_q": 0, "max_seasonal_p": 0, "max_seasonal_q": 0},
}
WINDOWS = WindowSpec("month", 2)


def make_panel(seed=0, days=213):
    """Two series, 2023-12-01 to 2024-06-30, with a weekday pattern, a slow level and a past covariate."""
    random = np.random.default_rng(seed)
    ds = np.arange("2023-12-01", "2024-07-01", dtype="datetime64[D]")[-days:]
    weekday = np.array([1.3, 1.2, 1.1, 1.0, 0.9, 0.5, 0.4])[(ds.astype(int) + 3) % 7]
    level = 1e6 * np.exp(np.cumsum(random.normal(0, 0.02, (2, len(ds))), axis=1))
    y = np.rint(level * weekday * np.exp(random.normal(0, 0.1, (2, len(ds)))))
    past = random.normal(size=(2, len(ds), 1))
    return Panel(ds, (Series("purchase"), Series("redeem")), y, past, ("rate",), Calendar("CN"))


def member(name, seed_index=0):
    settings = model_type(name).settings_type.model_validate(QUICK.get(name, {}))
    return Member(name, settings.model_dump(mode="json"), seed_index, name, model_type(name).family)


def run(name, panel, *, seed_index=0, run_seed=1, unique_ids=("purchase",)):
    trials = [Trial(member(name, seed_index), uid, f"key-{uid}") for uid in unique_ids]
    outcomes = run_trials(trials, panel, plan_windows(panel.ds, WINDOWS), run_seed=run_seed)
    for outcome in outcomes:
        assert isinstance(outcome, TrialResult), outcome
    return outcomes


def numbers(outcome):
    return [f.y_hat.tobytes() for f in outcome.forecasts]


@pytest.fixture(params=sorted(MODELS))
def name(request):
    return request.param


def test_nothing_after_a_cutoff_reaches_its_forecast(name):
    panel = make_panel()
    plan = plan_windows(panel.ds, WINDOWS)
    cutoff = plan.backtest[0].cutoff
    later = panel.ds > cutoff
    changed = replace(panel, y=panel.y.copy(), past=panel.past.copy())
    changed.y[:, later] = changed.y[:, later][:, ::-1] * 3 + 17
    changed.past[:, later] = 99.0
    before, after = run(name, panel)[0], run(name, changed)[0]
    assert before.forecasts[0].y_hat.tobytes() == after.forecasts[0].y_hat.tobytes()
    assert before.forecasts[-1].y_hat.tobytes() != after.forecasts[-1].y_hat.tobytes()


def test_the_same_again_whatever_else_is_in_the_batch(name):
    panel = make_panel()
    alone = run(name, panel)[0]
    assert numbers(run(name, panel)[0]) == numbers(alone)
    together = run(name, panel, unique_ids=("redeem", "purchase"))[1]
    assert numbers(together) == numbers(alone)


def test_the_seed_matters_exactly_where_the_model_says_so(name):
    panel = make_panel()
    base = numbers(run(name, panel)[0])
    assert (numbers(run(name, panel, seed_index=1)[0]) != base) == model_type(name).seeded
    assert (numbers(run(name, panel, run_seed=2)[0]) != base) == model_type(name).seeded


def test_forecasts_cover_each_month_and_are_amounts(name):
    result = run(name, make_panel())[0]
    assert [len(f.y_hat) for f in result.forecasts] == [31, 30, 31]
    for forecast in result.forecasts:
        assert np.isfinite(forecast.y_hat).all()
        assert (forecast.y_hat >= 0).all()
        assert 1e4 < np.median(forecast.y_hat) < 1e8


def test_a_stored_state_forecasts_the_same(name):
    panel = make_panel()
    result = run(name, panel)[0]
    state = unpack_states(pack_states({"key": result.state}))["key"]
    plan = plan_windows(panel.ds, WINDOWS)
    again = member(name).build().predict(state, panel.history("purchase"), plan.final.ds)
    np.testing.assert_array_equal(np.maximum(again, 0.0), result.forecasts[-1].y_hat)


def test_a_hopeless_series_is_a_failure_with_a_reason_not_a_crash(name):
    panel = make_panel(days=70)
    short = np.where(np.arange(70) < 66, np.nan, panel.y)
    for y in (np.zeros_like(panel.y), short, np.full_like(panel.y, 5.0)):
        panel_y = replace(panel, y=y)
        outcomes = run_trials(
            [Trial(member(name), "purchase", "k")], panel_y, plan_windows(panel.ds, WindowSpec("day", 1, 7)), run_seed=1
        )
        if isinstance(outcomes[0], TrialFailure):
            assert outcomes[0].reason
            assert "Error:" not in outcomes[0].reason, "a library's error, not a sentence of the model's"
        else:
            assert all(np.isfinite(f.y_hat).all() for f in outcomes[0].forecasts)


def test_the_class_follows_the_protocol(name):
    model = member(name).build()
    assert sum(isinstance(model, kind) for kind in (Model, StackedModel, GlobalModel)) == 1
    assert model.seconds_per_fit > 0
    assert all(field.description for field in type(model).settings_type.model_fields.values())


def test_streams_are_keyed_by_content_never_by_position():
    keys = {fit_key(1, m, u, as_date(c)) for m in ("a", "b") for u in ("x", "y") for c in ("2024-01-31", "2024-02-29")}
    assert len(keys) == 8


def test_the_history_of_a_task_ends_at_its_cutoff():
    panel = make_panel()
    history = panel.history("redeem", as_date("2024-04-30"))
    assert history.cutoff == as_date("2024-04-30")
    assert FitTask(history, 31, 1).history.past.shape == (len(history.ds), 1)
