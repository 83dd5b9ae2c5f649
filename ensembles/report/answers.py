"""The first screen in four answers: what remains in the next days, which day is tightest, how sure that is, and what is
planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ensembles.bands.quantiles import ends_of, levels_of
from ensembles.files.day_names import WEEKDAYS
from ensembles.report.cash_words import chance_in_words, limit_name
from ensembles.report.context import ReportContext
from ensembles.report.money import Money
from ensembles.report.plain_words import miss, off_by
from ensembles.risk.cash.terms import NET_FLOW
from ensembles.treasury.planned import PlannedDay
from forecasting.calendar import weekday_of
from forecasting.data.formats.columns import first_few
from forecasting.schema import FloatArray, iso

if TYPE_CHECKING:
    from ensembles.risk.cash.flows import Flows
    from ensembles.risk.cash.position import Account, Banded, Totals
    from ensembles.risk.cash.views import View

__all__ = ["Card", "cards_of", "inner_level"]

NAMED = 2
"""Planned amounts, or entities, that a card names."""


@dataclass(frozen=True)
class Card:
    """An answer: `value` in large letters and its `unit` in small ones, between what it is of and what is said of it;
    `bad` calls for action.
    """

    label: str
    value: str
    unit: str
    note: str
    bad: bool = False


def cards_of(
    view: View, flows: Flows, context: ReportContext, money: Money, planned: Sequence[PlannedDay]
) -> tuple[Card, ...]:
    """The answers for a view, of which `planned` is planned; `money` writes its amounts."""
    tightest = _largest(view, flows, money) if view.account is None else _tightest(view.account, money)
    noun = context.results.noun
    return (_remains(view, money, noun), tightest, _trust(view, flows, context), _planned(planned, noun))


def inner_level(quantiles: Mapping[float, FloatArray]) -> int:
    """The narrowest band, which pictures and tables show."""
    return levels_of(list(quantiles))[-1]


def _remains(view: View, money: Money, noun: str) -> Card:
    """The sum over the first days, of the net flow or else of the first target."""
    ahead, main = view.totals["ahead"], NET_FLOW if NET_FLOW in view.flows else next(iter(view.flows))
    others = [f"{name} {money.text(float(sums.point[0]))}" for name, sums in ahead.flows.items() if name != main]
    said = [*([", ".join(others) + ";"] if others else []), f"{_band(ahead.flows[main], 0, money)}."]
    if len(ahead.spans) > 1:
        said.append(f"Next {_periods(ahead, 1, noun)}: {_signed(ahead, main, 1, money)}.")
    if view.without:
        said.append(f"Without {first_few(view.without, NAMED)}: only inflow or only outflow is forecast.")
    label = f"{'net' if main == NET_FLOW else main}, next {_periods(ahead, 0, noun)}"
    value, _, unit = _signed(ahead, main, 0, money).partition(" ")
    return Card(label, value, unit, " ".join(said))


def _band(banded: Banded, place: int, money: Money) -> str:
    """As ``in 80 of 100 cases 1.44 to 1.90 million EUR``."""
    level = inner_level(banded.quantiles)
    low, high = (float(banded.quantiles[end][place]) for end in ends_of(level))
    return f"in {level} of 100 cases {money.span(low, high)}"


def _signed(totals: Totals, flow: str, place: int, money: Money) -> str:
    amount = float(totals.flows[flow].point[place])
    return f"{'+' if amount > 0 and flow == NET_FLOW else ''}{_beside_band(totals.flows[flow], place, money)}"


def _beside_band(banded: Banded, place: int, money: Money) -> str:
    """The expected amount in the unit of its band, which stands beside it."""
    ends = ends_of(inner_level(banded.quantiles))
    return money.text(float(banded.point[place]), *(float(banded.quantiles[end][place]) for end in ends))


def _periods(totals: Totals, place: int, noun: str) -> str:
    n = totals.spans[place].days.stop
    return noun.removesuffix("s") if n == 1 else f"{n} {noun}"


def _largest(view: View, flows: Flows, money: Money) -> Card:
    """Without a net flow no day is tight: the one on which most flows."""
    name, banded = next(iter(view.flows.items()))
    day = int(np.argmax(np.abs(banded.point)))
    said = f"{name} {_beside_band(banded, day, money)}; {_band(banded, day, money)}."
    return Card("largest day", _day(flows.ds[day]), "", said)


def _tightest(account: Account, money: Money) -> Card:
    """The day on which the balance may be lowest, and how near it comes to the strictest limit; without a balance, that
    on which most may go out on balance.
    """
    if account.opening is None:
        day = int(np.argmin(account.ranks))
        net, least = float(account.flows["net_flow"].point[day]), -float(account.at_risk[95][day])
        said = f"net {money.text(net, least)}; in 95 of 100 cases above {money.text(least, net)}."
        return Card("tightest day", _day(account.ds[day]), "", said)
    day = int(np.argmin(account.balance.quantiles[ends_of(inner_level(account.balance.quantiles))[0]]))
    expected, band = _beside_band(account.balance, day, money), _band(account.balance, day, money)
    said = f"balance {expected}; {band}: the lowest band. {_limit(account, money)}"
    return Card("tightest day", _day(account.ds[day]), "", said, account.strictest.first_tight is not None)


def _limit(account: Account, money: Money) -> str:
    risk = account.strictest
    name, first = limit_name(risk, money), risk.first_tight
    chance = f"Chance of falling below {name} by {iso(account.ds[-1])}: {chance_in_words(float(risk.so_far[-1]))}"
    return f"{chance}; no day is tight." if first is None else f"{chance}; tight from {_day(account.ds[first])} on."


def _trust(view: View, flows: Flows, context: ReportContext) -> Card:
    """How far forecasts were off on days that they had not seen, and how often the band held."""
    missed = {t: miss(flows.y_hat[list(rows)], flows.y[list(rows)]) for t, rows in view.rows.items()}
    known = {target: share for target, share in missed.items() if not np.isnan(share)}
    if not known:
        return Card("how sure", "not known", "", "No past day could be compared.")
    rows = [row for mine in view.rows.values() for row in mine]
    n_days, noun = int((~np.isnan(flows.y[rows])).any(axis=0).sum()), context.results.noun
    shares = " and ".join(f"{share:.0%} ({target})" for target, share in known.items())
    said = f"{off_by(n_days, noun, shares)} on average.{''.join(_held(view, context))}"
    ends = list(dict.fromkeys(f"{share:.0%}" for share in (min(known.values()), max(known.values()))))
    return Card("how sure", " to ".join(ends), "off", said)


def _held(view: View, context: ReportContext) -> Iterator[str]:
    """How many days the band of everything's net flow held."""
    cash = next((position for position in context.cash_by_unit if position.total is view.account), None)
    if cash is None:
        return
    test = cash.test("band of a day", inner_level(cash.total.balance.quantiles))
    if test.honest.n:
        yield f" {test.honest.held / test.honest.n:.0%} of net flows were inside their {test.level}% band."
    if cash.indicative:
        if cash.n_windows == 1:
            yield " The bands come from one window and could not be tested: they may be far too narrow."
            return
        windows = f"window{'s' * (cash.n_judged != 1)}"
        yield f" {f'Only {cash.n_judged}' if cash.n_judged else 'No'} {windows} could test the band."


def _planned(planned: Sequence[PlannedDay], noun: str) -> Card:
    if not planned:
        return Card("planned", "nothing", "", f"No planned amounts were given for these {noun}.")
    named = [f"{row.day}: {row.amount}, {row.series}{f' ({row.note})' if row.note else ''}" for row in planned[:NAMED]]
    more = [f"{len(planned) - NAMED} more below"] if len(planned) > NAMED else []
    return Card("planned", str(len(planned)), f"amount{'s' * (len(planned) != 1)}", "; ".join([*named, *more]) + ".")


def _day(day: np.datetime64) -> str:
    return f"{WEEKDAYS[int(weekday_of(day))]} {iso(day)}"
