"""Rate tables (fund yields, Shibor): values on some days, carried forward to every day, never backward.

What was carried is told beside the values, so that a model can take the gaps as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.data.formats.columns import find_column, present
from forecasting.data.formats.decode import first
from forecasting.data.formats.files import Folder
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable
from forecasting.data.formats.whole import read_table
from forecasting.data.rows import is_until
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.schema import BoolArray, DateArray, FloatArray, iso

__all__ = ["BANK_RATES", "RATE_TABLES", "RateRows", "RateValues", "carry_forward", "rate_rows", "rate_values"]

BANK_RATES = "mfd_bank_shibor"
"""Stem of the table that has rows on bank days only."""
RATE_TABLES = ("mfd_day_share_interest", BANK_RATES)
"""Stems of the competition's rate tables."""


@dataclass(frozen=True)
class RateRows:
    """A rate table as it was read: its date column and the names of the others; `on_bank_days`: no other has rows."""

    table: SmallTable
    date: str
    names: tuple[str, ...]
    on_bank_days: bool = False


@dataclass(frozen=True)
class RateValues:
    """Known days ``[n]`` in order, column names, values ``[n, n_columns]`` NaN where empty."""

    ds: DateArray
    names: tuple[str, ...]
    values: FloatArray


def rate_rows(folder: Folder, stem: str, spec: DataSpec) -> RateRows | None:
    """One rate table of the folder, up to `spec.as_of`; None when it is not there.

    Raises
    ------
    DataError
        When it cannot be read, or has no column of days.
    """
    files = folder.find(stem)
    if not files:
        return None
    with OpenTable(files) as opened:
        date = find_column("ds", present(spec.columns, opened.columns), opened.columns, opened.name)
        names = tuple(c for c in opened.columns if c not in (date, ""))
        table = read_table(opened, (), names, date, spec.as_of)
    return RateRows(table.where(is_until(table.dates(date), spec.as_of)), date, names, stem == BANK_RATES)


def rate_values(rows: RateRows) -> RateValues:
    """The table's values by day.

    Raises
    ------
    DataError
        For a cell that is not what it should be, or a day that stands twice.
    """
    table = rows.table
    ds = table.days(rows.date)
    order = np.argsort(ds, kind="stable")
    twice = first(np.diff(ds[order]).astype(np.int64) == 0)
    if twice is not None:
        record = int(order[twice + 1])
        what = f"{iso(ds[record])} stands twice"
        raise DataError(where=table.place(record), what=what, remedy="keep one row a day")
    columns = [table.covariate(n)[order] for n in rows.names]
    return RateValues(ds[order], rows.names, np.stack(columns, axis=1) if columns else np.empty((len(ds), 0)))


def carry_forward(rates: RateValues, ds: DateArray) -> tuple[FloatArray, BoolArray]:
    """Values ``[len(ds), n_columns]`` on any days: the last one known on or before each day, NaN before the first; and
    whether it is one of an earlier day.
    """
    filled = np.full((len(ds), len(rates.names)), np.nan)
    carried = np.zeros(filled.shape, dtype=np.bool_)
    for k in range(len(rates.names)):
        known = ~np.isnan(rates.values[:, k])
        if known.any():
            position = np.searchsorted(rates.ds[known], ds, side="right") - 1
            reached = position >= 0
            filled[reached, k] = rates.values[known, k][position[reached]]
            carried[reached, k] = rates.ds[known][position[reached]] < ds[reached]
    return filled, carried
