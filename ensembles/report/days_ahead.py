"""The forecast day by day in words: what kind of day it is, and how much flows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.files.day_names import named_days
from ensembles.oof import in_unit
from ensembles.report.context import ReportContext
from ensembles.treasury.planned import PlannedDay, planned_days
from forecasting.schema import FloatArray, iso

__all__ = ["DayAhead", "FlowAhead", "flows_ahead", "forecast_days", "planned_ahead"]


@dataclass(frozen=True)
class DayAhead:
    """A day to come. `note` names holiday and event, and says where amounts are planned; `amounts` and `whole` are the
    flows in the unit shown and in the data's unit, one text for each of `flows_ahead`.
    """

    date: str
    weekday: str
    day_type: str
    note: str
    amounts: tuple[str, ...]
    whole: tuple[str, ...]


@dataclass(frozen=True)
class FlowAhead:
    """A column of the days to come: `y_hat` ``[horizon]`` of a target or of the net flow, in one unit."""

    name: str
    y_hat: FloatArray


def flows_ahead(context: ReportContext) -> tuple[FlowAhead, ...]:
    """The targets and then the net flow, if there is one, in each unit."""
    found: list[FlowAhead] = []
    for flows in context.flows_by_unit:
        found += [FlowAhead(flow.name, flow.next_y_hat) for flow in flows]
        if (net := context.net_of(flows)) is not None:
            come, go = net
            found.append(FlowAhead(in_unit("net flow", come.unit), come.next_y_hat - go.next_y_hat))
    return tuple(found)


def planned_ahead(context: ReportContext) -> tuple[PlannedDay, ...]:
    """What is planned among the days to come; none without a blend."""
    forecast = context.results.forecast
    return () if forecast is None else planned_days(context.results.run, forecast)


def forecast_days(context: ReportContext) -> tuple[DayAhead, ...]:
    """Every day of the forecast; none without a blend."""
    histories, money = context.histories, context.money
    if not histories:
        return ()
    flows = [flow.y_hat for flow in flows_ahead(context)]
    moved = {iso(day): "planned" for h in histories for day in h.next_ds[h.planned != 0]}
    whole = money.amounts.decimals == 0
    return tuple(
        DayAhead(
            date=day.date,
            weekday=day.weekday,
            day_type=day.day_type,
            note=", ".join(word for word in (day.holiday, day.event, moved.get(day.date)) if word),
            amounts=tuple(money.exact(float(np.rint(flow[i]) if whole else flow[i])) for flow in flows),
            whole=tuple(money.whole(float(flow[i])) for flow in flows),
        )
        for i, day in enumerate(named_days(context.results.calendar, histories[0].next_ds))
    )
