"""liquidity.csv: net outflow and the cash that covers it, one row per day and in a panel per entity."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ensembles.exports.layout import Cell, csv_for_people
from ensembles.files.amounts import Amounts
from ensembles.files.day_names import DAY_COLUMNS, named_days
from ensembles.risk.liquidity.net_outflow import COVERED, Liquidity, NetOutflow
from forecasting.calendar import Calendar
from forecasting.schema import FloatArray

__all__ = ["liquidity_csv"]

ALL = "all"
"""Stands for all entities together. They come first, so an entity of that name can be told apart."""
EVIDENCE = ("windows", "windows_judged", "indicative")


def liquidity_csv(found: Liquidity, calendar: Calendar, amounts: Amounts) -> bytes:
    """A header, then the days in order, of all entities together (``all``) and then of each."""
    head = ["entity"] if found.entities else []
    header = [*head, *DAY_COLUMNS, "rank", "chance_of_outflow", *_columns(found.total, amounts), *EVIDENCE]
    return csv_for_people([header, *_rows(found, calendar, amounts)])


def _rows(found: Liquidity, calendar: Calendar, amounts: Amounts) -> Iterator[list[Cell]]:
    evidence: list[Cell] = [found.n_windows, found.n_judged, found.indicative]
    for flow in (found.total, *found.entities):
        head: list[Cell] = [flow.entity or ALL] if found.entities else []
        columns, ranks = _columns(flow, amounts), flow.ranks
        for i, day in enumerate(named_days(calendar, flow.ds)):
            cells = [amounts.amount(float(values[i])) for values in columns.values()]
            yield [*head, *day.cells, int(ranks[i]), round(float(flow.chance[i]), 4), *cells, *evidence]


def _columns(flow: NetOutflow, amounts: Amounts) -> dict[str, FloatArray]:
    """Values ``[horizon]`` in the unit of the flows by the name of the column."""
    n_days = len(flow.ds)
    name, buffer, total, held = map(amounts.column, ("net_outflow", "buffer", "cumulative", "horizon_buffer"))
    return {
        name: flow.forecast,
        **{f"{name}_{level}": values for level, values in flow.daily.items()},
        **{f"{buffer}_{level}": flow.buffer(level) for level in COVERED},
        total: np.cumsum(flow.forecast),
        **{f"{total}_{level}": values for level, values in flow.cumulative.items()},
        **{f"{held}_{level}": np.full(n_days, flow.month_buffer(level)) for level in COVERED},
    }
