"""Rules by which payments are made, planted and found again on days to come."""

import numpy as np
import pytest

from forecasting.calendar import Calendar
from forecasting.scale.activity import activity_of

WEEKDAY = 3  # added to days since 1970-01-01, a Thursday


def months(ds):
    first, last = ds.min().astype("datetime64[M]"), ds.max().astype("datetime64[M]")
    for month in np.arange(first, last + 1):
        yield np.arange(month.astype("datetime64[D]"), (month + 1).astype("datetime64[D]"))


def weekday(ds):
    return (ds.astype(np.int64) + WEEKDAY) % 7


def on_work_days(pick):
    return lambda ds, calendar: np.isin(ds, [pick(days[calendar.days(days).workday], days) for days in months(ds)])


RULES = {
    "last work day": on_work_days(lambda work, days: work[-1]),
    "first work day": on_work_days(lambda work, days: work[0]),
    "third work day": on_work_days(lambda work, days: work[2]),
    "last but one work day": on_work_days(lambda work, days: work[-2]),
    "the 25th or before": on_work_days(lambda work, days: work[work <= days[24]][-1]),
    "the 15th or after": on_work_days(lambda work, days: work[work >= days[14]][0]),
    "last Friday": on_work_days(lambda work, days: days[weekday(days) == 4][-1]),
    "third Wednesday": on_work_days(lambda work, days: days[weekday(days) == 2][2]),
    "every second Friday": lambda ds, calendar: (weekday(ds) == 4) & ((ds.astype(np.int64) + WEEKDAY) // 7 % 2 == 0),
}


@pytest.mark.parametrize("country", [None, "DE"])
@pytest.mark.parametrize("rule", RULES)
def test_a_payment_rule_is_found(rule, country):
    calendar, random = Calendar(country), np.random.default_rng(0)
    for month in np.array(["2024-04", "2024-07", "2024-12"], dtype="datetime64[M]"):
        start, end = (month.astype("datetime64[D]"), (month + 1).astype("datetime64[D]"))
        past, ahead = np.arange("2021-06-01", start, dtype="datetime64[D]"), np.arange(start, end)
        y = np.where(RULES[rule](past, calendar), 100 * np.exp(random.normal(0, 0.1, len(past))), 0.0)
        found = activity_of(past, y, calendar, 7)
        assert np.array_equal(found.is_active(ahead), RULES[rule](ahead, calendar))


@pytest.mark.parametrize("every", [2, 4])
def test_alternate_weeks_of_weekly_data_are_found(every):
    weeks = np.arange("2022-01-07", "2024-11-15", 7, dtype="datetime64[D]")
    y = np.where(np.arange(len(weeks)) % every == 0, 100.0, 0.0)
    ahead = weeks[-1] + 7 * np.arange(1, 9)
    place = np.arange(len(weeks), len(weeks) + 8)
    assert np.array_equal(activity_of(weeks, y, Calendar(), 4).is_active(ahead), place % every == 0)
