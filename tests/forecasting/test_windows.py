import numpy as np
import pytest

from forecasting.axis import Axis
from forecasting.calendar import Calendar
from forecasting.errors import ConfigError, DataError
from forecasting.schema import iso
from forecasting.windows import WindowSpec, plan_windows


def days(start, end):
    return np.arange(start, np.datetime64(end) + 1, dtype="datetime64[D]")


def test_months_are_counted_back_from_the_end():
    plan = plan_windows(days("2013-07-01", "2014-07-31"), WindowSpec("month", 4))
    assert [(iso(w.cutoff), w.horizon) for w in plan.all] == [
        ("2014-03-31", 30),
        ("2014-04-30", 31),
        ("2014-05-31", 30),
        ("2014-06-30", 31),
        ("2014-07-31", 31),
    ]
    assert plan.max_horizon == 31
    assert iso(plan.backtest[-1].end) == "2014-07-31"


def test_february_of_a_leap_year_and_the_turn_of_the_year():
    plan = plan_windows(days("2023-06-01", "2024-02-29"), WindowSpec("month", 3))
    assert [(iso(w.start), iso(w.end)) for w in plan.all] == [
        ("2023-12-01", "2023-12-31"),
        ("2024-01-01", "2024-01-31"),
        ("2024-02-01", "2024-02-29"),
        ("2024-03-01", "2024-03-31"),
    ]


def test_days_with_a_step_shorter_than_the_horizon():
    plan = plan_windows(days("2024-01-01", "2024-04-30"), WindowSpec("day", 3, horizon=14, step_size=7))
    assert [iso(w.cutoff) for w in plan.backtest] == ["2024-04-02", "2024-04-09", "2024-04-16"]
    assert all(iso(w.end) <= "2024-04-30" for w in plan.backtest)


def test_fewer_windows_when_the_data_are_short():
    plan = plan_windows(days("2024-01-01", "2024-03-31"), WindowSpec("month", 12))
    assert [iso(w.cutoff) for w in plan.backtest] == ["2024-01-31", "2024-02-29"]


def test_data_that_end_in_mid_month_name_the_way_out():
    with pytest.raises(DataError, match="--as-of 2024-02-29"):
        plan_windows(days("2023-01-01", "2024-03-15"), WindowSpec("month", 2))


def test_no_window_is_a_sentence():
    with pytest.raises(DataError, match="no backtest window fits"):
        plan_windows(days("2024-01-01", "2024-01-31"), WindowSpec("month", 4))


def work_days(first, last, calendar="DE"):
    days = np.arange(first, last, dtype="datetime64[D]")
    return days[Calendar(calendar).days(days).workday]


def test_windows_of_work_days_count_work_days():
    ds = work_days("2024-01-01", "2024-06-01")
    plan = plan_windows(ds, WindowSpec("day", n_windows=2, horizon=7), Axis("B", Calendar("DE")))
    assert [str(w.cutoff) for w in plan.all] == ["2024-05-10", "2024-05-22", "2024-05-31"]
    assert np.array_equal(plan.backtest[-1].ds, ds[-7:])
    assert [str(d) for d in plan.final.ds] == [f"2024-06-{d:02}" for d in (3, 4, 5, 6, 7, 10, 11)]


def test_months_of_work_days_are_as_long_as_they_are():
    ds = work_days("2024-01-01", "2024-06-01")  # 31 May is a Friday
    plan = plan_windows(ds, WindowSpec("month", n_windows=3), Axis("B", Calendar("DE")))
    assert [(str(w.start), str(w.end), w.horizon) for w in plan.all] == [
        ("2024-03-01", "2024-03-28", 20),
        ("2024-04-02", "2024-04-30", 21),
        ("2024-05-02", "2024-05-31", 20),
        ("2024-06-03", "2024-06-28", 20),
    ]
    with pytest.raises(DataError, match="mid-month"):
        plan_windows(ds[:-1], WindowSpec("month"), Axis("B", Calendar("DE")))


def test_weeks_have_windows_of_weeks_and_none_of_months():
    ds = np.arange("2022-01-03", "2023-08-08", 7, dtype="datetime64[D]")
    axis = Axis("W", Calendar())
    plan = plan_windows(ds, WindowSpec("day", n_windows=2, horizon=4), axis)
    assert np.array_equal(plan.final.ds, ds[-1] + 7 * np.arange(1, 5))
    with pytest.raises(ConfigError, match="the data are weeks"):
        plan_windows(ds, WindowSpec("month"), axis)
