import numpy as np
import pytest

from forecasting.calendar import Calendar
from forecasting.scale.activity import activity_of, chances_told, fill_from_like_days

DE = Calendar("DE")
PAST = np.arange("2023-01-01", "2024-12-01", dtype="datetime64[D]")
AHEAD = np.arange("2024-12-01", "2025-02-01", dtype="datetime64[D]")


def amounts(active, seed=0):
    return np.where(active, 100 * np.exp(np.random.default_rng(seed).normal(0, 0.2, len(active))), 0.0)


def pay_days(ds, day=25):
    paid = []
    for month in np.unique(ds.astype("datetime64[M]")):
        due = month.astype("datetime64[D]") + day - 1
        while not DE.days(np.array([due])).workday[0]:
            due -= 1
        paid.append(due)
    return np.isin(ds, paid)


def weekend(ds):
    return DE.days(ds).weekday < 5


def work_day(ds):
    return DE.days(ds).workday


@pytest.mark.parametrize("active", [weekend, work_day, pay_days])
def test_kinds_of_days_without_any_flow_are_found(active):
    found = activity_of(PAST, amounts(active(PAST)), DE, 7)
    assert np.array_equal(found.is_active(AHEAD), active(AHEAD))


def test_pay_days_are_found_among_work_days():
    past, ahead = PAST[work_day(PAST)], AHEAD[work_day(AHEAD)]
    found = activity_of(past, amounts(pay_days(past)), DE, 5)
    assert np.array_equal(found.is_active(ahead), pay_days(ahead))


def test_a_series_without_a_zero_has_nothing_to_tell():
    assert activity_of(PAST, amounts(np.ones(len(PAST), dtype=bool)), DE, 7) is None


def test_zeros_at_random_leave_every_day_active():
    active = np.random.default_rng(1).random(len(PAST)) > 0.3
    assert activity_of(PAST, amounts(active), DE, 7).is_active(AHEAD).all()


@pytest.mark.parametrize(("zeros", "stopped"), [(3, False), (7, True), (28, True)])
def test_a_long_run_of_zeros_is_a_stop(zeros, stopped):
    active = np.ones(len(PAST), dtype=bool)
    active[-zeros:] = False
    assert activity_of(PAST, amounts(active), DE, 7).is_active(AHEAD).any() != stopped


def test_a_run_no_longer_than_earlier_ones_is_no_stop():
    active = np.ones(len(PAST), dtype=bool)
    active[300:312] = active[-10:] = False
    assert activity_of(PAST, amounts(active), DE, 7).is_active(AHEAD).all()


def test_closed_weekends_do_not_hide_a_stop():
    active = weekend(PAST).copy()
    active[-12:] = False
    assert not activity_of(PAST, amounts(active), DE, 7).is_active(AHEAD).any()


def test_nothing_but_zeros_stays_so():
    assert not activity_of(PAST, np.zeros(len(PAST)), DE, 7).is_active(AHEAD).any()


@pytest.mark.parametrize(("since", "active"), [(3, False), (20, True), (60, True)])
def test_a_series_that_began_lately_is_judged_by_the_days_since(since, active):
    flows = np.zeros(len(PAST), dtype=bool)
    flows[-since:] = True
    found = activity_of(PAST, amounts(flows), DE, 7)
    assert (found is None or found.is_active(AHEAD).all()) == active


def test_a_series_that_went_on_after_a_stop_is_active_on_its_kinds_of_days():
    active = weekend(PAST).copy()
    active[-140:-40] = False
    assert np.array_equal(activity_of(PAST, amounts(active), DE, 7).is_active(AHEAD), weekend(AHEAD))


def test_zeros_between_pay_days_are_no_stop():
    active = pay_days(PAST)
    active[:200] = False
    assert np.array_equal(activity_of(PAST, amounts(active), DE, 7).is_active(AHEAD), pay_days(AHEAD))


def test_gaps_are_filled_from_like_days():
    y = np.array([1, 2, 3, 4, 5, 6, 7, 1, 2, np.nan, 4, 5, 0, 7.0])
    assert fill_from_like_days(y, np.isnan(y) | (y == 0), 7).tolist() == [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7]


def test_a_gap_without_like_days_is_filled_from_near_days():
    y = np.array([0.0, 5.0, 0.0, 7.0])
    assert fill_from_like_days(y, y == 0, 7).tolist() == [6, 5, 6, 7]


@pytest.mark.parametrize("later", [1, 10, 40])
def test_later_days_do_not_change_the_chance_that_earlier_ones_told(later):
    """An alert of a past window must not move when more days become known, or fewer of one kind."""
    ds = np.concatenate([PAST, AHEAD])
    y = amounts(pay_days(ds))
    start = ds[-len(AHEAD)]
    told = chances_told(ds[:-later], y[:-later], DE, start)
    assert np.array_equal(chances_told(ds, y, DE, start)[:-later], told)
    assert len(np.unique(told[ds[:-later] >= start])) > 1
