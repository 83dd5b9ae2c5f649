from __future__ import annotations

import numpy as np
import pytest

from forecasting.calendar import Calendar
from forecasting.errors import TrialError
from forecasting.models.base import FitTask
from forecasting.models.naive import SeasonalNaive, SeasonalNaiveSettings, WeekdayMean, WeekdayMedian, WeekdaySettings
from forecasting.models.periodic import PeriodicFactor, PeriodicFactorSettings
from tests.forecasting.histories import days_after, forecast, history_of, noisy_week


@pytest.mark.parametrize("n", [7, 8, 33])
def test_the_seasonal_naive_repeats_the_last_season(n):
    y = np.random.default_rng(n).integers(0, 100, n).astype(float)
    extended = list(y)
    for _ in range(31):
        extended.append(extended[-7])
    np.testing.assert_array_equal(forecast(SeasonalNaive(SeasonalNaiveSettings()), history_of(y)), extended[n:])


@pytest.mark.parametrize(("model", "average"), [(WeekdayMean, np.mean), (WeekdayMedian, np.median)])
@pytest.mark.parametrize(("n", "k"), [(7, 4), (24, 4), (60, 3), (61, 100)])
def test_same_weekdays_are_averaged(model, average, n, k):
    history = history_of(np.random.default_rng(n).integers(1, 100, n).astype(float))
    weekday = Calendar().days(history.ds).weekday
    ahead = days_after(history)
    expected = [average(history.y[weekday == w][-k:]) for w in Calendar().days(ahead).weekday]
    np.testing.assert_allclose(forecast(model(WeekdaySettings(k=k)), history), expected)


def test_days_of_the_same_type_are_averaged():
    calendar = Calendar("CN")
    history = history_of(np.ones(500), start="2022-05-01", calendar=calendar)  # ends 2023-09-12, National Day is ahead
    off = ~calendar.days(history.ds).workday
    y = np.where(off, 5.0, 9.0) + np.arange(500) % 3
    history = history_of(y, start="2022-05-01", calendar=calendar)
    ahead_off = ~calendar.days(days_after(history)).workday
    assert 10 < ahead_off.sum() < 15
    got = forecast(WeekdayMedian(WeekdaySettings(k=20, like="day-type")), history)
    np.testing.assert_allclose(got, np.where(ahead_off, np.median(y[off][-20:]), np.median(y[~off][-20:])))


def test_a_type_never_seen_falls_back_on_all_days():
    calendar = Calendar("CN")
    days_off = history_of(np.arange(8.0), start="2023-09-29", calendar=calendar)  # the next day is a worked Saturday
    got = forecast(WeekdayMean(WeekdaySettings(k=3, like="day-type")), days_off, horizon=1)
    np.testing.assert_allclose(got, [6.0])


@pytest.mark.parametrize("model", [SeasonalNaive(SeasonalNaiveSettings()), WeekdayMean(WeekdaySettings())])
def test_less_than_a_week_is_a_sentence(model):
    with pytest.raises(TrialError, match=r"up to 2023-01-07 holds 6 days and 7 are needed"):
        forecast(model, history_of(np.ones(6)))


def exact_pattern(n, start="2023-01-02"):
    history = history_of(np.ones(n), start=start)
    weekday = np.array([1.4, 1.2, 1.1, 1.0, 0.9, 0.6, 0.7])
    month_day = 1 + 0.3 * np.sin(np.arange(31))

    def pattern(ds):
        facts = Calendar().days(ds)
        return 5e6 * weekday[facts.weekday] * month_day[facts.day - 1]

    return history_of(pattern(history.ds), start=start), pattern


def test_periodic_factors_recover_an_exact_pattern():
    history, pattern = exact_pattern(365)
    settings = PeriodicFactorSettings(window=365, shrink=0, statistic="mean")
    np.testing.assert_allclose(forecast(PeriodicFactor(settings), history), pattern(days_after(history)), rtol=1e-6)


def test_the_median_does_not_see_a_few_odd_days():
    history, pattern = exact_pattern(365)
    odd = history.y.copy()
    odd[[40, 140, 240, 350]] *= 20
    settings = PeriodicFactorSettings(window=365, shrink=0)
    got = forecast(PeriodicFactor(settings), history_of(odd))
    np.testing.assert_allclose(got, pattern(days_after(history)), rtol=0.1)


def test_the_level_is_that_of_the_last_days():
    history, pattern = exact_pattern(365)
    grown = history.y * np.where(np.arange(365) >= 337, 3.0, 1.0)
    settings = PeriodicFactorSettings(window=112, level_half_life=7, shrink=50)
    got = forecast(PeriodicFactor(settings), history_of(grown))
    assert np.median(got / pattern(days_after(history))) == pytest.approx(3.0, rel=0.15)


def test_shrinking_pulls_month_days_toward_the_mean():
    history, _ = exact_pattern(365)

    def spread(shrink):
        model = PeriodicFactor(PeriodicFactorSettings(window=365, shrink=shrink))
        return np.ptp(model.fit(FitTask(history, 31, 1)).arrays["month_day"])

    assert spread(0) > 1.5 * spread(10) > 5 * spread(1000)


def test_periodic_factors_need_four_weeks_and_bear_zeros():
    model = PeriodicFactor(PeriodicFactorSettings())
    with pytest.raises(TrialError, match="28 are needed"):
        forecast(model, history_of(np.ones(27)))
    assert not forecast(model, history_of(np.zeros(60))).any()
    assert np.isfinite(forecast(model, history_of(np.where(np.arange(60) % 5, 8.0, 0.0)))).all()


def test_a_short_window_leaves_unseen_month_days_at_one():
    got = forecast(PeriodicFactor(PeriodicFactorSettings(window=28)), noisy_week(80))
    assert np.isfinite(got).all()
    assert (got > 1e5).all()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8, 30])
def test_the_median_of_a_few_values_has_the_bits_of_numpy(n):
    values = np.random.default_rng(n).lognormal(10, 3, n)
    assert WeekdayMedian.average(values) == np.median(values)
