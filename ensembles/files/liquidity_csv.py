"""liquidity.csv: one row per day, and in a panel per entity, in CNY."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from ensembles.files.words import WEEKDAYS, cny_per_unit, day_types
from ensembles.risk.liquidity.at_risk import COVERED, Liquidity, Risk
from forecasting.calendar import Calendar
from forecasting.schema import iso

__all__ = ["liquidity_csv", "liquidity_rows"]

ALL = "all"
"""Stands for all entities together; an entity of that name is told by its place after them."""


def liquidity_rows(found: Liquidity, calendar: Calendar, unit: str) -> list[dict[str, Any]]:
    """Days in order, of all entities together (``all``) and then of each.

    Parameters
    ----------
    unit
        Unit of the flows, ``fen`` or ``CNY``.
    """
    cny = cny_per_unit(unit)
    evidence = {"windows": found.n_windows, "windows_judged": found.n_judged, "indicative": found.indicative}
    return [
        {**({"entity": risk.entity or ALL} if found.entities else {}), **row, **evidence}
        for risk in (found.total, *found.entities)
        for row in _days(risk, calendar, cny)
    ]


def _days(risk: Risk, calendar: Calendar, cny: float) -> list[dict[str, Any]]:
    days = calendar.days(risk.ds)
    types = day_types(days)
    columns: Mapping[str, Any] = {
        "net_outflow_cny": risk.forecast,
        **{f"net_outflow_cny_{level}": values for level, values in risk.daily.items()},
        **{f"buffer_cny_{level}": risk.buffer(level) for level in COVERED},
        "cumulative_cny": np.cumsum(risk.forecast),
        **{f"cumulative_cny_{level}": values for level, values in risk.cumulative.items()},
        **{f"horizon_buffer_cny_{level}": np.full(len(risk.ds), risk.month_buffer(level)) for level in COVERED},
    }
    ranks = risk.ranks
    return [
        {
            "date": iso(day),
            "weekday": WEEKDAYS[days.weekday[i]],
            "day_type": types[i],
            "holiday": days.holiday[i],
            "event": days.event[i],
            "rank": int(ranks[i]),
            "chance_of_outflow": round(float(risk.chance[i]), 4),
            **{name: f"{values[i] * cny:.2f}" for name, values in columns.items()},
        }
        for i, day in enumerate(risk.ds)
    ]


def liquidity_csv(found: Liquidity, calendar: Calendar, unit: str) -> bytes:
    """`liquidity_rows` with a header."""
    rows = liquidity_rows(found, calendar, unit)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
