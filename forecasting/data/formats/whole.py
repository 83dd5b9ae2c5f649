"""Reading a table whole: the columns that are asked for, without the rows in which none of them holds anything."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecasting.data.formats.reading import OpenPart, OpenTable
from forecasting.data.formats.table import SmallTable
from forecasting.data.formats.writing.days import parse_day
from forecasting.errors import DataError
from forecasting.schema import BoolArray

__all__ = ["read_table"]


def read_table(
    table: OpenTable,
    texts: Sequence[str],
    amounts: Sequence[str] = (),
    date: str | None = None,
    as_of: dt.date | None = None,
) -> SmallTable:
    """The date column, columns of text and columns of numbers of an opened table.

    Rows in which none of them holds anything are no rows. Rows with too many or too few fields are left out where their
    `date` is after `as_of`: nobody looks at them.

    Raises
    ------
    DataError
        When a part lacks a column, cannot be read, or no part holds a row.
    """
    parts, starts, records = [], [0], []
    names = dict.fromkeys([*([] if date is None else [date]), *texts, *amounts])
    chunks: dict[str, list[pa.Array]] = {c: [] for c in names}
    for part in table.parts():
        parts.append(part)
        part.require(chunks)
        later = _Later(part, date, as_of) if date is not None and as_of is not None else None
        n_rows = 0
        for batch in part.text(list(chunks), unread=later):
            n_rows += batch.num_rows
            for column in chunks:
                chunks[column].append(batch.column(column))
        skipped = [] if later is None else later.records
        records.append(starts[-1] + np.delete(np.arange(n_rows + len(skipped)), skipped))
        starts.append(starts[-1] + n_rows + len(skipped))
    held = {column: _chunked(table.name, column, arrays) for column, arrays in chunks.items() if arrays}
    found = SmallTable(tuple(parts), tuple(starts[:-1]), held, sum(map(len, records)), np.concatenate(records))
    return _with_cells(found, amounts)


def _with_cells(table: SmallTable, amounts: Iterable[str]) -> SmallTable:
    """The table without its empty rows."""
    empty = np.ones(table.n_rows, dtype=bool)
    for column in table.columns.values():
        if not empty.any():
            break
        empty &= _is_empty(column)
    if empty.all():
        what = "it holds a header and no rows"
        raise DataError(where=table.name, what=what, remedy="give at least one row")
    found = replace(table.where(~empty), amounts=tuple(amounts))
    if empty.any():
        n = int(empty.sum())
        found.decided["empty rows"] = None, f"{n} empty row{'s are' if n > 1 else ' is'} left out"
    return found


def _is_empty(column: pa.ChunkedArray) -> BoolArray:
    nothing = column.is_null()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        nothing = pc.or_(nothing, pc.equal(pc.utf8_trim_whitespace(column.fill_null("")), ""))
    return np.asarray(nothing.to_numpy(), dtype=bool)


class _Later:
    """Skips rows whose field in the column `date` is a day after `as_of`; `records` are those skipped."""

    def __init__(self, part: OpenPart, date: str, as_of: dt.date) -> None:
        self._place, self._as_of = part.columns.index(date), np.datetime64(as_of, "D")
        self._separator = part.separator or ","
        self.records: list[int] = []

    def __call__(self, record: int, text: str) -> bool:
        try:
            fields = next(csv.reader([text], delimiter=self._separator), [])
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
