"""Planted effects are found, on every scale, and a wrong one is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.explanation.calendar_parts import CALENDAR_PARTS, calendar_parts
from forecasting.axis import Axis
from forecasting.calendar import Calendar
from forecasting.panel import History, Series
from forecasting.schema import FloatArray
from tests.ensembles.explanation.planted import Planted, planted

LEVEL, WEEKDAY, HOLIDAY, MONTH, YEARLY, EVENT, ACTIVITY = range(len(CALENDAR_PARTS))
WITHIN = 0.10


def found(case: Planted) -> FloatArray:
    return calendar_parts([case.history], case.ds)[0]


def factors(parts: FloatArray) -> dict[str, FloatArray]:
    """What each effect multiplies the forecast by, ``[n]``."""
    steps = np.cumsum(parts, axis=1)
    pairs = {"weekday": (WEEKDAY, LEVEL), "holiday": (HOLIDAY, WEEKDAY), "event": (EVENT, YEARLY)}
    return {name: steps[:, after] / steps[:, before] for name, (after, before) in pairs.items()}


def misses(case: Planted) -> dict[str, float]:
    """By effect, how far what is found is off, as a share of the effect: mean over the days that have it."""
    known = {
        name: np.exp(b - a)
        for name, a, b in zip(("weekday", "holiday", "event"), case.steps, case.steps[1:], strict=False)
    }
    days = {"weekday": np.abs(known["weekday"] - 1) > 0.1, "holiday": case.is_holiday, "event": case.is_event}
    made = factors(found(case))
    return {
        name: float(np.mean(np.abs(made[name] - known[name])[rows] / np.abs(known[name] - 1)[rows]))
        for name, rows in days.items()
    }


@pytest.mark.parametrize("end", ["2026-04-10", "2025-12-10", "2025-05-10"])
@pytest.mark.parametrize("effects", [(0.5, 1.6), (0.2, 3.0), (0.7, 0.6)])
def test_weekday_holiday_and_event_are_found_within_a_tenth(end: str, effects: tuple[float, float]) -> None:
    cases = [planted(seed, holiday=effects[0], event=effects[1], end=end) for seed in range(4)]
    for name in ("weekday", "holiday", "event"):
        assert np.mean([misses(case)[name] for case in cases]) < WITHIN, name


def test_a_wrong_effect_is_told() -> None:
    right, wrong = planted(1), planted(1, holiday=0.7, event=1.3)
    told = misses(replace(right, history=wrong.history))
    assert told["weekday"] < WITHIN
    assert told["holiday"] > 2 * WITHIN
    assert told["event"] > 2 * WITHIN


def test_holidays_without_an_effect_have_none() -> None:
    made = [factors(found(planted(seed, holiday=1.0, event=1.0)))["holiday"] for seed in range(4)]
    assert np.abs(np.mean(made, axis=0) - 1).max() < 0.05


def test_weekdays_cancel_over_a_week_and_the_level_is_that_of_an_average_day() -> None:
    case = planted(2, noise=0.01)
    parts = found(case)[:7]
    assert abs(parts[:, WEEKDAY].sum()) < 0.02 * parts[:, LEVEL].sum()
    assert parts[0, LEVEL] == pytest.approx(np.exp(case.steps[0][0]), rel=0.05)


def test_the_sum_is_the_model_s_forecast() -> None:
    case = planted(3, noise=0.01)
    assert found(case).sum(axis=1) == pytest.approx(np.exp(case.steps[-1]), rel=0.15)


def test_amounts_of_either_sign_are_explained_on_their_scale() -> None:
    case = planted(4, level=0.2, signed=True, noise=0.02)
    assert (case.history.y < 0).any()
    parts, size = found(case), 1000.0
    truth = size * np.sinh(np.stack(case.steps))
    steps = np.cumsum(parts, axis=1)
    plain = ~case.is_holiday & ~case.is_event
    assert np.abs(steps[plain, WEEKDAY] - truth[1][plain]).mean() < 0.1 * np.abs(truth[1]).mean()
    assert (steps[plain, WEEKDAY] < 0).any()
    assert np.abs(parts[:, ACTIVITY]).max() == 0.0
    event = parts[case.is_event, EVENT]
    assert event == pytest.approx((truth[3] - truth[2])[case.is_event], rel=0.25)


def test_days_without_flow_are_taken_back_at_the_end() -> None:
    case = planted(5)
    closed = case.history.ds.astype(np.int64) % 7 == 2  # a Saturday
    parts = found(replace(case, history=replace(case.history, y=np.where(closed, 0.0, case.history.y))))
    off = case.ds.astype(np.int64) % 7 == 2
    assert parts.sum(axis=1)[off] == pytest.approx(0.0, abs=1e-9)
    assert (parts[off, :ACTIVITY].sum(axis=1) > 1e3).all()
    assert (parts[~off, ACTIVITY] == 0.0).all()
    assert parts[~off][:, WEEKDAY].sum() == pytest.approx(0.0, abs=0.1 * parts[~off][:, LEVEL].sum())


def test_a_series_in_which_nothing_flowed_has_no_parts() -> None:
    case = planted(6)
    still = replace(case.history, y=np.zeros(len(case.history.y)), series=Series("y", "still"))
    parts = calendar_parts([still, case.history], case.ds)
    assert (parts[0] == 0.0).all()
    assert (parts[1, :, LEVEL] > 0).all()
    assert (calendar_parts([still], case.ds) == 0.0).all()


@pytest.mark.parametrize("days", [1, 5, 20])
def test_a_few_days_are_enough_for_a_level(days: int) -> None:
    case = planted(7)
    parts = found(replace(case, history=replace(case.history, ds=case.history.ds[-days:], y=case.history.y[-days:])))
    assert np.isfinite(parts).all()
    assert (parts[:, LEVEL] > 0).all()
    assert (parts[:, YEARLY] == 0.0).all()


def test_weeks_have_no_weekday() -> None:
    rng = np.random.default_rng(0)
    ds = np.datetime64("2022-01-02") + 7 * np.arange(150)
    y = 1000 * np.exp(rng.normal(0, 0.1, len(ds)))
    history = History(Series("y"), ds, y, np.empty((len(ds), 0)), (), Calendar("DE"), "W")
    parts = calendar_parts([history], Axis("W", Calendar("DE")).after(ds[-1], 8))[0]
    assert np.abs(parts[:, WEEKDAY]).max() < 1e-6 * parts[:, LEVEL].max()
    assert np.isfinite(parts).all()


def test_holidays_unlike_days_off_make_no_time_of_the_year() -> None:
    cases = [planted(seed, holiday=0.4, end="2025-06-18") for seed in range(6)]
    histories = [replace(case.history, series=Series("y", f"s{row}")) for row, case in enumerate(cases)]
    parts = calendar_parts(histories, cases[0].ds)
    assert np.abs(parts[..., YEARLY]).max() < 0.1 * parts[..., LEVEL].min()


def test_the_time_of_the_year_is_found() -> None:
    case = planted(8, holiday=1.0, event=1.0, end="2026-01-10")
    ds = np.concatenate([case.history.ds, case.ds])
    shape = 0.3 * np.cos(2 * np.pi * (ds - np.datetime64("2024-01-01")).astype(np.int64) / 365.25)
    n = len(case.history.ds)
    seasonal = replace(case.history, y=case.history.y * np.exp(shape[:n]))
    steps = np.cumsum(calendar_parts([seasonal], case.ds)[0], axis=1)
    assert steps[:, YEARLY] / steps[:, MONTH] == pytest.approx(np.exp(shape[n:]), rel=0.1)
