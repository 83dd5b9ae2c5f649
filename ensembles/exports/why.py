"""why.csv: every day of the forecast as a sum of its parts, one row per series and day.

The parts of a row add up to its forecast, which is that of forecast.csv, in the last decimal.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal

from ensembles.explanation.explanation import PARTS, Explanation, before_name
from ensembles.exports.layout import Cell, csv_for_people
from ensembles.files.amounts import Amounts, written
from forecasting.schema import iso

__all__ = ["WHY", "decimal_text", "why_csv"]

WHY = "why.csv"


def why_csv(found: Explanation, amounts: Amounts) -> bytes:
    """A header, then the days in order of each series; in a panel the entity first."""
    panel = any(series.entity is not None for series in found.series)
    head = ["entity", "target"] if panel else ["target"]
    before = [name for same in found.before for name in (f"{before_name(same.weeks)}_date", before_name(same.weeks))]
    header = [*head, "date", *(amounts.column(name) for name in ("forecast", *PARTS)), *before]
    return csv_for_people([header, *_rows(found, amounts, panel)])


def _rows(found: Explanation, amounts: Amounts, panel: bool) -> Iterator[list[Cell]]:
    dates = [iso(day) for day in found.ds]
    for row, series in enumerate(found.series):
        head: list[Cell] = [series.entity, series.target] if panel else [series.target]
        for i, date in enumerate(dates):
            before: list[Cell] = []
            for same in found.before:
                y = float(same.y[row, i])
                before += ["", ""] if math.isnan(y) else [iso(same.ds[row, i]), written(y, amounts.decimals_shown)]
            cells = map(decimal_text, (found.forecast[row, i], *found.parts[row, i]))
            yield [*head, date, *cells, *before]


def decimal_text(amount: Decimal) -> str:
    """An exact amount without an exponent."""
    return format(amount, "f")
