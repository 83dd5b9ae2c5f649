"""A batch of the user table, decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from forecasting.data.formats.table import shown
from forecasting.data.quality.finding import Tally
from forecasting.schema import BoolArray, DateArray, IntArray, iso

__all__ = ["Cells", "Rows"]


@dataclass(frozen=True)
class Cells:
    """One column ``[n]``: whole numbers where Arrow read them as such, else floats; 0 where `missing` or `bad`."""

    values: np.ndarray[tuple[int], np.dtype[Any]]
    missing: BoolArray
    bad: BoolArray

    @property
    def usable(self) -> BoolArray:
        return ~(self.missing | self.bad)


@dataclass(frozen=True)
class Rows:
    """Records `start` to `start` + n of a part; `users` are numbers, -1 where empty, None without such a column."""

    part: int
    start: int
    batch: pa.RecordBatch
    date: str
    days: DateArray
    users: IntArray | None
    cells: Mapping[str, Cells]

    def raw(self, column: str, position: int) -> str:
        """A cell as it stands in the file."""
        return shown(self.batch.column(column)[position].as_py())

    def count(self, tally: Tally, mask: BoolArray, *columns: str) -> None:
        """Count the marked rows; the first is shown by its cells in `columns`, and its day."""
        tally.add(self.part, self.start, mask, lambda k: self._shown(k, columns))

    def _shown(self, position: int, columns: tuple[str, ...]) -> str:
        cells = ", ".join(f"{c} is {self.raw(c, position)}" for c in columns)
        day = self.days[position]
        return cells if np.isnat(day) else f"{cells} on {iso(day)}"
