"""The cash position: the balance to come with its band and limits, weeks and months, and how often bands held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ensembles.bands.quantiles import ends_of, levels_of
from ensembles.report.cash_words import cash_sentences, limit_name, money_of
from ensembles.report.charts.chart import Area, Bars, Chart, Layer, Line, Marks, marks_of
from ensembles.report.context import ReportContext
from ensembles.report.days_ahead import DayAhead, forecast_days
from ensembles.report.money import Money
from ensembles.report.section import Section
from forecasting.schema import FloatArray, iso

if TYPE_CHECKING:
    from ensembles.risk.cash.backtest import CashTest
    from ensembles.risk.cash.position import Account, Banded, CashPosition, LimitRisk, Totals
    from ensembles.risk.cash.spans import Span

__all__ = ["SECTION", "AccountRow", "CashFacts", "DayRow", "LimitHead", "SpanRow", "UnitFacts"]

MAX_ENTITIES = 100
BUFFERS: Mapping[str, str] = {
    "day": "cash for a day",
    "sum": "cash from the first day to a day",
    "lowest": "cash for a whole window",
}


@dataclass(frozen=True)
class DayRow:
    """A day to come: `rank` 1 has the largest outflow at risk, `buffers` by percent of cases cover the net outflow of
    the day; `balance` and its `band`; `chances` on the day and so far of each limit.
    """

    rank: int
    day: DayAhead
    flows: tuple[str, ...]
    balance: str
    band: str
    chances: tuple[float, ...]
    buffers: Mapping[int, str]


@dataclass(frozen=True)
class SpanRow:
    """A week or month: what comes in, goes out and remains, with bands, and the balance at its end."""

    name: str
    amounts: tuple[str, ...]
    bands: tuple[str, ...]
    balance: str


@dataclass(frozen=True)
class LimitHead:
    """A limit as the tables call it, and as the sentences do."""

    short: str
    name: str


@dataclass(frozen=True)
class AccountRow:
    """One entity: cash by percent of cases for its worst day and, from the first day on, for all days."""

    entity: str
    opening: str
    closing: str
    lowest: str
    tight: str
    day: str
    buffers: Mapping[int, str]
    whole: Mapping[int, str]


@dataclass(frozen=True)
class UnitFacts:
    """The position in one unit, which `name` is where there are several; `money` writes its amounts. `known`: its
    balance is; `level` of the bands in tables.
    """

    name: str
    found: CashPosition
    money: Money
    known: bool
    level: int
    sentences: tuple[str, ...]
    charts: tuple[Chart, ...]
    limits: tuple[LimitHead, ...]
    days: tuple[DayRow, ...]
    spans: Mapping[str, tuple[SpanRow, ...]]
    accounts: tuple[AccountRow, ...]

    def tested(self, test: CashTest) -> str:
        """What a test looked at."""
        return BUFFERS.get(test.kind, test.kind) + (", each entity" if test.scope == "each" else "")


@dataclass(frozen=True)
class CashFacts:
    """The position in each unit, none where the run has no net flow."""

    units: tuple[UnitFacts, ...]


def cash_facts(context: ReportContext) -> CashFacts:
    return CashFacts(tuple(_of_unit(place, found, context) for place, found in enumerate(context.cash_by_unit)))


def _of_unit(place: int, found: CashPosition, context: ReportContext) -> UnitFacts:
    total, money = found.total, money_of(found, context.money)
    name = found.unit or ("no unit" if len(context.cash_by_unit) > 1 else "")
    if name:
        context = replace(context, histories=tuple(h for h in context.histories if h.unit == name))
    level = levels_of(list(total.balance.quantiles))[-1]
    return UnitFacts(
        name,
        found,
        money,
        total.opening is not None,
        level,
        tuple(cash_sentences(total, money)),
        _charts(f"-{place}" if place else "", total, money, marks_of(context.results.calendar, total.ds)),
        tuple(LimitHead(risk.limit.name, limit_name(risk, money)) for risk in total.limits),
        _days(context, total, money, level),
        {unit: _spans(total, totals, money, level) for unit, totals in total.totals.items()},
        _accounts(found, money),
    )


def _charts(of: str, total: Account, money: Money, marks: Marks) -> tuple[Chart, ...]:
    """The balance, or what has flowed since the first day, and the net flow day by day; `of` ends their keys."""
    balance: list[Layer] = [
        *_areas(total, total.balance, money),
        Line("forecast", total.ds, money.shown(total.balance.point), "forecast", 2.5),
    ]
    if total.opening is not None:
        for risk in (risk for risk in total.limits if _in_picture(total, risk)):
            limit = np.full(len(total.ds), risk.limit.amount)
            balance.append(Line(limit_name(risk, money), total.ds, money.shown(limit), "bad", 2, dashed=True))
    net = total.flows["net_flow"]
    daily: list[Layer] = [
        *_areas(total, net, money),
        Bars("forecast", total.ds, money.shown(net.point), "forecast"),
        Line("95 of 100 cases stay above", total.ds, money.shown(-total.at_risk[95]), "backtest", 2),
        Line("99 of 100", total.ds, money.shown(-total.at_risk[99]), "bad", 2),
    ]
    title = "net flow since the first day" if total.opening is None else "balance at the end of each day"
    return (
        Chart(f"cash-balance{of}", title, "day", money.label, balance, marks, height=300),
        Chart(f"cash-net-flow{of}", "net flow of each day", "day", money.label, daily, marks, height=260),
    )


def _in_picture(total: Account, risk: LimitRisk) -> bool:
    """Whether a limit is drawn: one that was given, and zero where the band comes near it."""
    ends = list(total.balance.quantiles.values())
    low, high = float(np.min(ends)), float(np.max(ends))
    return risk.limit.name != "zero" or low - risk.limit.amount < high - low


def _areas(account: Account, banded: Banded, money: Money) -> list[Layer]:
    """The bands, the widest first."""
    found: list[Layer] = []
    for level in levels_of(list(banded.quantiles)):
        low, high = (money.shown(banded.quantiles[end]) for end in ends_of(level))
        found.append(Area(f"{level}% of cases", account.ds, low, high, "forecast"))
    return found


def _days(context: ReportContext, total: Account, money: Money, level: int) -> tuple[DayRow, ...]:
    days, ranks = forecast_days(context), total.ranks
    return tuple(
        DayRow(
            rank=int(ranks[i]),
            day=day,
            flows=tuple(money.plain(float(banded.point[i])) for banded in total.flows.values()),
            balance=money.plain(float(total.balance.point[i])),
            band=_band(total.balance, i, money, level),
            chances=tuple(float(chance[i]) for risk in total.limits for chance in (risk.chance, risk.so_far)),
            buffers={covered: money.plain(float(total.day_buffer(covered)[i])) for covered in total.at_risk},
        )
        for i, day in enumerate(days)
    )


def _band(banded: Banded, place: int, money: Money, level: int) -> str:
    low, high = (money.plain(float(banded.quantiles[end][place])) for end in ends_of(level))
    return f"{low} to {high}"


def _spans(total: Account, totals: Totals, money: Money, level: int) -> tuple[SpanRow, ...]:
    return tuple(
        SpanRow(
            name=_span(span),
            amounts=tuple(money.plain(float(banded.point[i])) for banded in totals.flows.values()),
            bands=tuple(_band(banded, i, money, level) for banded in totals.flows.values()),
            balance=money.plain(float(total.balance.point[span.days.stop - 1])),
        )
        for i, span in enumerate(totals.spans)
    )


def _span(span: Span) -> str:
    return iso(span.start) if span.start == span.end else f"{iso(span.start)} to {iso(span.end)}"


def _accounts(found: CashPosition, money: Money) -> tuple[AccountRow, ...]:
    """Entities of a panel by the cash that they need for all days, the largest first."""
    order = sorted(found.accounts, key=lambda account: (-float(account.strictest.buffers[99][-1]), account.entity))
    return tuple(_account(account, money) for account in order[:MAX_ENTITIES])


def _account(account: Account, money: Money) -> AccountRow:
    worst, risk = int(np.argmin(account.ranks)), account.strictest
    known = account.opening is not None

    def plain(values: FloatArray | float) -> str:
        return money.plain(float(values))

    return AccountRow(
        entity=account.entity,
        opening=plain(account.opening) if account.opening is not None else "",
        closing=plain(account.balance.point[-1]),
        lowest=plain(account.balance.point.min()) if known else "",
        tight="" if not known or risk.first_tight is None else iso(account.ds[risk.first_tight]),
        day=iso(account.ds[worst]),
        buffers={level: plain(account.day_buffer(level)[worst]) for level in account.at_risk},
        whole={level: plain(values[-1]) for level, values in risk.buffers.items()},
    )


def cash_charts(facts: CashFacts) -> Sequence[Chart]:
    return [chart for one in facts.units for chart in one.charts]


SECTION = Section("cash", "Cash", 20, "cash.j2", cash_facts, cash_charts)
