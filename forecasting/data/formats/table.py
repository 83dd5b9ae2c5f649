"""A small table in memory whose cells still know their place in the file, for sentences about them."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from forecasting.data.formats.decode import (
    DAY_REMEDY,
    Numbers,
    decode_dates,
    decode_numbers,
    first,
    parse_day,
    shown,
)
from forecasting.data.formats.reading import OpenPart, OpenTable
from forecasting.errors import DataError
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["SmallTable", "read_table"]


@dataclass(frozen=True)
class SmallTable:
    """Columns of one table (all its parts), by their names in the file; `starts` is each part's first record.

    `records` ``[n_rows]`` are the rows' numbers in all parts.
    """

    parts: tuple[OpenPart, ...]
    starts: tuple[int, ...]
    columns: Mapping[str, pa.ChunkedArray]
    n_rows: int
    records: IntArray

    @property
    def name(self) -> str:
        """The first file's name, which stands for the table in messages."""
        return self.parts[0].name

    @property
    def in_file(self) -> tuple[str, ...]:
        """All columns of the first file, read or not."""
        return self.parts[0].columns

    def where(self, mask: BoolArray) -> SmallTable:
        """The table with the marked rows alone."""
        if mask.all():
            return self
        kept = np.flatnonzero(mask)
        columns = {name: column.filter(pa.array(mask)) for name, column in self.columns.items()}
        return replace(self, columns=columns, n_rows=len(kept), records=self.records[kept])

    def place(self, record: int) -> str:
        """``file:row`` of a record."""
        record = int(self.records[record])
        part = int(np.searchsorted(self.starts, record, side="right")) - 1
        (row,) = self.parts[part].rows_of([record - self.starts[part]])
        return f"{self.parts[part].name}:{row}"

    def raw(self, column: str, record: int) -> str:
        """A cell as it stands in the file, quoted."""
        return shown(self.columns[column][record].as_py())

    def days(self, column: str) -> DateArray:
        """The date column, ``[n_rows]``.

        Raises
        ------
        DataError
            At the first cell that is not a day.
        """
        ds = decode_dates(self.columns[column])
        wrong = first(np.isnat(ds))
        if wrong is not None:
            what = f"{column} is {self.raw(column, wrong)}, not a day"
            raise DataError(where=self.place(wrong), what=what, remedy=DAY_REMEDY)
        return ds

    def texts(self, column: str) -> list[str]:
        """A column as text, ``[n_rows]``; empty where nothing stands.

        Raises
        ------
        DataError
            When it holds something that is no text.
        """
        try:
            return [text or "" for text in self.columns[column].cast(pa.string()).to_pylist()]
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            what = f"{column} cannot be read as text"
            raise DataError(where=self.name, what=what, remedy="store it as text") from None

    def numbers(self, column: str) -> Numbers:
        """A column of numbers, ``[n_rows]``, with what is missing or wrong marked."""
        return decode_numbers(self.columns[column])

    def covariate(self, column: str) -> FloatArray:
        """A past covariate's column, ``[n_rows]``, NaN where empty.

        Raises
        ------
        DataError
            At the first cell that is no number.
        """
        numbers = self.numbers(column)
        wrong = first(numbers.bad)
        if wrong is not None:
            what = f"{column} is {self.raw(column, wrong)}, not a number"
            raise DataError(where=self.place(wrong), what=what, remedy="mend it or leave it empty")
        return numbers.values


def read_table(
    table: OpenTable, columns: Sequence[str], date: str | None = None, as_of: dt.date | None = None
) -> SmallTable:
    """The named columns of an opened table.

    Rows with too many or too few fields are left out where their `date` is after `as_of`: nobody looks at them.

    Raises
    ------
    DataError
        When a part lacks a column, cannot be read, or no part holds a row.
    """
    parts, starts, records = [], [0], []
    chunks: dict[str, list[pa.Array]] = {c: [] for c in dict.fromkeys(columns)}
    for part in table.parts():
        parts.append(part)
        part.require(chunks)
        later = _Later(part.columns.index(date), as_of) if date is not None and as_of is not None else None
        n_rows = 0
        for batch in part.text(list(chunks), unread=later):
            n_rows += batch.num_rows
            for column in chunks:
                chunks[column].append(batch.column(column))
        skipped = [] if later is None else later.records
        records.append(starts[-1] + np.delete(np.arange(n_rows + len(skipped)), skipped))
        starts.append(starts[-1] + n_rows + len(skipped))
    held_records = np.concatenate(records)
    if not len(held_records):
        what = "it holds a header and no rows"
        raise DataError(where=table.name, what=what, remedy="give at least some days of data")
    held = {column: _chunked(table.name, column, arrays) for column, arrays in chunks.items()}
    return SmallTable(tuple(parts), tuple(starts[:-1]), held, len(held_records), held_records)


class _Later:
    """Skips rows whose field at `place` is a day after `as_of`; `records` are those skipped."""

    def __init__(self, place: int, as_of: dt.date) -> None:
        self._place, self._as_of = place, np.datetime64(as_of, "D")
        self.records: list[int] = []

    def __call__(self, record: int, text: str) -> bool:
        try:
            fields = next(csv.reader([text]), [])
        except csv.Error:
            return False
        if not (self._place < len(fields) and parse_day(fields[self._place]) > self._as_of):
            return False
        self.records.append(record)
        return True


def _chunked(name: str, column: str, arrays: list[pa.Array]) -> pa.ChunkedArray:
    try:
        return pa.chunked_array(arrays)
    except (pa.ArrowInvalid, TypeError):
        what = f"the parts of the table hold {column} in different types"
        raise DataError(where=name, what=what, remedy="write them in one type") from None
