"""The cash position on the screen: where the balance goes, week by week, and when it is tight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.table import Table

from cluster.screen.text import numbers_table
from cluster.terminal.screen import Screen
from ensembles.bands.quantiles import ends_of, levels_of
from ensembles.report.cash_words import cash_sentences, chance_in_words, money_of
from ensembles.report.money import Money
from ensembles.risk.cash.position import SIDES, Account, CashPosition
from ensembles.risk.cash.spans import UNITS
from forecasting.schema import IntArray, iso

__all__ = ["show_cash", "totals_in_words"]

MOST_ROWS = 14
MOST_ACCOUNTS = 5


def show_cash(positions: Sequence[CashPosition], money: Money, out: Screen) -> None:
    """In each unit a table of weeks and what follows for limits; nothing where no balance is known."""
    for found in positions:
        _show(found, money_of(found, money), out)


def totals_in_words(positions: Sequence[CashPosition], money: Money) -> str:
    """What comes in, goes out and is left over all days, in each unit; empty without a net flow."""
    said = []
    for found in positions:
        text, flows = money_of(found, money).text, found.total.flows
        come, gone = (float(flows[side].point.sum()) for side in SIDES[:2])
        said.append(f"in {text(come)}, out {text(gone)}, net {'+' if come > gone else ''}{text(come - gone)}")
    return "; ".join(said)


def _show(found: CashPosition, money: Money, out: Screen) -> None:
    if found.total.opening is not None:
        out.print(_table(found.total, money))
        for sentence in cash_sentences(found.total, money):
            out.tell(sentence)
    known = [account for account in found.accounts if account.opening is not None]
    tight = [account for account in known if account.strictest.first_tight is not None]
    tight.sort(key=lambda account: (account.strictest.first_tight or 0, account.entity))
    for account in tight[:MOST_ACCOUNTS]:
        risk = account.strictest
        day = iso(account.ds[risk.first_tight or 0])
        out.say(f"tight: {account.entity} from {day} on: add {money.text(float(risk.buffers[95][-1]))} for 95 of 100")
    if len(tight) > MOST_ACCOUNTS:
        out.say(f"tight: {len(tight) - MOST_ACCOUNTS} more entities, in cash.csv")


def _table(account: Account, money: Money) -> Table:
    """Weeks, or else months or single periods, with the balance at the end of each."""
    unit = next((unit for unit in UNITS if unit in account.totals), None)
    flows = account.flows if unit is None else account.totals[unit].flows
    ends: IntArray = np.arange(len(account.ds))
    names: Sequence[str] = [iso(day) for day in account.ds]
    if unit is not None:
        spans = account.totals[unit].spans
        ends = np.array([span.days.stop - 1 for span in spans])
        names = [f"{iso(span.start)[5:]} to {iso(span.end)[5:]}" for span in spans]
    level, risk = levels_of(list(account.balance.quantiles))[-1], account.strictest
    low, high = (account.balance.quantiles[end][ends] for end in ends_of(level))
    heads = ("in", "out", "net", "balance", f"{level}% from", "to", f"below {risk.limit.name}")
    table = numbers_table(unit or "day", *heads)
    table.title = f"cash position, {money.label}".rstrip(", ")
    for i in range(min(len(ends), MOST_ROWS)):
        amounts = [flows[side].point[i] for side in SIDES]
        amounts += [account.balance.point[ends[i]], low[i], high[i]]
        cells = [f"{amount:,.2f}" for amount in money.shown(np.array(amounts))]
        table.add_row(names[i], *cells, chance_in_words(float(risk.so_far[ends[i]])))
    return table
