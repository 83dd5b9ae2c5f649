"""The forecast day by day in words: what kind of day it is, and how much flows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.files.day_names import named_days
from ensembles.report.context import ReportContext
from forecasting.schema import FloatArray

__all__ = ["DayAhead", "forecast_days"]


@dataclass(frozen=True)
class DayAhead:
    """A day to come. `note` names holiday and event; `amounts` and `whole` are the flows in the unit shown and in the
    data's unit, one text per target and then the net flow, if there is one.
    """

    date: str
    weekday: str
    day_type: str
    note: str
    amounts: tuple[str, ...]
    whole: tuple[str, ...]


def forecast_days(context: ReportContext) -> tuple[DayAhead, ...]:
    """Every day of the forecast; none without a blend."""
    histories, money = context.histories, context.money
    if not histories:
        return ()
    flows: Sequence[FloatArray] = [history.next_y_hat for history in histories]
    if context.results.in_and_out:
        flows = [*flows, flows[0] - flows[1]]
    whole = money.amounts.decimals == 0
    return tuple(
        DayAhead(
            date=day.date,
            weekday=day.weekday,
            day_type=day.day_type,
            note=", ".join(word for word in (day.holiday, day.event) if word),
            amounts=tuple(money.exact(float(np.rint(flow[i]) if whole else flow[i])) for flow in flows),
            whole=tuple(money.whole(float(flow[i])) for flow in flows),
        )
        for i, day in enumerate(named_days(context.results.calendar, histories[0].next_ds))
    )
