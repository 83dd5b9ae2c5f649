"""What is planned among the days forecast, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ensembles.files.amounts import written
from ensembles.files.run_json import RunFile
from forecasting.planned.amounts import PlannedAmount
from forecasting.schema import DateArray, iso

__all__ = ["PlannedDay", "planned_days", "planned_in_words"]

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

    @property
    def sentence(self) -> str:
        """As ``planned on 2014-09-10: 120,000 EUR of bank/outflow (quarterly tax)``."""
        verb, each = ("adjusted", " each day") if self.kind == "adjust" else ("planned", "")
        why = "; ".join(part for part in (self.note, self.author and f"by {self.author}") if part)
        span = each if " to " in self.day else ""
        return f"{verb} on {self.day}: {self.amount} of {self.series}{span}" + (f" ({why})" if why else "")


def planned_days(run: RunFile, ds: DateArray) -> tuple[PlannedDay, ...]:
    """What the forecast of the periods `ds` holds that no model forecast, by day."""
    return tuple(_day(run, row) for row in run.plan.ahead(ds))


def _day(run: RunFile, row: PlannedAmount) -> PlannedDay:
    entity = row.unique_id.rpartition("/")[0] or row.unique_id
    unit = run.units.get(entity) or run.amounts.unit or ""
    day = iso(row.first) if row.first == row.last else f"{iso(row.first)} to {iso(row.last)}"
    amount = f"{written(row.amount, run.amounts.decimals, ',')} {unit}".strip()
    return PlannedDay(day, row.unique_id, amount, row.kind, row.note, row.author)


def planned_in_words(days: Iterable[PlannedDay]) -> tuple[str, ...]:
    """A sentence for each of the first, and how many more there are."""
    sentences = [day.sentence for day in days]
    more = len(sentences) - MOST
    return (*sentences[:MOST], *([f"and {more} more planned amounts, in forecast.csv"] if more > 0 else []))
