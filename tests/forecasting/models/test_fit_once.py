"""Fitted once, then one step ahead on new data: how articles test."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting.backtest import run_trials
from forecasting.models import model_type
from forecasting.testing import make_panel
from forecasting.trial import Member, Trial
from forecasting.windows import WindowSpec, plan_windows

QUICK = {"lightgbm-direct": {"rounds": 10}, "calendar-level": {}}
ONCE = WindowSpec("day", horizon=1, split=0.9, refit=False)


def member(name):
    quick = QUICK.get(name, {"input_size": 7, "hidden_size": 4, "epochs": 2})
    cls = model_type(name)
    return Member(name, cls.settings_type.model_validate(quick).model_dump(mode="json"), 0, name, cls.family)


def test_split_leaves_the_share_of_days_before_the_first_window():
    ds = np.arange("2024-01-01", "2024-04-10", dtype="datetime64[D]")
    plan = plan_windows(ds, WindowSpec("day", horizon=1, split=0.8, refit=False))
    assert (len(ds), len(plan.backtest)) == (100, 20)
    assert (plan.backtest[0].cutoff, plan.backtest[-1].end, plan.final.cutoff) == (ds[79], ds[-1], ds[-1])
    assert plan.fitted == plan.backtest[:1]
    weekly = plan_windows(ds, WindowSpec("day", horizon=7, split=0.8))
    assert (len(weekly.backtest), weekly.fitted) == (2, weekly.all)


@pytest.mark.parametrize("name", ["lstm-classic", "lstm-direct", "lightgbm-direct", "calendar-level"])
def test_one_fit_meets_every_later_day_with_new_data(name):
    panel, plan = make_panel(), plan_windows(make_panel().ds, ONCE)
    outcome = run_trials([Trial(member(name), "purchase", "k")], panel, plan, run_seed=1)[0]
    assert len(outcome.forecasts) == len(plan.all) == 23
    model = member(name).build()
    for forecast in outcome.forecasts:
        history = panel.history("purchase", forecast.cutoff)
        again = model.predict(outcome.state, history, forecast.cutoff + np.arange(1, 2))
        np.testing.assert_array_equal(np.maximum(again, 0.0), forecast.y_hat)


def test_what_is_learned_ends_at_the_first_cutoff():
    panel, plan = make_panel(), plan_windows(make_panel().ds, ONCE)
    later = panel.ds > plan.backtest[0].cutoff
    changed = replace(panel, y=np.where(later, 3 * panel.y, panel.y))
    states = [
        run_trials([Trial(member("lstm-classic"), "purchase", "k")], p, plan, run_seed=1)[0].state
        for p in (panel, changed)
    ]
    np.testing.assert_array_equal(*(s.arrays["parameters"] for s in states))
