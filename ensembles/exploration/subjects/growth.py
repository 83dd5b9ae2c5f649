"""How many users there are, how many act, and how many of those who acted act no more, in blocks of four weeks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.material import Material
from ensembles.exploration.words import known, numbered, percent
from ensembles.report.charts.chart import Chart, Layer, Line
from forecasting.data.sources.user_flows import Users
from forecasting.schema import DateArray, IntArray, iso

__all__ = ["BLOCK", "SUBJECT", "block_ends"]

BLOCK = 28
"""Days of a block: whole weeks, counted back from the end, so that every block holds the same weekdays."""


@dataclass(frozen=True)
class _Blocks:
    """Users by block ``[n_blocks]``: there at its end, new in it, acting in it, and acting in the one before but not in
    it (-1 for the first).
    """

    ends: DateArray
    there: IntArray
    new: IntArray
    active: IntArray
    lost: IntArray


def growth_fact(material: Material) -> Fact | None:
    users = material.users
    if material.kind != "yuebao":
        return None
    if users is None:
        what = "growth, churn, concentration, sex, city and components cannot be told"
        return Fact(f"There is no table of users with rows of users and days (user_balance_table), so {what}.")
    ends = block_ends(users.ds)
    if len(ends) < 2:
        few = f"{numbered(len(users.first_day), 'user')} in {numbered(len(users.ds), 'day')}"
        return Fact(
            f"There are {few}: growth and churn take two blocks of four weeks.", {"users": len(users.first_day)}
        )
    blocks = _blocks(users, ends)
    churn = _churn(blocks)
    numbers = {
        "users_first_day": int((users.first_day == users.ds[0]).sum()),
        "users": len(users.first_day),
        "blocks": [
            {"end": iso(end), "users": int(there), "new": int(new), "active": int(active), "churn": known(share)}
            for end, there, new, active, share in zip(
                blocks.ends, blocks.there, blocks.new, blocks.active, churn, strict=True
            )
        ],
    }
    return Fact(_sentence(users, blocks, churn), numbers, _chart(blocks))


def block_ends(ds: DateArray) -> DateArray:
    """Last days of the whole blocks of `BLOCK` days between the first and the last of `ds`, in order."""
    n = int((ds[-1] - ds[0]).astype(np.int64) + 1) // BLOCK
    return np.asarray(ds[-1] - BLOCK * np.arange(n)[::-1])


def _blocks(users: Users, ends: DateArray) -> _Blocks:
    there = np.searchsorted(np.sort(users.first_day), ends, side="right")
    new = np.diff(np.append(np.searchsorted(np.sort(users.first_day), ends[0] - BLOCK, side="right"), there))
    block = np.searchsorted(ends, users.act_day)
    inside = users.act_day > ends[0] - BLOCK
    acts = np.zeros((len(ends), len(users.first_day)), dtype=bool)
    acts[block[inside], users.act_user[inside]] = True
    lost = np.append(-1, (acts[:-1] & ~acts[1:]).sum(axis=1))
    return _Blocks(ends, there, new, acts.sum(axis=1), lost)


def _churn(blocks: _Blocks) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Share of the users who acted in the block before and not in this one, ``[n_blocks]``; NaN where none did."""
    before = np.append(0, blocks.active[:-1])
    return np.where(before > 0, blocks.lost / np.maximum(before, 1), np.nan)


def _sentence(users: Users, blocks: _Blocks, churn: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    first = int((users.first_day == users.ds[0]).sum())
    n = len(users.first_day)
    growth = f"Users grow from {first:,} on {iso(users.ds[0])} to {n:,} on {iso(users.ds[-1])}"
    growth += f", {int(blocks.new[-1]):,} of them new in the last four weeks"
    acting = f"{int(blocks.active[-1]):,} ({percent(blocks.active[-1] / n)}) bought or redeemed in these"
    if np.isnan(churn[-1]):
        return f"{growth}; {acting}."
    gone = f"{percent(churn[-1])} of the {int(blocks.active[-2]):,} who did in the four weeks before did not (churn"
    usual = f"; median of all blocks {percent(float(np.nanmedian(churn)))})" if len(churn) > 2 else ")"
    return f"{growth}; {acting}, and {gone}{usual}."


def _chart(blocks: _Blocks) -> Chart:
    layers: list[Layer] = [
        Line("users so far", blocks.ends, blocks.there.astype(float), "actual", 2),
        Line("bought or redeemed", blocks.ends, blocks.active.astype(float), "forecast", 2),
        Line("new", blocks.ends, blocks.new.astype(float), "good", 2),
        Line("did before, not now", blocks.ends[1:], blocks.lost[1:].astype(float), "bad", 2),
    ]
    return Chart("explore-growth", "users in blocks of four weeks, by their last day", "day", "users", layers)


SUBJECT = Subject("growth", "Growth and churn of users", 50, growth_fact)
