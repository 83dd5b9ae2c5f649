"""The income rule, against the published table and a day-by-day account."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.sample.income import daily_income, first_income_day, income, waiting_lags
from forecasting.schema import as_date, as_dates

WEEK = np.arange("2014-03-03", "2014-03-10", dtype="datetime64[D]")  # a Monday to its Sunday


def test_first_income_follows_the_published_table() -> None:
    shown = [str(d) for d in first_income_day(WEEK)]
    assert shown == [
        "2014-03-05",  # Monday -> Wednesday
        "2014-03-06",  # Tuesday -> Thursday
        "2014-03-07",  # Wednesday -> Friday
        "2014-03-08",  # Thursday -> Saturday
        "2014-03-11",  # Friday -> Tuesday
        "2014-03-12",  # Saturday -> Wednesday
        "2014-03-12",  # Sunday -> Wednesday
    ]


@pytest.mark.parametrize("start", range(14))
def test_waiting_lags_are_those_whose_first_income_is_still_to_come(start: int) -> None:
    day = as_date("2014-03-03") + start
    brute = tuple(lag for lag in range(1, 15) if first_income_day(as_dates([day - lag]))[0] > day)
    assert waiting_lags(day) == brute


def test_income_is_cut_to_whole_fen_and_exact_for_large_balances() -> None:
    assert income(np.array([1_000_000]), 1.5787).tolist() == [157]
    assert income(np.array([9_999, 10_000]), 1.0).tolist() == [0, 1]
    large = 2**53 - 1
    assert income(np.array([large]), 1.2345).tolist() == [large * 12345 // 10**8]


def test_money_earns_from_its_first_income_day_and_compounds() -> None:
    ds = np.arange("2014-03-07", "2014-03-14", dtype="datetime64[D]")  # put in on Friday, first income on Tuesday
    direct = np.array([100_000_000, 0, 0, 0, 0, 0, 0])
    shares = daily_income(ds, direct, np.zeros_like(direct), np.full(7, 1.0))
    assert shares.tolist() == [0, 0, 0, 0, 10_000, 10_001, 10_002]


def test_redeemed_money_earns_nothing_and_accounts_do_not_mix() -> None:
    ds = np.arange("2014-03-03", "2014-03-06", dtype="datetime64[D]")
    direct = np.zeros((3, 2), dtype=np.int64)
    redeem = np.array([[50_000_000, 0], [0, 0], [0, 0]])
    shares = daily_income(ds, direct, redeem, np.full(3, 1.0), opening=np.array([100_000_000, 100_000_000]))
    assert shares[:, 0].tolist() == [10_000, 5_001, 5_001]
    assert shares[:, 1].tolist() == [10_000, 10_001, 10_002]
