from __future__ import annotations

import numpy as np
import pytest

from forecasting.calendar import Calendar
from forecasting.errors import TrialError
from forecasting.models.base import FitTask
from forecasting.models.level import CalendarLevel, CalendarLevelSettings
from tests.forecasting.histories import days_after, forecast, history_of, noisy_week

KINDS = ["recent", "damped-trend", "mean-reverting"]


def level_path(history, **settings):
    """The level itself, day by day: the forecast without its calendar."""
    return np.log(forecast(CalendarLevel(CalendarLevelSettings(**settings)), history))


def flat(log_levels, noise=0.0):
    rng = np.random.default_rng(5)
    return history_of(np.exp(np.asarray(log_levels) + rng.normal(0, noise, len(log_levels))))


@pytest.mark.parametrize("level", KINDS)
def test_a_clear_week_on_a_steady_level_is_continued(level):
    history = noisy_week(200, noise=0.05)
    week = np.array([0.3, 0.2, 0.1, 0.1, 0.0, -0.4, -0.3])
    truth = 1e6 * np.exp(week[(np.arange(31) + 200) % 7])
    got = forecast(CalendarLevel(CalendarLevelSettings(level=level, half_life=28)), history)
    assert np.abs(got / truth - 1).mean() < 0.08


def test_recent_stays_where_it_was_lately():
    path = level_path(flat([18.0] * 150 + [19.0] * 30), half_life=7)
    np.testing.assert_allclose(path, 19.0, atol=0.1)


def test_mean_reversion_goes_back_by_halves():
    history = flat([18.0] * 300 + [19.0] * 20)
    path = level_path(history, level="mean-reverting", half_life=5, long_half_life=300, return_half_life=10)
    assert path[0] == pytest.approx(19.0, abs=0.15)
    assert path[9] == pytest.approx(18.5, abs=0.15)
    assert path[19] == pytest.approx(18.25, abs=0.15)


def test_a_damped_trend_goes_on_less_and_less():
    path = level_path(flat(18.0 + 0.01 * np.arange(200), 0.01), level="damped-trend", half_life=28, damping=0.9)
    steps = np.convolve(np.diff(path), np.ones(7), "valid")  # weekly moves: what is left of the calendar cancels
    assert steps[0] > 3 * steps[-1] > -0.02
    assert path[-1] - path[0] == pytest.approx(0.01 * 0.9 * (1 - 0.9**30) / 0.1, abs=0.05)


def test_without_damping_left_the_level_stays():
    history = flat(18.0 + 0.01 * np.arange(200))
    path = level_path(history, level="damped-trend", half_life=28, damping=0.0)
    assert np.ptp(path) < 0.06


@pytest.mark.parametrize("level", KINDS)
def test_odd_last_days_hardly_matter(level):
    history = noisy_week(200, noise=0.05)
    odd = history.y.copy()
    odd[-3] *= 30
    settings = CalendarLevelSettings(level=level, half_life=21)
    clean = forecast(CalendarLevel(settings), history)
    np.testing.assert_allclose(forecast(CalendarLevel(settings), history_of(odd)), clean, rtol=0.15)


def test_a_holiday_ahead_is_known_in_advance():
    calendar = Calendar("CN")
    history = history_of(np.ones(500), start="2022-05-01", calendar=calendar)
    facts = calendar.days(history.ds)
    y = 1e6 * np.where(facts.workday, 1.0, 0.5)
    history = history_of(y, start="2022-05-01", calendar=calendar)  # ends 2023-09-12, National Day is ahead
    got = forecast(CalendarLevel(CalendarLevelSettings()), history)
    off = ~calendar.days(days_after(history)).workday
    assert got[off].mean() < 0.7 * got[~off].mean()


def test_a_stored_calendar_serves_a_newer_history():
    history = noisy_week(200)
    model = CalendarLevel(CalendarLevelSettings(half_life=3))
    state = model.fit(FitTask(history, 31, 1))
    newer = history_of(np.concatenate([history.y, history.y[4:25] * 2]))  # three more weeks, twice as high
    got = model.predict(state, newer, days_after(newer))
    assert got.mean() == pytest.approx(2e6, rel=0.2)


@pytest.mark.parametrize("level", KINDS)
def test_hopeless_and_poor_histories(level):
    model = CalendarLevel(CalendarLevelSettings(level=level))
    with pytest.raises(TrialError, match="14 are needed"):
        forecast(model, history_of(np.ones(13)))
    assert not forecast(model, history_of(np.zeros(60))).any()
    np.testing.assert_allclose(forecast(model, history_of(np.full(60, 9.0))), 9.0, rtol=1e-3)
    assert np.isfinite(forecast(model, history_of(np.where(np.arange(60) % 5, 8.0, 0.0)))).all()
