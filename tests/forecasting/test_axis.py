import numpy as np
import pytest

from forecasting.axis import Axis, absent_work_days, describe_dates, infer_axis, shifted_country
from forecasting.calendar import Calendar


def span(first, last):
    return np.arange(first, last, dtype="datetime64[D]")


DAYS = span("2024-01-01", "2024-06-01")
WEEKDAY = (DAYS.astype(np.int64) + 3) % 7


def works(code):
    return DAYS[Calendar(code).days(DAYS).workday]


@pytest.mark.parametrize(
    ("ds", "calendar", "freq", "ahead"),
    [
        (DAYS, None, "D", ["2024-06-01", "2024-06-02"]),
        (np.delete(DAYS, [5, 6, 50]), None, "D", ["2024-06-01", "2024-06-02"]),
        (DAYS[WEEKDAY < 5], None, "B", ["2024-06-03", "2024-06-04"]),
        (DAYS[np.isin(WEEKDAY, [6, 0, 1, 2, 3])], None, "B", ["2024-06-02", "2024-06-03"]),
        (works("DE"), "DE", "B", ["2024-06-03", "2024-06-04"]),
        (works("SA"), "SA", "B", ["2024-06-02", "2024-06-03"]),
        (works("CN"), "CN", "B", ["2024-06-03", "2024-06-04"]),
        (works("XNYS"), "XNYS", "B", ["2024-06-03", "2024-06-04"]),
        (DAYS[WEEKDAY == 2], None, "W", ["2024-06-05", "2024-06-12"]),
    ],
)
def test_the_axis_of_dates_is_found_and_goes_on(ds, calendar, freq, ahead):
    axis = infer_axis(ds, Calendar(calendar))
    assert axis.freq == freq
    assert [str(d) for d in axis.after(ds[-1], 2)] == ahead


def test_dates_that_are_neither_are_not_guessed():
    months = np.array([f"2024-{m:02}-01" for m in range(1, 13)], dtype="datetime64[D]")
    assert infer_axis(months, Calendar()) is None
    assert infer_axis(DAYS[::2], Calendar()) is None
    assert describe_dates(months).startswith("12 dates on every weekday, 6 times 31 days apart")


def test_holidays_are_left_out_of_the_work_days_to_come():
    axis = Axis("B", Calendar("XECB"))
    assert [str(d) for d in axis.after(np.datetime64("2026-12-23"), 3)] == ["2026-12-24", "2026-12-28", "2026-12-29"]


def test_steps_count_periods():
    friday = np.datetime64("2024-05-31")
    axis = Axis("B", Calendar())
    assert axis.steps(friday, axis.after(friday, 7)).tolist() == [1, 2, 3, 4, 5, 6, 7]
    daily = Axis("D", Calendar())
    assert daily.steps(friday, daily.after(friday, 7)[[2, 6]]).tolist() == [3, 7]


def test_work_days_that_a_calendar_does_not_expect_count_too():
    axis, friday = Axis("B", Calendar("DE")), np.datetime64("2024-04-26")
    worked = friday + np.array([3, 4, 5, 6])  # Wednesday is Labour Day
    assert axis.steps(friday, worked).tolist() == [1, 2, 3, 4]
    assert Axis("W", Calendar()).steps(friday, friday + 7 * np.array([2, 5])).tolist() == [2, 5]


@pytest.mark.parametrize(("freq", "worth"), [("D", [7, 14, 28]), ("B", [5, 10, 20]), ("W", [4, 8, 16])])
def test_periods_tell_as_much_as_days(freq, worth):
    assert [Axis(freq, Calendar()).worth(days) for days in (7, 14, 28)] == worth


def test_absent_work_days_are_those_the_calendar_does_not_explain():
    ds = works("DE")
    assert len(absent_work_days(ds, Axis("B", Calendar("DE")))) == 0
    without = np.delete(ds, 20)
    assert absent_work_days(without, Axis("B", Calendar("DE"))).tolist() == [ds[20].item()]


def test_a_season_is_a_week_of_work_days():
    assert Axis("D", Calendar()).season_length == 7
    assert Axis("B", Calendar("DE")).season_length == 5
    assert Axis("B", Calendar(week=(0, 1, 2, 3, 4, 5))).season_length == 6
    assert Axis("W", Calendar()).season_length == 52


@pytest.mark.parametrize("calendar", [None, "DE"])
def test_a_gap_or_a_single_early_day_hides_no_work_days(calendar):
    days = works(calendar)
    long_gap = np.concatenate([days, works(calendar) + 7 * 60])
    early = np.concatenate([np.array(["2020-01-02"], dtype="datetime64[D]"), days])
    kept = long_gap[Calendar(calendar).days(long_gap).workday]
    assert infer_axis(kept, Calendar(calendar)).freq == "B"
    assert infer_axis(early, Calendar(calendar)).freq == "B"


def test_the_week_may_be_the_datas_and_the_holidays_the_countrys():
    worked = DAYS[(WEEKDAY < 6) & np.array([not name for name in Calendar("DE").days(DAYS).holiday])]
    for freq in ("auto", "B"):
        axis = infer_axis(worked, Calendar("DE"), freq)
        assert (axis.freq, axis.calendar) == ("B", Calendar("DE", week=(0, 1, 2, 3, 4, 5)))
        assert len(absent_work_days(worked, axis)) == 0
        assert axis.season_length == 6
    christmas = [str(d) for d in axis.after(np.datetime64("2024-12-23"), 3)]
    assert christmas == ["2024-12-24", "2024-12-27", "2024-12-28"]


def test_shifted_work_days_name_a_country():
    days = span("2024-01-01", "2024-11-01")
    days = days[Calendar("CN").days(days).workday]
    assert infer_axis(days, Calendar()) is None
    assert shifted_country(days) == "CN"
    assert shifted_country(DAYS[WEEKDAY < 5]) is None
