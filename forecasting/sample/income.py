"""The competition's simplified income rule: when money begins to earn, and how much.

Days are natural days, cut at midnight. Money put in on day d is confirmed, earns from the next working day, and its
first income shows a day later, by weekday alone (public holidays do not count in the simplified rule):

    put in on       Mon  Tue  Wed  Thu  Fri  Sat  Sun
    first income    Wed  Thu  Fri  Sat  Tue  Wed  Wed

The income of a day is the earning balance times the day's yield (CNY per 10,000 CNY), cut to whole fen. It is added
to the balance and counts as a purchase (total purchase = direct purchase + share), and itself earns from the next day
on. Money redeemed earns nothing from the day it leaves.
"""

from __future__ import annotations

import numpy as np

from forecasting.calendar import weekday_of
from forecasting.schema import DateArray, FloatArray, IntArray, as_dates

__all__ = ["LONGEST_WAIT", "daily_income", "first_income_day", "income", "waiting_lags"]

_WAIT = np.array([2, 2, 2, 2, 4, 4, 3])
"""Days from putting money in to its first income, Monday first."""

LONGEST_WAIT = 3
"""Money put in this many days ago or longer ago may still wait; older money never does."""

_YIELD_STEPS = 10_000
_PER = 10_000


def first_income_day(ds: DateArray) -> DateArray:
    """The days ``[n]`` on which money put in on days `ds` ``[n]`` first shows income."""
    days = as_dates(ds)
    return as_dates(days + _WAIT[weekday_of(days)])


def waiting_lags(day: np.datetime64) -> tuple[int, ...]:
    """How many days ago money was put in that shows no income yet on `day`, such as (1,) or (1, 2, 3)."""
    lags = np.arange(1, LONGEST_WAIT + 1)
    waiting = first_income_day(day - lags) > day
    return tuple(int(lag) for lag in lags[waiting])


def income(earning: IntArray, daily_yield: float) -> IntArray:
    """Income of one day in fen, same shape as `earning` (fen, not negative).

    Parameters
    ----------
    earning
        Balances that earn on this day, fen.
    daily_yield
        Income in CNY per 10,000 CNY and day; four decimals count, as funds publish it.
    """
    rate = round(daily_yield * _YIELD_STEPS)
    # In two parts, so that no product leaves int64.
    whole, rest = np.divmod(np.asarray(earning, dtype=np.int64), _PER * _YIELD_STEPS)
    return np.asarray(whole * rate + rest * rate // (_PER * _YIELD_STEPS))


def daily_income(
    ds: DateArray, direct: IntArray, redeem: IntArray, daily_yield: FloatArray, opening: IntArray | int = 0
) -> IntArray:
    """Income of every day for accounts with known flows, fen, shape of `direct`.

    Parameters
    ----------
    ds
        Consecutive days ``[n_days]``.
    direct, redeem
        Money put in and taken out, fen, ``[n_days]`` or ``[n_days, n_accounts]``.
    daily_yield
        CNY per 10,000 CNY, ``[n_days]``.
    opening
        Balance before the first day, fen; it earns from the first day on.
    """
    shares = np.zeros_like(direct)
    balance = np.zeros(np.shape(direct)[1:], dtype=np.int64) + opening
    for t, day in enumerate(ds):
        waiting = sum((direct[t - lag] for lag in waiting_lags(day) if lag <= t), start=np.zeros_like(balance))
        shares[t] = income(np.maximum(balance - waiting, 0), float(daily_yield[t]))
        balance = balance + direct[t] + shares[t] - redeem[t]
    return shares
