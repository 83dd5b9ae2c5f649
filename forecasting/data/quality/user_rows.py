"""Batches of the user table, decoded, and counting the cases of each kind over all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from forecasting.data.formats.decode import Records, first, shown
from forecasting.data.quality.finding import Finding, Severity
from forecasting.schema import BoolArray, DateArray, IntArray, iso

__all__ = ["Cells", "Tallies", "Tally", "Traced", "UserRows"]


class Traced(Protocol):
    """One file of a table, which tells the rows of its records."""

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    def rows_of(self, records: Sequence[int]) -> list[int]: ...


@dataclass
class Tally:
    """Cases of one kind, as they come; `first` is the first one's part and record."""

    check: str
    severity: Severity
    remedy: str
    count: int = 0
    first: tuple[int, int] | None = None
    value: str = ""

    def add(self, part: int, records: Records, mask: BoolArray, value: Callable[[int], str]) -> None:
        """Count the True of `mask` ``[n]``, which are these records; `value` tells what stands at a position."""
        position = first(mask)
        if position is None:
            return
        self.count += int(mask.sum())
        if self.first is None:
            self.first, self.value = (part, int(records[position])), value(position)


@dataclass
class Tallies:
    """All tallies of one table, in the order of their first mention."""

    by_name: dict[str, Tally] = field(default_factory=dict)

    def __call__(self, check: str, severity: Severity, remedy: str) -> Tally:
        """The tally of this name, made when first asked for."""
        return self.by_name.setdefault(check, Tally(check, severity, remedy))

    def findings(self, parts: Sequence[Traced], skipped: Sequence[Sequence[int]] = ()) -> list[Finding]:
        """What was counted, each first record traced to its row.

        `skipped` holds, for each part, the records that the stream left out (rows with a wrong number of fields).
        """
        found = [t for t in self.by_name.values() if t.first is not None]
        rows: dict[tuple[int, int], int] = {}
        for number, part in enumerate(parts):
            missed = sorted(skipped[number]) if skipped else []
            records = sorted({t.first[1] for t in found if t.first is not None and t.first[0] == number})
            places = [_with_skipped(r, missed) for r in records]
            rows |= {(number, r): row for r, row in zip(records, part.rows_of(places), strict=True)}
        return [
            Finding(t.check, t.severity, t.count, f"{parts[t.first[0]].name}:{rows[t.first]}", t.value, t.remedy)
            for t in found
            if t.first is not None
        ]


def _with_skipped(record: int, skipped: Sequence[int]) -> int:
    """The record's number when those left out before it are counted too."""
    for other in skipped:
        if other <= record:
            record += 1
    return record


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
class UserRows:
    """Some records of a part; `users` are numbers, -1 where empty, None without such a column."""

    part: int
    records: Records
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
        tally.add(self.part, self.records, mask, lambda k: self._shown(k, columns))

    def _shown(self, position: int, columns: tuple[str, ...]) -> str:
        cells = ", ".join(f"{c} is {self.raw(c, position)}" for c in columns)
        day = self.days[position]
        return cells if np.isnat(day) else f"{cells} on {iso(day)}"
