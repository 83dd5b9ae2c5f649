"""history.parquet: the actual values of every series a run was trained on, for pictures and alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ensembles.files.table import StoredTable, named, panel_series, rows_by_name
from forecasting.panel import Panel, Series
from forecasting.schema import FloatArray

__all__ = ["HistoryFile"]


@dataclass(frozen=True)
class HistoryFile(StoredTable):
    """One row per series and day with an actual value; `y` ``[n]`` in the unit of the data."""

    FILE: ClassVar[str] = "history.parquet"

    y: FloatArray

    @classmethod
    def of(cls, panel: Panel) -> HistoryFile:
        """All known values of a panel."""
        row, day = np.nonzero(~np.isnan(panel.y))
        return cls(named(panel.unique_ids, row), panel.ds[day], panel.y[row, day], series=panel_series(panel))

    def last_known(self) -> dict[Series, float]:
        """The last amount of each series."""
        by_id = rows_by_name(self.unique_id).items()
        return {self.identity(uid): float(self.y[rows[np.argmax(self.ds[rows])]]) for uid, rows in by_id}
