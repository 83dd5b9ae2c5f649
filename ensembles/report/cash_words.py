"""The cash position in sentences, for the page and the screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ensembles.bands.quantiles import ends_of, levels_of
from ensembles.files.day_names import WEEKDAYS
from ensembles.report.money import Money
from forecasting.calendar import weekday_of
from forecasting.schema import iso

if TYPE_CHECKING:
    from ensembles.risk.cash.position import Account, CashPosition, LimitRisk

__all__ = ["cash_sentences", "chance_in_words", "limit_name", "money_of"]

_LIMITS = {"minimum": "the minimum of {}", "overdraft": "the overdraft limit of {}", "zero": "zero"}
"""What a limit is called, with its amount."""


def money_of(found: CashPosition, money: Money) -> Money:
    """How the amounts of a position are written: as `money` says, or in its own unit, on a scale that suits them."""
    if found.unit is None:
        return money
    flows = [float(amount) for banded in found.total.flows.values() for amount in banded.point]
    return Money.of(flows, money.of_unit(found.unit).amounts)


def limit_name(risk: LimitRisk, money: Money) -> str:
    """As ``the minimum of 12,000 EUR``."""
    return _LIMITS[risk.limit.name].format(money.text(risk.limit.amount))


def chance_in_words(chance: float) -> str:
    """As ``12%`` and ``5.3%``; near nothing and all ``below 1%`` and ``above 99%``."""
    if chance < 0.01 or chance > 0.99:
        return "below 1%" if chance < 0.01 else "above 99%"
    return f"{chance:.1%}" if chance < 0.1 else f"{chance:.0%}"


def cash_sentences(account: Account, money: Money) -> Iterator[str]:
    """Where the balance goes, when it is tight, and what keeps it above its limits."""
    if account.opening is None:
        return
    last, lowest = iso(account.ds[-1]), int(np.argmin(account.balance.point))
    inner = levels_of(list(account.balance.quantiles))[-1]
    low, high = (account.balance.quantiles[end] for end in ends_of(inner))
    yield (
        f"The balance of {money.text(account.opening)} is expected to be "
        f"{money.text(float(account.balance.point[-1]))} on {last}: in {inner} of 100 cases it lies between "
        f"{money.text(float(low[-1]))} and {money.text(float(high[-1]))}."
    )
    yield f"Its lowest expected day is {_day(account, lowest)}: {money.text(float(account.balance.point[lowest]))}."
    for risk in account.limits:
        yield from _of_limit(account, risk, money)


def _of_limit(account: Account, risk: LimitRisk, money: Money) -> Iterator[str]:
    name, chance = limit_name(risk, money), float(risk.so_far[-1])
    first = risk.first_tight
    if first is None:
        yield (
            f"The chance that it falls below {name} by {iso(account.ds[-1])} is {chance_in_words(chance)}: "
            "no day is tight."
        )
    else:
        by = chance_in_words(float(risk.so_far[first]))
        yield (
            f"The first tight day is {_day(account, first)}: the chance that the balance is below {name} by then is "
            f"{by}, and {chance_in_words(chance)} by {iso(account.ds[-1])}."
        )
    more = {level: float(values[-1]) for level, values in risk.buffers.items() if values[-1] > 0}
    if more:
        needed = ", and ".join(f"{money.text(cash)} keeps it below {100 - level}%" for level, cash in more.items())
        yield f"Cash added on the first day lowers this chance: {needed}."


def _day(account: Account, place: int) -> str:
    day = account.ds[place]
    return f"{WEEKDAYS[int(weekday_of(day))]} {iso(day)}"
