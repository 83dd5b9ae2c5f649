"""Trials on all series of a target at once: who is forecast, who fails alone, and what may change what."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting.backtest import run_trials, series_of
from forecasting.calendar import Calendar
from forecasting.errors import ConfigError, TrialError
from forecasting.models import gbm_global, model_type
from forecasting.models.lstm.direct import LstmDirect
from forecasting.panel import Panel, Series
from forecasting.trial import Member, Trial, TrialFailure, TrialResult
from forecasting.windows import WindowSpec, plan_windows

DAYS = 120
SPEC = WindowSpec("day", 2, 7)
ENTITIES = ("a", "b", "c")


def member(seed_index=0, model="lightgbm-global", **settings):
    cls = model_type(model)
    chosen = cls.settings_type.model_validate({"rounds": 10, **settings} if "lightgbm" in model else settings)
    return Member(model, chosen.model_dump(mode="json"), seed_index, model, cls.family)


def make_panel(entities=ENTITIES, calendar=None):
    random = np.random.default_rng(0)
    series = tuple(Series(target, entity) for entity in entities for target in ("purchase", "redeem"))
    y = np.exp(random.normal(10, 0.3, (len(series), DAYS)))
    ds = np.datetime64("2025-01-01") + np.arange(DAYS)
    return Panel(ds, series, y, np.zeros((len(series), DAYS, 0)), (), calendar or Calendar())


def run(panel, target="purchase", run_seed=1, **kwargs):
    trial = Trial(member(**kwargs), target, "key")
    return run_trials([trial], panel, plan_windows(panel.ds, SPEC), run_seed=run_seed)[0]


def numbers(result):
    return {(f.unique_id, str(f.cutoff)): f.y_hat.tobytes() for f in result.forecasts}


def test_one_trial_forecasts_every_series_of_its_target_from_every_cutoff():
    panel = make_panel()
    result = run(panel)
    assert series_of(result.trial, panel) == ("a/purchase", "b/purchase", "c/purchase")
    cutoffs = [str(w.cutoff) for w in plan_windows(panel.ds, SPEC).all]
    assert [(f.unique_id, str(f.cutoff)) for f in result.forecasts] == [
        (f"{entity}/purchase", cutoff) for entity in ENTITIES for cutoff in cutoffs
    ]
    assert result.failed_series == {}


def test_no_later_day_of_any_series_reaches_a_forecast_and_earlier_days_of_others_do():
    panel = make_panel()
    first = plan_windows(panel.ds, SPEC).backtest[0].cutoff
    later = replace(panel, y=np.where(panel.ds > first, panel.y[:, ::-1] * 3, panel.y))
    before, after = numbers(run(panel)), numbers(run(later))
    assert all((before[k] == after[k]) == (k[1] == str(first)) for k in before)
    other = replace(panel, y=panel.y.copy())
    other.y[panel.index("c/purchase"), :60] *= np.exp(np.random.default_rng(1).normal(0, 1, 60))
    assert numbers(run(other))["a/purchase", str(first)] != before["a/purchase", str(first)]
    other = replace(panel, y=panel.y.copy())
    other.y[panel.index("c/redeem")] *= 2
    assert numbers(run(other)) == before, "another target is another trial"


def test_seeds_and_targets_have_their_own_streams():
    panel = make_panel()
    same = replace(panel, y=np.repeat(panel.y[::2], 2, axis=0))  # redeem is purchase
    base = numbers(run(same))
    assert numbers(run(same)) == base
    for other in (run(same, seed_index=1), run(same, run_seed=2)):
        assert all(base[k] != v for k, v in numbers(other).items())
    redeem = numbers(run(same, "redeem"))
    assert all(redeem[uid.replace("purchase", "redeem"), cutoff] != v for (uid, cutoff), v in base.items())


def test_broken_series_fail_alone():
    panel = make_panel(("a", "b", "c", "zero", "late", "young"))
    y = panel.y.copy()
    y[panel.index("zero/purchase")] = 0.0
    y[panel.index("late/purchase"), :-5] = np.nan  # begins after the first cutoffs
    y[panel.index("young/purchase"), :-20] = np.nan  # six days at the first cutoff
    result = run(replace(panel, y=y))
    assert isinstance(result, TrialResult)
    assert {f.unique_id for f in result.forecasts} == {"a/purchase", "b/purchase", "c/purchase", "zero/purchase"}
    assert not any(f.y_hat.any() for f in result.forecasts if f.unique_id == "zero/purchase")
    reasons = result.failed_series
    assert set(reasons) == {"late/purchase", "young/purchase"}
    assert "has no values up to 2025-04-16" in reasons["late/purchase"]
    assert "holds 6 days" in reasons["young/purchase"]
    sound = numbers(run(replace(panel, series=panel.series[:6], y=panel.y[:6], past=panel.past[:6])))
    assert {k: v for k, v in numbers(result).items() if k in sound} == sound, "what is left out teaches nothing"


def test_a_panel_of_hopeless_series_is_a_failure_with_a_reason():
    panel = make_panel()
    outcome = run(replace(panel, y=np.ones_like(panel.y)))
    assert isinstance(outcome, TrialFailure)
    assert "none of 3 series" in outcome.reason


def test_whatever_a_library_raises_fails_the_trial_and_memory_is_raised(monkeypatch):
    def broken(self, task):
        raise error

    monkeypatch.setattr(gbm_global.LightGbmGlobal, "fit_all", broken)
    error = RuntimeError("boom")
    assert run(make_panel()).reason == "RuntimeError: boom"
    error = TrialError("no")
    assert run(make_panel()).reason == "no"
    error = MemoryError()
    with pytest.raises(MemoryError):
        run(make_panel())
    error = SystemError("solve returned a result with an exception set")
    error.__cause__ = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(make_panel())


def test_a_stacked_fit_that_raises_fails_alone(monkeypatch):
    fit_many = LstmDirect.fit_many

    def broken(self, tasks, device):
        if any(task.history.unique_id == "b/purchase" for task in tasks):
            raise error
        return fit_many(self, tasks, device)

    one, panel = member(model="lstm-direct", input_size=7, hidden_size=4, epochs=1), make_panel()
    trials = [Trial(one, f"{entity}/purchase", entity) for entity in ENTITIES]
    alone = run_trials(trials[2:], panel, plan_windows(panel.ds, SPEC), run_seed=1)[0]

    monkeypatch.setattr(LstmDirect, "fit_many", broken)
    error = RuntimeError("boom")
    a, b, c = run_trials(trials, panel, plan_windows(panel.ds, SPEC), run_seed=1)
    assert isinstance(a, TrialResult)
    assert numbers(c) == numbers(alone)
    assert b.reason == "RuntimeError: boom"
    for error in (MemoryError(), ConfigError("not installed")):
        with pytest.raises(type(error)):
            run_trials(trials, panel, plan_windows(panel.ds, SPEC), run_seed=1)
    error = SystemError("solve returned a result with an exception set")  # as numba raises amid compiled code
    error.__cause__ = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run_trials(trials, panel, plan_windows(panel.ds, SPEC), run_seed=1)


def test_fitted_once_it_goes_on_with_new_data():
    panel = make_panel()
    windows = replace(plan_windows(panel.ds, SPEC), refit=False)
    once = run_trials([Trial(member(), "purchase", "k")], panel, windows, run_seed=1)[0]
    every = run(panel)
    first = str(windows.backtest[0].cutoff)
    again, refitted = numbers(once), numbers(every)
    assert all((again[k] == refitted[k]) == (k[1] == first) for k in again)


def test_arimas_of_a_large_panel_share_their_orders_and_no_batch_changes_them():
    panel = make_panel(entities=tuple("abcdef"))
    windows = plan_windows(panel.ds, SPEC)
    shared = member(model="arima", order_sample=2, max_seasonal_p=0)
    trials = [Trial(shared, f"{entity}/purchase", entity) for entity in "abcdef"]

    def made(trials):
        return {result.trial.unique_id: result for result in run_trials(trials, panel, windows, run_seed=1)}

    together = made(trials)
    assert len({str(result.state.meta["orders"]) for result in together.values()}) == 1
    alone = made(trials[4:5])
    assert numbers(alone["e/purchase"]) == numbers(together["e/purchase"])
    seen = made([Trial(member(model="arima", order_sample=0, max_seasonal_p=0), t.unique_id, "k") for t in trials])
    assert len({str(result.state.meta["orders"]) for result in seen.values()}) > 1


def test_the_sample_is_judged_up_to_the_first_cutoff_only():
    panel = make_panel(entities=tuple("abcdef"))
    windows = plan_windows(panel.ds, SPEC)
    later = replace(panel, y=np.where(panel.ds > windows.all[0].cutoff, panel.y[:, ::-1] * 3, panel.y))
    trial = Trial(member(model="arima", order_sample=2, max_seasonal_p=0), "c/purchase", "key")
    first, changed = (run_trials([trial], data, windows, run_seed=1)[0].forecasts[0] for data in (panel, later))
    assert first.y_hat.tobytes() == changed.y_hat.tobytes()
