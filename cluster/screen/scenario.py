"""A forecast and a scenario of it, side by side: totals, the days that differ, and what becomes of the balance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from cluster.screen.text import numbers_table
from cluster.terminal.screen import Screen, print_json
from ensembles.files.amounts import Amounts, written
from ensembles.report.cash_words import chance_in_words
from ensembles.risk.cash.position import Account
from forecasting.schema import iso

if TYPE_CHECKING:
    from cluster.scenario.outcome import Outcome

__all__ = ["show_scenario"]

MOST_ROWS = 20


def show_scenario(found: Outcome, file: str, out: Screen, as_json: bool) -> None:
    """Tables of totals, of the days that differ and of the balance; `file` is where all rows are."""
    if as_json:
        print_json(_as_json(found, file))
        return
    for sentence in found.said:
        out.tell(sentence)
    out.print(_totals(found))
    series = found.lines[: found.n_series]
    differing = [(line, i) for line in series for i, more in enumerate(line.difference) if more]
    differing.sort(key=lambda one: one[1])
    if differing:
        out.print(_days(found, differing))
        if len(differing) > MOST_ROWS:
            out.say(f"and {len(differing) - MOST_ROWS} more, in scenario.csv")
    else:
        out.say("no flow differs" if found.said and found.accounts[1] else "no amount differs")
    together = {"", *found.run.units.values()}
    for before, after in zip(*found.accounts, strict=True):
        if before.entity in together and before.opening is not None and after.opening is not None:
            out.print(_balance(before, after, found.run.amounts))
    out.say_file("all days and bands: ", file)


def _totals(found: Outcome) -> Table:
    table = numbers_table("in all", "forecast", "scenario", "difference")
    table.columns[0].justify = "left"
    for total in found.totals:
        name = f"{total.target}, {total.unit}" if total.unit else total.target
        table.add_row(name, *(_grouped(v) for v in (total.base, total.scenario)), _signed(total.difference))
    return table


def _days(found: Outcome, differing: list[tuple[Any, int]]) -> Table:
    """The first rows that differ."""
    table = numbers_table("day", "series", "forecast", "scenario", "difference")
    table.columns[0].justify = table.columns[1].justify = "left"
    table.title = f"what differs{found.run.amounts.in_unit}"
    for line, i in differing[:MOST_ROWS]:
        cells = _grouped(line.base[i]), _grouped(line.scenario[i]), _signed(line.difference[i])
        table.add_row(iso(line.ds[i]), line.unique_id, *cells)
    return table


def _balance(before: Account, after: Account, amounts: Amounts) -> Table:
    """The balance of all accounts of a unit together, and the chance that its highest limit is broken."""
    unit = f", {before.entity}" if before.entity else amounts.in_unit
    table = numbers_table(f"balance{unit}", "forecast", "scenario")
    table.columns[0].justify = "left"
    facts = [dict(_facts(account, amounts)) for account in (before, after)]
    for name, value in facts[1].items():
        table.add_row(name, facts[0][name], value)
    return table


def _facts(account: Account, amounts: Amounts) -> Iterator[tuple[str, str]]:
    def money(amount: float) -> str:
        return written(amount / amounts.divisor, amounts.decimals_shown, ",")

    lowest, risk = int(np.argmin(account.balance.point)), account.strictest
    yield "opening", money(account.opening or 0.0)
    yield f"on {iso(account.ds[-1])}", money(float(account.balance.point[-1]))
    yield "lowest", money(float(account.balance.point[lowest]))
    yield "lowest day", iso(account.ds[lowest])
    tight = risk.first_tight
    yield "first tight day", "none" if tight is None else iso(account.ds[tight])
    limit = f"{risk.limit.name} of {money(risk.limit.amount)}" if risk.limit.amount else risk.limit.name
    yield f"chance below {limit}", chance_in_words(float(risk.so_far[-1]))


def _grouped(amount: Any) -> str:
    return f"{amount:,f}"


def _signed(amount: Any) -> str:
    return f"{amount:+,f}" if amount else _grouped(amount)


def _as_json(found: Outcome, file: str) -> dict[str, Any]:
    amounts = found.run.amounts
    return {
        "file": file,
        "changes": list(found.said),
        "totals": [
            {"target": t.target, "unit": t.unit, **_numbers(t.base, t.scenario, t.difference)} for t in found.totals
        ],
        "series": [
            {
                "unique_id": line.unique_id,
                "entity": line.entity,
                "target": line.target,
                "days": [
                    {"ds": iso(day), **_numbers(line.base[i], line.scenario[i], line.difference[i])}
                    for i, day in enumerate(line.ds)
                ],
            }
            for line in found.lines
        ],
        "accounts": [
            {"entity": new.entity, "forecast": _account(old, amounts), "scenario": _account(new, amounts)}
            for old, new in zip(*found.accounts, strict=True)
        ],
    }


def _numbers(base: Any, scenario: Any, difference: Any) -> dict[str, float]:
    return {"forecast": float(base), "scenario": float(scenario), "difference": float(difference)}


def _account(account: Account, amounts: Amounts) -> dict[str, Any] | None:
    """What becomes of a balance; None where its opening is not known."""
    if account.opening is None:
        return None
    lowest = int(np.argmin(account.balance.point))
    return {
        "opening": float(amounts.amount(account.opening)),
        "lowest_day": iso(account.ds[lowest]),
        "lowest_balance": float(amounts.amount(float(account.balance.point[lowest]))),
        "limits": [
            {
                "name": risk.limit.name,
                "amount": float(amounts.amount(risk.limit.amount)),
                "chance": round(float(risk.so_far[-1]), 4),
                "first_tight_day": None if risk.first_tight is None else iso(account.ds[risk.first_tight]),
            }
            for risk in account.limits
        ],
    }
