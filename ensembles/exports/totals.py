"""totals.csv: what all entities, and those of every group, come to on each day, for each unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ensembles.bands.quantiles import quantile_name
from ensembles.exports.layout import Cell, csv_for_people
from ensembles.files.amounts import Amounts
from ensembles.treasury.totals import Total
from forecasting.schema import iso

__all__ = ["totals_csv"]

STEP = " > "
"""Between a group and the one it holds."""


def totals_csv(totals: Sequence[Total], amounts: Amounts) -> bytes:
    """One row per group, unit, target and day: `level` 0 is all entities, `group` the way from the largest group down.

    `y_hat` is the exact sum of the rows of forecast.csv; the quantiles of the sum stand behind it where they are known.
    """
    return csv_for_people(_rows(totals, amounts))


def _rows(totals: Sequence[Total], amounts: Amounts) -> Iterator[list[Cell]]:
    names = sorted({p for total in totals for p in total.quantiles})
    yield ["level", "group", "unit", "target", "date", "y_hat", *map(quantile_name, names)]
    for total in totals:
        place: list[Cell] = [len(total.path), STEP.join(total.path), total.unit or "", total.target]
        for i, day in enumerate(total.ds):
            ends = [amounts.amount(float(total.quantiles[p][i])) if p in total.quantiles else "" for p in names]
            yield [*place, iso(day), f"{total.y_hat[i]:f}", *ends]
