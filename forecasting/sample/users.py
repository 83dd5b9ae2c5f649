"""Rows of users and days that keep every identity of the competition's user table and sum to given daily totals.

It works from the top: the day's income follows from the balances (see `income`), what is left of the day's
purchases is shared out among the users who buy, and the day's redemptions among those who have the money. So any
totals can be met to the fen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from forecasting.sample.allocate import share_out, share_out_below, split_rows
from forecasting.sample.income import LONGEST_WAIT, income, waiting_lags
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["CATEGORIES", "COLUMNS", "Day", "Totals", "user_days"]

COLUMNS = (
    "user_id",
    "report_date",
    "tBalance",
    "yBalance",
    "total_purchase_amt",
    "direct_purchase_amt",
    "purchase_bal_amt",
    "purchase_bank_amt",
    "total_redeem_amt",
    "consume_amt",
    "transfer_amt",
    "tftobal_amt",
    "tftocard_amt",
    "share_amt",
)
CATEGORIES = ("category1", "category2", "category3", "category4")

_FIRST_SHARE = 0.016
_ARRIVAL_POWER = 3.45
"""The share of users there after a part x of the days is about x to this power: a quarter of all user-days are rows."""
_BUYING, _REDEEMING = 0.10, 0.085
"""Chance that a user of mean activity buys or redeems on a day."""


@dataclass(frozen=True)
class Totals:
    """Days ``[n_days]`` and the sums to meet, fen, ``[n_days]`` each; `yields` in CNY per 10,000 CNY."""

    ds: DateArray
    purchase: IntArray
    redeem: IntArray
    yields: FloatArray


@dataclass(frozen=True)
class Day:
    """The rows of one day: `COLUMNS` without the first two, ``[n_rows, 12]``; `categories` ``[n_rows, 4]``, set where
    `consumes`.
    """

    ds: np.datetime64
    user_ids: IntArray
    amounts: IntArray
    categories: IntArray
    consumes: BoolArray
    daily_yield: float


@dataclass
class _Users:
    """What the simulation carries from day to day, one entry per user."""

    arrival: IntArray
    activity: FloatArray
    wealth: FloatArray
    balance: IntArray
    direct: IntArray  # [LONGEST_WAIT, n_users], yesterday first


def user_days(totals: Totals, users: int, rng: np.random.Generator) -> Iterator[Day]:
    """The rows of each day, by user id; user ids are 1 to `users`.

    The yield of a day is lowered where the income would take more than half of the day's purchases.
    """
    state = _begin(totals, users, rng)
    for t, day in enumerate(totals.ds):
        present = np.flatnonzero(state.arrival <= t)
        daily_yield, share = _income(state, present, day, float(totals.yields[t]), int(totals.purchase[t]))
        before = state.balance[present]
        direct = _purchases(state, present, t, int(totals.purchase[t]) - int(share.sum()), rng)
        redeem = _redemptions(state, present, before + share + direct, int(totals.redeem[t]), rng)
        after = before + share + direct - redeem
        state.balance[present] = after
        state.direct = np.roll(state.direct, 1, axis=0)
        state.direct[0] = 0
        state.direct[0, present] = direct
        yield _rows(day, present + 1, np.stack([after, before, direct, redeem, share], axis=1), daily_yield, rng)


def _begin(totals: Totals, users: int, rng: np.random.Generator) -> _Users:
    n_days = len(totals.ds)
    position = np.sort(rng.random(users))
    late = np.maximum((position - _FIRST_SHARE) / (1 - _FIRST_SHARE), 0) ** (1 / _ARRIVAL_POWER)
    arrival = np.floor(late * n_days).astype(np.int64)
    arrival[0] = 0
    arrival = rng.permutation(arrival)
    wealth = np.exp(1.2 * rng.standard_normal(users))
    drawn = int(np.max(np.cumsum(totals.redeem) - np.cumsum(totals.purchase), initial=0))
    opening = drawn + 20 * int(np.mean(totals.purchase[:30])) + 1
    balance = np.zeros(users, dtype=np.int64)
    first = arrival == 0
    balance[first] = share_out(opening, wealth[first])
    activity = rng.gamma(2.0, 0.5, users)
    return _Users(arrival, activity, wealth, balance, np.zeros((LONGEST_WAIT, users), dtype=np.int64))


def _income(
    state: _Users, present: IntArray, day: np.datetime64, daily_yield: float, purchase: int
) -> tuple[float, IntArray]:
    waiting = sum((state.direct[lag - 1, present] for lag in waiting_lags(day)), start=np.zeros_like(present))
    earning = np.maximum(state.balance[present] - waiting, 0)
    share = income(earning, daily_yield)
    total = int(share.sum())
    if 2 * total > purchase:
        daily_yield = np.floor(daily_yield * purchase / (2 * total) * 10_000) / 10_000
        share = income(earning, daily_yield)
    return daily_yield, share


def _purchases(state: _Users, present: IntArray, t: int, total: int, rng: np.random.Generator) -> IntArray:
    buys = rng.random(len(present)) < _BUYING * state.activity[present]
    buys |= state.arrival[present] == t
    if not buys.any():
        buys[int(rng.integers(len(present)))] = True
    amounts = np.zeros(len(present), dtype=np.int64)
    chosen = np.flatnonzero(buys)
    weights = state.wealth[present[chosen]] * np.exp(rng.standard_normal(len(chosen)))
    amounts[chosen] = share_out(total, weights)
    return amounts


def _redemptions(
    state: _Users, present: IntArray, available: IntArray, total: int, rng: np.random.Generator
) -> IntArray:
    draw = rng.random(len(present)) / np.maximum(state.activity[present], 1e-3)
    chance = _REDEEMING
    chosen = np.flatnonzero(draw < chance)
    while available[chosen].sum() < total:
        chance *= 2
        chosen = np.flatnonzero(draw < chance)
    amounts = np.zeros(len(present), dtype=np.int64)
    if total:
        weights = (available[chosen] + 1) * rng.uniform(0.05, 1, len(chosen)) ** 2
        amounts[chosen] = share_out_below(total, weights, available[chosen])
    return amounts


def _rows(day: np.datetime64, user_ids: IntArray, flows: IntArray, daily_yield: float, rng: np.random.Generator) -> Day:
    """The detail columns from after, before, direct, redeem and share."""
    after, before, direct, redeem, share = flows.T
    n = len(user_ids)
    from_balance = split_rows(direct, _two(rng, n))
    kind = rng.random(n)
    consumed = np.where(kind < 0.55, 1.0, np.where(kind < 0.8, 0.0, rng.random(n)))
    consume = np.floor(consumed * redeem).astype(np.int64)
    transfer = redeem - consume
    to_balance = split_rows(transfer, _two(rng, n))
    consumes = consume > 0
    categories = np.zeros((n, len(CATEGORIES)), dtype=np.int64)
    categories[consumes] = split_rows(consume[consumes], rng.exponential(size=(int(consumes.sum()), 4)) ** 2)
    columns = [after, before, direct + share, direct, *from_balance.T, redeem, consume, transfer, *to_balance.T, share]
    return Day(day, user_ids, np.stack(columns, axis=1), categories, consumes, daily_yield)


def _two(rng: np.random.Generator, n: int) -> FloatArray:
    """Proportions of two parts: all in one, all in the other, or a mixture, a third of the rows each."""
    part = np.clip(rng.uniform(-1, 2, n), 0, 1)
    return np.stack([part, 1 - part], axis=1)
