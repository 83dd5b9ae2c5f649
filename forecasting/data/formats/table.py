"""A small table in memory whose cells still know their place in the file, for sentences about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from forecasting.data.formats.decode import (
    DAY_REMEDY,
    FAULTS,
    Numbers,
    amount_fault,
    decode_dates,
    decode_numbers,
    first,
    shown,
)
from forecasting.data.formats.reading import OpenPart, OpenTable
from forecasting.errors import DataError
from forecasting.schema import DateArray, FloatArray, IntArray, iso

__all__ = ["SmallTable", "check_every_day", "days_fault", "read_table"]


@dataclass(frozen=True)
class SmallTable:
    """Columns of one table (all its parts), by their names in the file; `starts` is each part's first record."""

    parts: tuple[OpenPart, ...]
    starts: tuple[int, ...]
    columns: Mapping[str, pa.ChunkedArray]
    n_rows: int

    @property
    def name(self) -> str:
        """The first file's name, which stands for the table in messages."""
        return self.parts[0].name

    @property
    def in_file(self) -> tuple[str, ...]:
        """All columns of the first file, read or not."""
        return self.parts[0].columns

    def place(self, record: int) -> str:
        """``file:row`` of a record."""
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

    def numbers(self, column: str) -> Numbers:
        """A column of numbers, ``[n_rows]``, with what is missing or wrong marked."""
        return decode_numbers(self.columns[column])

    def amounts(self, column: str, ds: DateArray) -> FloatArray:
        """A target's column, ``[n_rows]``.

        Raises
        ------
        DataError
            At the first amount that is missing, no number, negative or too large to be exact.
        """
        numbers = self.numbers(column)
        fault = amount_fault(numbers)
        wrong = first(fault > 0)
        if wrong is not None:
            raise self.amount_error(column, ds, wrong, int(fault[wrong]))
        return numbers.values

    def amount_error(self, column: str, ds: DateArray, record: int, fault: int) -> DataError:
        """Where an amount stands, and what is wrong with it: `fault` is an index into `FAULTS`."""
        what = f"{column} on {iso(ds[record])} is {self.raw(column, record)}, {FAULTS[fault].what}"
        return DataError(where=self.place(record), what=what, remedy=FAULTS[fault].remedy)

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


def read_table(table: OpenTable, columns: Sequence[str]) -> SmallTable:
    """The named columns of an opened table.

    Raises
    ------
    DataError
        When a part lacks a column, cannot be read, or no part holds a row.
    """
    parts, starts, n_rows = [], [], 0
    chunks: dict[str, list[pa.Array]] = {c: [] for c in dict.fromkeys(columns)}
    for part in table.parts():
        parts.append(part)
        starts.append(n_rows)
        part.require(chunks)
        for batch in part.text(list(chunks)):
            n_rows += batch.num_rows
            for column in chunks:
                chunks[column].append(batch.column(column))
    if n_rows == 0:
        what = "it holds a header and no rows"
        raise DataError(where=table.name, what=what, remedy="give at least some days of data")
    held = {column: _chunked(table.name, column, arrays) for column, arrays in chunks.items()}
    return SmallTable(tuple(parts), tuple(starts), held, n_rows)


def _chunked(name: str, column: str, arrays: list[pa.Array]) -> pa.ChunkedArray:
    try:
        return pa.chunked_array(arrays)
    except (pa.ArrowInvalid, TypeError):
        what = f"the parts of the table hold {column} in different types"
        raise DataError(where=name, what=what, remedy="write them in one type") from None


def days_fault(table: SmallTable, ds: DateArray, records: IntArray) -> DataError | None:
    """What breaks the run of days of `records` ``[n]``, sorted by day: the first that stands twice, or is missing;
    None when nothing.
    """
    step = np.diff(ds[records]).astype(np.int64)
    wrong = first(step != 1)
    if wrong is None:
        return None
    before, after = int(records[wrong]), int(records[wrong + 1])
    where = table.place(after)
    if step[wrong] == 0:
        what = f"{iso(ds[after])} stands twice, first at {table.place(before)}"
        return DataError(where=where, what=what, remedy="keep one row a day")
    what = f"no row for {iso(ds[before] + 1)}, the day after {iso(ds[before])}"
    return DataError(where=where, what=what, remedy=f"add the {step[wrong] - 1} missing day(s) before {iso(ds[after])}")


def check_every_day(table: SmallTable, ds: DateArray) -> IntArray:
    """The order that sorts the days, after checking that every day from first to last stands there once.

    Raises
    ------
    DataError
        At the first day that stands twice, or is missing.
    """
    order = np.argsort(ds, kind="stable")
    fault = days_fault(table, ds, order)
    if fault is not None:
        raise fault
    return order
