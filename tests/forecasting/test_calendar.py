import numpy as np
import pytest

from forecasting.calendar import Calendar
from forecasting.errors import ConfigError
from forecasting.schema import as_dates


def facts(*ds, calendar=None):
    return (calendar or Calendar("CN")).days(as_dates(ds))


def test_chinas_shifted_work_days_of_2014():
    found = facts("2014-05-04", "2014-09-28")
    assert found.workday.all()
    assert found.shifted.all()
    assert list(found.weekday) == [6, 6]


def test_mid_autumn_2014_is_a_run_of_three_days_off():
    found = facts("2014-09-05", "2014-09-06", "2014-09-07", "2014-09-08", "2014-09-09")
    assert list(found.workday) == [True, False, False, False, True]
    assert list(found.offday_run) == [0, 3, 3, 3, 0]
    assert list(found.offday_index) == [0, 1, 2, 3, 0]
    assert found.holiday[3]
    assert not found.holiday[0]


def test_a_day_means_the_same_alone_and_in_a_range():
    calendar = Calendar("CN")
    whole = calendar.days(np.arange("2014-01-01", "2015-01-01", dtype="datetime64[D]"))
    for i in (0, 30, 32, 120, 250, 275, 364):
        alone = calendar.days(whole.ds[i : i + 1])
        for name in ("weekday", "workday", "offday_run", "offday_index", "day", "days_left", "shifted"):
            assert getattr(alone, name)[0] == getattr(whole, name)[i], (name, i)


def test_position_in_the_month():
    found = facts("2014-02-01", "2014-02-28")
    assert list(found.day) == [1, 28]
    assert list(found.days_left) == [27, 0]


def test_without_a_country_only_weekends_are_off():
    found = facts("2014-10-01", "2014-10-04", calendar=Calendar())
    assert list(found.workday) == [True, False]


def test_events_are_known_by_name():
    calendar = Calendar("CN", (("2014-11-11", "promotion"),))
    assert facts("2014-11-10", "2014-11-11", calendar=calendar).event == ("", "promotion")
    assert calendar.key != Calendar("CN").key


def test_an_unknown_country_is_a_sentence():
    with pytest.raises(ConfigError, match="calendar: 'XQ' is not a calendar"):
        facts("2014-01-01", calendar=Calendar("XQ"))


@pytest.mark.parametrize("code", ["de", "xecb", "Xnys"])
def test_a_code_in_lower_case_names_the_upper_case_one(code):
    with pytest.raises(ConfigError, match=f"codes are upper case, write {code.upper()}"):
        Calendar(code).days(np.array(["2024-01-01"], dtype="datetime64[D]"))


def test_a_part_of_a_country_has_holidays_of_its_own():
    corpus_christi = as_dates(["2025-06-19"])
    assert Calendar("DE").days(corpus_christi).workday[0]
    there = Calendar("DE-BY").days(corpus_christi)
    assert (there.holiday, bool(there.workday[0])) == (("Corpus Christi",), False)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [("DE-XX", "its parts are BB, BE, BW, BY,"), ("JP-01", "it has no parts, use the country's code alone")],
)
def test_an_unknown_part_of_a_country_names_those_there_are(code, remedy):
    with pytest.raises(ConfigError, match=remedy):
        Calendar(code).days(as_dates(["2025-06-19"]))


def test_a_moved_holiday_leaves_an_ordinary_day_behind():
    calendar, days = Calendar("DE"), ("2024-04-30", "2024-05-01", "2024-05-02", "2024-05-03")
    found = facts(*days, calendar=calendar.exchanged([("2024-05-01", "2024-05-02")], ()))
    usual = facts(*days, calendar=calendar)
    assert [bool(name) for name in found.holiday] == [False, False, True, False]
    assert found.holiday[2] == usual.holiday[1]
    assert list(found.workday) == [True, True, False, True]
    assert list(found.offday_run) == [0, 0, 1, 0]


def test_a_holiday_from_or_to_a_weekend_takes_no_weekend_along():
    holiday, sunday = "2024-05-01", "2024-05-05"
    moved = Calendar("DE").exchanged([(holiday, sunday)], ())
    assert list(facts(holiday, sunday, calendar=moved).workday) == [True, False]
    back = moved.exchanged([(sunday, "2024-05-06")], ())
    assert list(facts(sunday, "2024-05-06", calendar=back).workday) == [False, False]
    assert facts("2024-05-06", calendar=back).holiday[0] == facts(holiday, calendar=Calendar("DE")).holiday[0]


def test_two_holidays_exchange_their_names_and_exchanges_can_be_taken_back():
    easter, labour = "2024-04-01", "2024-05-01"
    once = Calendar("DE").exchanged([(easter, labour)], ())
    names = facts(easter, labour, calendar=Calendar("DE")).holiday
    assert facts(easter, labour, calendar=once).holiday == names[::-1]
    assert not facts(easter, labour, calendar=once).workday.any()
    twice, usual = once.exchanged([(labour, easter)], ()), Calendar("DE")
    days = np.arange("2024-01-01", "2025-01-01", dtype="datetime64[D]")
    assert twice.days(days).holiday == usual.days(days).holiday
    np.testing.assert_array_equal(twice.days(days).workday, usual.days(days).workday)
    assert len({usual.key, once.key, twice.key}) == 3


def test_the_usual_week_is_that_of_the_country_whatever_moves():
    moved = Calendar("CN").exchanged([("2014-09-08", "2014-09-10")], ())
    assert moved.weekly_rest(2014) == Calendar("CN").weekly_rest(2014)


def test_events_exchange_their_days():
    calendar = Calendar(events=(("2024-05-01", "sale"), ("2024-05-03", "payroll")))
    assert calendar.exchanged((), [("2024-05-01", "2024-05-02")]).events == (
        ("2024-05-02", "sale"),
        ("2024-05-03", "payroll"),
    )
    assert dict(calendar.exchanged((), [("2024-05-01", "2024-05-03")]).events) == {
        "2024-05-01": "payroll",
        "2024-05-03": "sale",
    }
