"""The cash that covers the net outflow of the days to come, and how often such cash fell short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ensembles.report.charts.chart import Area, Bars, Chart, Layer, Line, marks_of
from ensembles.report.context import ReportContext
from ensembles.report.days_ahead import DayAhead, forecast_days
from ensembles.report.money import Money
from ensembles.report.section import Section
from forecasting.schema import iso

if TYPE_CHECKING:
    from ensembles.risk.liquidity.exceedance import Exceedance
    from ensembles.risk.liquidity.net_outflow import Liquidity, NetOutflow

__all__ = ["SECTION", "EntityAtRisk", "LiquidityFacts", "RiskyDay"]

MAX_ENTITIES = 100
KINDS: Mapping[str, str] = {
    "day": "net outflow of a day",
    "sum": "outflow from the first day to a day",
    "window": "largest such sum of a window",
}


@dataclass(frozen=True)
class RiskyDay:
    """A day to come: `rank` 1 has the largest outflow at risk. `buffers` for the day and `cumulative` from the first
    day to this one, by percent of cases covered.
    """

    rank: int
    day: DayAhead
    forecast: str
    chance: float
    buffers: Mapping[int, str]
    cumulative: Mapping[int, str]


@dataclass(frozen=True)
class EntityAtRisk:
    """Cash of one entity by percent of cases covered: `buffers` for its worst day, `month` for all days."""

    entity: str
    day: str
    buffers: Mapping[int, str]
    month: Mapping[int, str]
    forecast: str


@dataclass(frozen=True)
class LiquidityFacts:
    """`found` is None where the run has no net flow."""

    found: Liquidity | None
    charts: tuple[Chart, ...] = ()
    days: tuple[RiskyDay, ...] = ()
    entities: tuple[EntityAtRisk, ...] = ()

    def tested(self, test: Exceedance) -> str:
        """What a test looked at."""
        return KINDS[test.kind] + (", each entity" if test.scope == "each" else "")


def liquidity_facts(context: ReportContext) -> LiquidityFacts:
    found = context.liquidity
    if found is None:
        return LiquidityFacts(None)
    return LiquidityFacts(
        found, _charts(context, found.total), _risky_days(context, found.total), _entities(context, found)
    )


def _charts(context: ReportContext, risk: NetOutflow) -> tuple[Chart, ...]:
    """Net outflow day by day, and summed up over the horizon."""
    money, marks = context.money, marks_of(context.results.calendar, risk.ds)
    limits = {level: money.shown(risk.daily[level]) for level in risk.peak}
    daily: list[Layer] = [
        Bars("forecast", risk.ds, money.shown(risk.forecast), "forecast"),
        Line("95 of 100 cases stay below", risk.ds, limits[95], "backtest", 2),
        Line("99 of 100", risk.ds, limits[99], "bad", 2),
    ]
    sums = {level: money.shown(values) for level, values in risk.cumulative.items()}
    cumulative: list[Layer] = [
        Area("90% of cases", risk.ds, sums[5], sums[95], "forecast"),
        Line("forecast", risk.ds, money.shown(np.cumsum(risk.forecast)), "forecast", 2.5),
        Line("95 of 100 cases stay below", risk.ds, sums[95], "backtest", 2),
        Line("99 of 100", risk.ds, sums[99], "bad", 2),
    ]
    titles = ("net outflow of each day", "net outflow since the first day")
    return (
        Chart("outflow-daily", titles[0], "day", money.label, daily, marks, height=260),
        Chart("outflow-cumulative", titles[1], "day", money.label, cumulative, marks, height=260),
    )


def _risky_days(context: ReportContext, risk: NetOutflow) -> tuple[RiskyDay, ...]:
    """Days to come, the largest outflow at risk first."""
    days, plain = forecast_days(context), context.money.plain
    return tuple(
        RiskyDay(
            rank=int(risk.ranks[i]),
            day=days[i],
            forecast=plain(float(risk.forecast[i])),
            chance=float(risk.chance[i]),
            buffers={level: plain(float(risk.buffer(level)[i])) for level in risk.peak},
            cumulative={level: plain(float(max(risk.cumulative[level][i], 0.0))) for level in risk.peak},
        )
        for i in sorted(range(len(risk.ds)), key=lambda i: int(risk.ranks[i]))
    )


def _entities(context: ReportContext, found: Liquidity) -> tuple[EntityAtRisk, ...]:
    """Entities of a panel by the cash that covers their worst day, the largest first."""
    worst = {risk.entity: int(np.argmin(risk.ranks)) for risk in found.entities}
    order = sorted(found.entities, key=lambda risk: (-float(risk.buffer(99)[worst[risk.entity]]), risk.entity))
    return tuple(_entity(risk, worst[risk.entity], context.money) for risk in order[:MAX_ENTITIES])


def _entity(risk: NetOutflow, worst: int, money: Money) -> EntityAtRisk:
    return EntityAtRisk(
        entity=risk.entity,
        day=iso(risk.ds[worst]),
        buffers={level: money.plain(float(risk.buffer(level)[worst])) for level in risk.peak},
        month={level: money.plain(risk.month_buffer(level)) for level in risk.peak},
        forecast=money.plain(float(risk.forecast.sum())),
    )


def liquidity_charts(facts: LiquidityFacts) -> Sequence[Chart]:
    return facts.charts


SECTION = Section("liquidity", "Liquidity", 20, "liquidity.j2", liquidity_facts, liquidity_charts)
