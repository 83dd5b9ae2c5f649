"""What is planned among the days forecast, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ensembles.files.amounts import written
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.run_json import RunFile
from forecasting.planned.amounts import Planned, PlannedAmount
from forecasting.schema import iso

__all__ = ["PlannedDay", "beyond_in_words", "files_in_words", "planned_days", "planned_in_words"]

MOST = 8
"""Amounts that are named one by one."""


@dataclass(frozen=True)
class PlannedDay:
    """One planned amount or adjustment of the days forecast, as tables show it: `day` is a date, or a span of dates."""

    day: str
    series: str
    amount: str
    kind: str
    note: str
    author: str
    period: str = "day"
    """What is forecast, one of it: day, work day or week."""

    @property
    def sentence(self) -> str:
        """As ``planned on 2014-09-10: 120,000 EUR of bank/outflow (quarterly tax)``."""
        verb = "adjusted" if self.kind == "adjust" else "planned"
        why = "; ".join(part for part in (self.note, self.author and f"by {self.author}") if part)
        span = f" each {self.period}" if " to " in self.day else ""
        return f"{verb} on {self.day}: {self.amount} of {self.series}{span}" + (f" ({why})" if why else "")


def planned_days(run: RunFile, forecast: ForecastFile, plan: Planned | None = None) -> tuple[PlannedDay, ...]:
    """What a forecast holds that no model of the run forecast, by day; series that it lacks are passed over.

    Parameters
    ----------
    plan
        That of the forecast; None: the run's own.
    """
    there, ds = set(forecast.unique_id), np.unique(forecast.ds)
    rows = (run.plan if plan is None else plan).ahead(ds)
    return tuple(_day(run, row) for row in rows if row.unique_id in there)


def _day(run: RunFile, row: PlannedAmount) -> PlannedDay:
    unit = run.units.get(row.unique_id) or run.units.get(row.unique_id.rpartition("/")[0]) or run.amounts.unit or ""
    day = iso(row.first) if row.first == row.last else f"{iso(row.first)} to {iso(row.last)}"
    amount = f"{written(row.amount, run.amounts.decimals, ',')} {unit}".strip()
    return PlannedDay(day, row.unique_id, amount, row.kind, row.note, row.author, run.axis.noun.removesuffix("s"))


def beyond_in_words(plan: Planned | None, end: np.datetime64) -> tuple[str, ...]:
    """A sentence on what is planned for later than `end`, the last day forecast; none where nothing is."""
    n = 0 if plan is None else sum(row.first > end for row in plan.rows)
    return (f"planned for later than {iso(end)}, the last day forecast, and in no forecast yet: {n}",) if n else ()


def files_in_words(run: RunFile) -> tuple[str, ...]:
    """What is done with the plan where forecasts come from the user's own file, a sentence for each kind of such
    members; none without a plan.
    """
    members = [m for m in run.config.get("members", ()) if m["model"] == "file"] if run.planned else []
    added = [_name(member) for member in members if member.get("planned") == "added"]
    whole = [_name(member) for member in members if member.get("planned") != "added"]
    remedy = "set planned: added if its file is without it"
    found = []
    if whole:
        found.append(f"forecasts of {', '.join(whole)} are of whole amounts: what is planned is not added; {remedy}")
    if added:
        found.append(f"forecasts of {', '.join(added)} are without what is planned, which is added")
    return tuple(found)


def _name(member: Mapping[str, Any]) -> str:
    return str(member.get("name") or member["model"])


def planned_in_words(days: Iterable[PlannedDay]) -> tuple[str, ...]:
    """A sentence for each of the first, and how many more there are."""
    sentences = [day.sentence for day in days]
    more = len(sentences) - MOST
    return (*sentences[:MOST], *([f"and {more} more planned amounts, in forecast.csv"] if more > 0 else []))
