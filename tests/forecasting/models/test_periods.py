"""Work days and weeks: what members forecast when periods are not calendar days, and a unit is any unit."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from forecasting.axis import Axis
from forecasting.backtest import run_trials
from forecasting.calendar import Calendar
from forecasting.models import model_type
from forecasting.models.arima import Arima, ArimaSettings
from forecasting.models.base import FitTask
from forecasting.panel import History, Panel, Series
from forecasting.trial import Member, Trial, TrialResult
from forecasting.windows import WindowSpec, plan_windows

SMALL = {
    "weekday-median": {},
    "seasonal-naive": {},
    "periodic-factor": {},
    "calendar-level": {},
    "calendar-level/damped-trend": {"level": "damped-trend"},
    "calendar-level/mean-reverting": {"level": "mean-reverting"},
    "arima": {"max_p": 1, "max_q": 0},
    "lightgbm-direct": {},
    "lightgbm-recursive": {},
    "lightgbm-global": {"rounds": 60},
    "lstm-direct": {"input_size": 14, "hidden_size": 8, "epochs": 15},
    "lstm-global": {"hidden_size": 8},
}
RULES = ("weekday-median", "periodic-factor", "calendar-level", "calendar-level/mean-reverting")
DAYS = 168
LARGEST_ERROR = 0.3


def member(name):
    model = name.partition("/")[0]
    cls = model_type(model)
    return Member(model, cls.settings_type.model_validate(SMALL[name]).model_dump(mode="json"), 0, name, cls.family)


def weeks(seed, *, open_weekends, n_series=3):
    """Series with a week, a slowly moving level and scatter."""
    random = np.random.default_rng(seed)
    ds, day = np.arange(DAYS) + np.datetime64("2023-01-02"), np.arange(DAYS) % 7
    level = np.cumsum(random.normal(0, 0.01, (n_series, DAYS)), axis=1) + random.normal(0, 0.1, (n_series, DAYS))
    y = 1e5 * np.array([1.2, 1.1, 1.0, 1.0, 0.9, 0.5, 0.4])[day] * np.exp(level)
    y = y if open_weekends else np.where(day >= 5, 0.0, y)
    series = tuple(Series("purchase", f"e{i}") for i in range(n_series))
    return Panel(ds, series, y, np.zeros((n_series, DAYS, 0)), (), Calendar())


def forecasts(panel, name, horizon=14):
    """Of the first series: forecasts and actual values of the backtest, and forecasts beyond it."""
    plan = plan_windows(panel.ds, WindowSpec("day", 4, horizon), panel.axis)
    one = member(name)
    (result,) = run_trials([Trial(one, one.unit(panel.series[0]), "key")], panel, plan, run_seed=1)
    assert isinstance(result, TrialResult), result
    mine = [f.y_hat for f in result.forecasts if f.unique_id == panel.unique_ids[0]]
    y = np.array([panel.truth(panel.unique_ids[0], w.ds) for w in plan.backtest])
    return np.array(mine[:-1]), y, mine[-1]


def points_on_work_days(panel, name):
    """Mean points by relative error on work days, and the largest forecast on a weekend."""
    y_hat, y, final = forecasts(panel, name)
    works = np.arange(y.shape[1]) % 7 < 5  # cutoffs are Sundays
    error = np.abs(y_hat - y)[:, works] / y[:, works]
    weekends = max(float(y_hat[:, ~works].max()), float(final[~works].max()))
    return float(10 * np.maximum(1 - error / LARGEST_ERROR, 0).mean()), weekends


@cache
def panels():
    """The amounts that `test_forecasts_follow_the_unit` multiplies: open and closed weekends, and either sign."""
    panel = weeks(0, open_weekends=True)
    return panel, weeks(0, open_weekends=False), replace(panel, y=panel.y - 0.8e5)


@cache
def unscaled(name, which):
    return forecasts(panels()[which], name)[0]


@pytest.mark.parametrize("name", SMALL)
def test_closed_weekends_are_exactly_zero(name):
    closed, weekends = points_on_work_days(weeks(0, open_weekends=False), name)
    assert weekends == 0
    assert closed > points_on_work_days(weeks(0, open_weekends=True), name)[0] - 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_closed_weekends_cost_nothing_on_work_days(name):
    n_panels = 60 if name == "lstm-global" else 20  # its mean over 20 is uncertain by 0.03
    lost = [
        points_on_work_days(weeks(seed, open_weekends=True), name)[0]
        - points_on_work_days(weeks(seed, open_weekends=False), name)[0]
        for seed in range(n_panels)
    ]
    assert np.mean(lost) <= 0.05


@pytest.mark.parametrize(
    "k", [-9, pytest.param(-3, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow), 9]
)
@pytest.mark.parametrize("name", SMALL)
def test_forecasts_follow_the_unit(name, k):
    tolerance = 1e-9 if name in RULES else 1e-4
    for which, panel in enumerate(panels()):
        got, _, _ = forecasts(replace(panel, y=panel.y * 10.0**k), name)
        np.testing.assert_allclose(got / 10.0**k, unscaled(name, which), rtol=tolerance, atol=tolerance * 1e4)


def on(axis, y, first="2023-01-02"):
    ds = axis.between(np.datetime64(first), np.datetime64(first) + 2000)[: len(y)]
    return History(
        Series("purchase"), ds, np.asarray(y, dtype=float), np.zeros((len(y), 0)), (), axis.calendar, axis.freq
    )


@pytest.mark.parametrize("name", SMALL)
def test_days_that_the_data_have_count_whatever_the_calendar_says(name):
    """Public holidays are missing in the data and the calendar knows none: a window's days are those of the data."""
    calendar = Calendar()
    days = np.arange("2023-01-02", "2024-01-31", dtype="datetime64[D]")
    ds = days[Calendar("DE").days(days).workday]
    y = 1e5 * np.exp(np.random.default_rng(0).normal(0, 0.1, (2, len(ds))))
    series = (Series("purchase", "a"), Series("purchase", "b"))
    panel = Panel(ds, series, y, np.zeros((2, len(ds), 0)), (), calendar, "B")
    cutoff = np.datetime64("2023-12-22")  # Monday and Tuesday after it are holidays
    plan = plan_windows(ds[: int(np.searchsorted(ds, cutoff)) + 11], WindowSpec("day", 1, 10), panel.axis)
    assert str(plan.backtest[0].ds[0]) == "2023-12-27"
    one = member(name)
    (result,) = run_trials([Trial(one, one.unit(series[0]), "key")], panel, plan, run_seed=1)
    assert isinstance(result, TrialResult), result
    assert all(len(f.y_hat) == 10 for f in result.forecasts)


def test_a_week_of_work_days_has_five():
    week = np.tile([5.0, 4.0, 3.0, 2.0, 1.0], 12)
    history = on(Axis("B", Calendar()), week)
    cls = model_type("seasonal-naive")
    model = cls(cls.settings_type(season_length=history.axis.season_length))
    assert model.predict(model.fit(_task(history)), history, history.ahead(7)).tolist() == [5, 4, 3, 2, 1, 5, 4]


def test_weeks_have_a_season_once_two_years_are_known():
    arima = Arima(ArimaSettings(season_length=52, max_p=1, max_q=0, max_seasonal_p=1))
    axis = Axis("W", Calendar())
    assert {orders[3] for orders in arima._grid(on(axis, np.ones(60)))} == {0}
    assert {orders[3] for orders in arima._grid(on(axis, np.ones(104)))} == {0, 1}


@pytest.mark.parametrize(
    "name", sorted(SMALL.keys() - {"seasonal-naive", "lstm-direct", "lstm-global", "lightgbm-global"})
)
def test_a_year_of_weeks_is_enough(name):
    y = 1e5 * np.exp(np.random.default_rng(0).normal(0, 0.1, 44))
    history = on(Axis("W", Calendar()), y)
    cls = model_type(name.partition("/")[0])
    model = cls(cls.settings_type.model_validate(SMALL[name]))
    got = model.predict(model.fit(_task(history)), history, history.ahead(4))
    np.testing.assert_allclose(got, 1e5, rtol=0.3)


def _task(history):
    return FitTask(history, 7, 1)
