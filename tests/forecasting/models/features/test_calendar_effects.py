from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from forecasting.calendar import Calendar
from forecasting.errors import TrialError
from forecasting.models.features import calendar_effects, calendar_kernel
from forecasting.models.features.calendar_effects import (
    CalendarFit,
    CalendarSettings,
    calendar_columns,
    fit_calendar,
    safe_log,
)
from tests.forecasting.histories import history_of

WEEK = np.array([0.25, 0.2, 0.15, 0.1, 0.0, -0.4, -0.3])
CHINA = Calendar("CN")


def planted(calendar=CHINA, n=420, holiday=-0.5, outliers=0, noise=0.05, seed=3):
    """A drifting level with weekday and holiday effects; a few days off by a factor of e²."""
    rng = np.random.default_rng(seed)
    history = history_of(np.ones(n), start="2022-09-01", calendar=calendar)
    facts = calendar.days(history.ds)
    effect = WEEK[facts.weekday].copy()
    long_weekday_off = ~facts.workday & (facts.weekday < 5)
    effect[long_weekday_off] = WEEK[5:].mean() + holiday
    effect[facts.shifted] = WEEK[:5].mean()
    level = np.log(1e9) + np.cumsum(rng.normal(0, 0.01, n))
    log_y = level + effect + rng.normal(0, noise, n)
    odd = rng.choice(n, outliers, replace=False)
    log_y[odd] += rng.choice([-2.0, 2.0], outliers)
    return history_of(np.exp(log_y), start="2022-09-01", calendar=calendar), effect


def weekday_effects(fit, calendar):
    """Effects of an ordinary week in the middle of a month without holidays, centred."""
    week = fit.effect(calendar, np.arange("2023-11-13", "2023-11-20", dtype="datetime64[D]"))
    return week - week.mean()


@pytest.mark.parametrize("outliers", [0, 20])
def test_planted_weekdays_are_recovered_in_spite_of_outliers(outliers):
    history, _ = planted(Calendar(None), holiday=0.0, outliers=outliers)
    fit = fit_calendar(history)
    np.testing.assert_allclose(weekday_effects(fit, history.calendar), WEEK - WEEK.mean(), atol=0.06)


def test_without_robust_weights_the_same_outliers_do_harm():
    history, _ = planted(Calendar(None), holiday=0.0, outliers=20)

    def error(huber):
        fit = fit_calendar(history, CalendarSettings(huber=huber))
        return np.abs(weekday_effects(fit, history.calendar) - (WEEK - WEEK.mean())).max()

    assert error(0.7) < 0.7 * error(1e6)


def test_a_holiday_not_seen_before_gets_what_others_taught():
    history, _ = planted(holiday=-0.5)
    fit = fit_calendar(history, CalendarSettings(half_life=365))
    mid_autumn = np.array(["2024-09-16", "2024-09-17"], dtype="datetime64[D]")  # Monday and Tuesday off
    ordinary = np.array(["2024-08-12", "2024-08-13"], dtype="datetime64[D]")
    drop = fit.effect(CHINA, ordinary).mean() - fit.effect(CHINA, mid_autumn).mean()
    assert drop == pytest.approx(WEEK[:2].mean() - (WEEK[5:].mean() - 0.5), abs=0.25)


def test_a_worked_sunday_is_like_a_work_day():
    history, _ = planted(holiday=0.0)
    fit = fit_calendar(history)
    worked, ordinary = fit.effect(CHINA, np.array(["2024-09-29", "2024-08-25"], dtype="datetime64[D]"))
    assert worked - ordinary > 0.25


def test_nothing_is_invented_where_there_is_nothing():
    rng = np.random.default_rng(0)
    history = history_of(np.exp(20 + rng.normal(0, 0.1, 300)), calendar=CHINA)
    effect = fit_calendar(history).effect(CHINA, history.ds)
    assert np.abs(effect).max() < 0.12


def test_effects_average_to_nothing_over_ordinary_days():
    history, _ = planted()
    effect = fit_calendar(history).effect(history.calendar, history.ds)
    facts = history.calendar.days(history.ds)
    # Whole weeks without days off on weekdays: the last ten weeks before the National Day holiday of 2023.
    ordinary = (history.ds >= np.datetime64("2023-07-03")) & (history.ds <= np.datetime64("2023-09-10"))
    assert (facts.workday == (facts.weekday < 5))[ordinary].all()
    assert abs(effect[ordinary].mean()) < 0.03


def test_growth_is_level_not_calendar():
    history, _ = planted(Calendar(None), holiday=0.0)
    grown = history_of(history.y * np.exp(0.02 * np.arange(len(history.y))), start="2022-09-01")
    np.testing.assert_allclose(
        weekday_effects(fit_calendar(grown), grown.calendar),
        weekday_effects(fit_calendar(history), history.calendar),
        atol=0.05,
    )


def test_the_unit_does_not_matter():
    history, _ = planted()
    in_yuan = history_of(history.y / 100, start="2022-09-01", calendar=CHINA)
    np.testing.assert_allclose(
        fit_calendar(in_yuan).effect(CHINA, history.ds), fit_calendar(history).effect(CHINA, history.ds), atol=1e-6
    )


def test_an_effect_does_not_depend_on_which_days_are_asked_with_it():
    history, _ = planted()
    fit = fit_calendar(history)
    ds = np.arange("2023-09-20", "2023-10-20", dtype="datetime64[D]")
    one_by_one = np.array([fit.effect(CHINA, ds[i : i + 1])[0] for i in range(len(ds))])
    np.testing.assert_allclose(one_by_one, fit.effect(CHINA, ds), atol=1e-12)
    assert fit.effect(CHINA, ds[:0]).shape == (0,)


def test_a_named_event_is_learned_and_comes_back():
    events = (*((f"2022-{m:02d}-11", "sale") for m in (10, 11, 12)), ("2023-11-11", "sale"))
    calendar = Calendar(None, events)
    history, _ = planted(calendar, n=300, holiday=0.0)
    lifted = history.y * np.where(np.array(calendar.days(history.ds).event) == "sale", np.exp(1.0), 1.0)
    fit = fit_calendar(history_of(lifted, start="2022-09-01", calendar=calendar), CalendarSettings(half_life=365))
    sale, other = fit.effect(calendar, np.array(["2023-11-11", "2023-11-18"], dtype="datetime64[D]"))
    assert sale - other > 0.6


def test_other_events_than_those_of_the_fit_are_refused():
    history, _ = planted(Calendar(None), n=120, holiday=0.0)
    fit = fit_calendar(history)
    with pytest.raises(TrialError, match="events"):
        fit.effect(Calendar(None, (("2023-11-11", "sale"),)), history.ds)


def test_a_fit_survives_storage():
    history, _ = planted()
    fit = fit_calendar(history)
    again = CalendarFit.from_arrays(fit.to_arrays())
    np.testing.assert_array_equal(again.effect(CHINA, history.ds), fit.effect(CHINA, history.ds))
    assert again.scale == fit.scale


@pytest.mark.parametrize("n", [1, 2, 15, 40])
def test_short_and_constant_histories_give_finite_effects(n):
    for y in (np.full(n, 5.0), np.where(np.arange(n) % 3 == 0, 0.1, 7.0)):
        history = history_of(y, calendar=CHINA)
        effect = fit_calendar(history).effect(CHINA, history.ds)
        assert np.isfinite(effect).all()
        assert np.abs(effect).max() < 10


def test_columns_cover_a_calendar_without_rest_days():
    assert np.isfinite(calendar_columns(Calendar(None), np.arange("2023-01-01", "2023-03-01", dtype="M8[D]"))).all()


def test_an_amount_without_a_logarithm_is_a_sentence():
    for odd in (0.0, -1.0, np.nan):
        with pytest.raises(TrialError, match="is not positive"):
            safe_log(np.array([1.0, odd]))


# -- the solver against plain code


def weighted_median(values, weights):
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    return values[order][np.searchsorted(cumulative, 0.5 * cumulative[-1])]


def plainly(history, settings, steps=3000):
    """Iteratively reweighted least squares on dense matrices, until nothing moves."""
    n, y = len(history.y), np.log(history.y)
    knots = (n - 1) // 14 + 2
    hats = np.maximum(0.0, 1.0 - np.abs((knots - 1 - np.arange(n)[::-1] / 14)[:, None] - np.arange(knots)))
    design = np.hstack([calendar_columns(history.calendar, history.ds), hats])
    decay = 0.5 ** (np.arange(n)[::-1] / settings.half_life)
    sd = np.repeat([settings.weekday_sd, settings.month_sd, settings.holiday_sd], [7, 6, design.shape[1] - knots - 13])
    faded = (hats * decay[:, None]).sum(axis=0) / hats.sum(axis=0)
    step = np.diff(np.eye(knots), axis=0)
    prior = np.zeros((design.shape[1],) * 2)
    prior[: len(sd), : len(sd)] = np.diag(sd**-2)
    walk = step.T @ (step * (faded[1:] / (14 * settings.level_sd**2))[:, None])
    prior[len(sd) :, len(sd) :] = walk + 1e-9 * np.eye(knots)
    weight, scale, before = decay, 0.2, np.inf
    for _ in range(steps):
        weighted = design.T * (weight / scale**2)
        solution = np.linalg.solve(weighted @ design + prior, weighted @ y)
        residual = np.abs(y - design @ solution)
        scale = max(1.4826 * weighted_median(residual, decay), 1e-3)
        weight = decay * np.minimum(1.0, settings.huber * scale / np.maximum(residual, 1e-12))
        if np.abs(solution - before).max() < 1e-12:
            break
        before = solution
    return solution[: len(sd)], scale


def rough(n, calendar, seed):
    """Heavy tails and a wandering level: many days lie beyond Huber's bound."""
    rng = np.random.default_rng(seed)
    log_y = 10 + np.cumsum(rng.normal(0, 0.03, n)) + 0.3 * rng.standard_t(2, n)
    return history_of(np.exp(log_y), start="2022-09-01", calendar=calendar)


@pytest.mark.parametrize("calendar", [CHINA, Calendar(None), Calendar(None, (("2022-10-11", "sale"),))])
@pytest.mark.parametrize("settings", [CalendarSettings(), CalendarSettings(half_life=365, huber=1.4, level_sd=0.01)])
def test_a_fit_is_where_plain_least_squares_converge(calendar, settings):
    for n, seed in ((70, 0), (200, 1), (400, 2), (400, 3), (731, 4)):
        history = rough(n, calendar, seed)
        fit = fit_calendar(history, settings)
        coefficients, scale = plainly(history, settings)
        np.testing.assert_allclose(fit.coefficients, coefficients, atol=1e-7)
        assert fit.scale == pytest.approx(scale, abs=1e-7)


def test_a_fit_has_the_same_bits_whatever_was_fitted_before():
    histories = [rough(n, CHINA, seed) for n in (199, 200) for seed in range(4)]
    forward = [fit_calendar(history).coefficients for history in histories]
    calendar_effects._design.cache_clear()
    backward = [fit_calendar(history).coefficients for history in histories[::-1]]
    np.testing.assert_array_equal(forward, backward[::-1])


def test_without_numba_the_bits_are_the_same(monkeypatch):
    history = rough(60, CHINA, 5)
    design = calendar_effects._design(CHINA, history.ds.tobytes(), CalendarSettings())
    monkeypatch.setitem(sys.modules, "numba", None)
    spec = importlib.util.spec_from_file_location("plain_kernel", calendar_kernel.__file__)
    plain = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, plain)
    spec.loader.exec_module(plain)
    y = np.log(history.y)
    for one, other in zip(plain.solve(design, y, 0.7), calendar_kernel.solve(design, y, 0.7), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n", [15, 100, 400])
def test_series_without_a_scale_end_in_safe_steps(n):
    """Two amounts, or a few spikes on a flat line: half of the days fit exactly, and no step may run away."""
    rng = np.random.default_rng(n)
    spikes = np.where(rng.random(n) < 0.1, 1e6, 7.0) * np.exp(rng.normal(0, 0.01, n))
    for y in (np.where(np.arange(n) % 3 == 0, 0.1, 7.0), spikes):
        history = history_of(y, start="2022-09-01", calendar=CHINA)
        assert np.abs(fit_calendar(history).effect(CHINA, history.ds)).max() < 1.1 * np.ptp(np.log(y))
