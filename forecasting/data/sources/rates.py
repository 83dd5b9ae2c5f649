"""Rate tables (fund yields, Shibor): values on some days, carried forward to every day, never backward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.data.formats.columns import find_column
from forecasting.data.formats.files import Folder
from forecasting.data.formats.reading import columns_of
from forecasting.data.formats.table import first, read_frame
from forecasting.errors import DataError
from forecasting.schema import DateArray, FloatArray, iso

__all__ = ["RATE_TABLES", "RateTable", "carry_forward", "read_rates"]

RATE_TABLES = ("mfd_day_share_interest", "mfd_bank_shibor")
"""Stems of the competition's rate tables."""


@dataclass(frozen=True)
class RateTable:
    """Known days ``[n]`` in order, column names, values ``[n, n_columns]`` NaN where empty."""

    ds: DateArray
    names: tuple[str, ...]
    values: FloatArray


def read_rates(folder: Folder, stem: str) -> RateTable | None:
    """One rate table of the folder; None when it is not there.

    Raises
    ------
    DataError
        For a cell that is not what it should be, or a day that stands twice.
    """
    files = folder.find(stem)
    if not files:
        return None
    available = columns_of(files[0])
    date = find_column("ds", {}, available, files[0].name)
    names = tuple(c for c in available if c != date)
    frame = read_frame(files, available)
    ds = frame.days(date)
    order = np.argsort(ds, kind="stable")
    twice = first(np.diff(ds[order]).astype(np.int64) == 0)
    if twice is not None:
        record = int(order[twice + 1])
        raise DataError(f"{frame.place(record)}: {iso(ds[record])} stands twice: keep one row a day")
    values = np.stack([frame.covariate(n)[order] for n in names], axis=1) if names else np.empty((len(ds), 0))
    return RateTable(ds[order], names, values)


def carry_forward(table: RateTable, ds: DateArray) -> FloatArray:
    """Values ``[len(ds), n_columns]`` on any days: the last one known on or before each day, NaN before the first."""
    filled = np.full((len(ds), len(table.names)), np.nan)
    for k in range(len(table.names)):
        known = ~np.isnan(table.values[:, k])
        if known.any():
            position = np.searchsorted(table.ds[known], ds, side="right") - 1
            reached = position >= 0
            filled[reached, k] = table.values[known, k][position[reached]]
    return filled
