"""Rows of users and days summed to exact daily totals, as a stream in bounded memory.

Two passes over the same meaning. The quick one lets Arrow convert whole numbers in parallel and sum them in int64. At
the first thing that is not a plain whole amount (a thousands separator, an empty cell, a word) it stops, and the
careful one reads the cells as text, understands what can be understood, and names the row of what cannot. Both give
the same integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecasting.data.formats.decode import EXACT, decode_dates, decode_numbers
from forecasting.data.formats.files import TableFile
from forecasting.data.formats.reading import require_columns, rows_of, stream_text, stream_typed
from forecasting.data.formats.table import FAULTS, amount_fault, first, shown
from forecasting.errors import DataError
from forecasting.schema import DateArray, FloatArray, IntArray, iso

__all__ = ["DailyTotals", "TotalsQuery", "sum_by_day"]

_Totals = dict[np.datetime64, list[int]]


@dataclass(frozen=True)
class TotalsQuery:
    """What to sum: the date column, amount columns that must be there and not negative, and others (empty cells count
    as 0).

    `scale` is the number of exact steps in one unit of the file: 1 for whole fen, 100 for CNY.
    """

    date: str
    amounts: tuple[str, ...]
    extras: tuple[str, ...] = ()
    scale: int = 1

    @property
    def columns(self) -> tuple[str, ...]:
        return self.amounts + self.extras


@dataclass(frozen=True)
class DailyTotals:
    """Days ``[n_days]`` in order and the sums ``[n_days, n_columns]`` of the query's columns, in steps of 1 / scale."""

    ds: DateArray
    sums: IntArray


class _NotPlain(Exception):
    """The quick pass met something that only the careful one can judge."""


def sum_by_day(files: Sequence[TableFile], query: TotalsQuery) -> DailyTotals:
    """Sums of the query's columns over all rows of each day.

    Raises
    ------
    DataError
        For a missing column, a cell that is not what it should be, sums too large to be exact, or a table without rows.
    """
    for file in files:
        require_columns(file, (query.date, *query.columns))
    totals: _Totals = {}
    for file in files:
        try:
            part = _quick(file, query)
        except (_NotPlain, DataError):
            part = _careful(file, query)
        for day, row in part.items():
            _add(totals, day, row)
    if not totals:
        raise DataError(f"{files[0].name}: it holds a header and no rows: give at least some days of data")
    _check_exact(files[0].name, query, totals)
    days = sorted(totals)
    return DailyTotals(np.array(days, dtype="datetime64[D]"), np.array([totals[d] for d in days], dtype=np.int64))


def _quick(file: TableFile, query: TotalsQuery) -> _Totals:
    if query.scale != 1:
        raise _NotPlain
    types: Mapping[str, pa.DataType] = {query.date: pa.string()} | dict.fromkeys(query.columns, pa.int64())
    totals: _Totals = {}
    for days, rows in stream_typed(file, (query.date, *query.columns), types, partial(_sums, query)):
        _add_all(totals, days, rows)
    return totals


def _sums(query: TotalsQuery, batch: pa.RecordBatch) -> tuple[DateArray, IntArray]:
    """Days ``[n]`` of a batch, and its sums on them ``[n, n_columns]``."""
    for column in query.columns:
        _check_plain(batch.column(column), batch.num_rows, column in query.amounts)
    groups = pa.Table.from_batches([batch]).group_by(query.date, use_threads=False)
    sums = groups.aggregate([(c, "sum") for c in query.columns])
    days = decode_dates(sums.column(query.date))
    if np.isnat(days).any():
        raise _NotPlain
    return days, np.stack([_filled(sums.column(f"{c}_sum")) for c in query.columns], axis=1)


def _check_plain(column: pa.Array, n_rows: int, is_amount: bool) -> None:
    """Refuse what int64 sums could get wrong."""
    if not pa.types.is_integer(column.type) or (is_amount and column.null_count):
        raise _NotPlain
    low, high = (b.as_py() or 0 for b in pc.min_max(column).values())
    if (is_amount and low < 0) or max(high, -low) >= EXACT or max(high, -low) * n_rows >= 2**63:
        raise _NotPlain


def _filled(column: pa.ChunkedArray) -> IntArray:
    return np.asarray(column.fill_null(0).to_numpy(), dtype=np.int64)


def _careful(file: TableFile, query: TotalsQuery) -> _Totals:
    totals: _Totals = {}
    seen = 0
    for batch in stream_text(file, (query.date, *query.columns)):
        days = decode_dates(batch.column(query.date))
        wrong = first(np.isnat(days))
        if wrong is not None:
            value = shown(batch.column(query.date)[wrong].as_py())
            (row,) = rows_of(file, [seen + wrong])
            raise DataError(f"{file.name}:{row}: {query.date} is {value}, not a day: write YYYYMMDD or YYYY-MM-DD")
        distinct, index = np.unique(days, return_inverse=True)
        rows = np.zeros((len(distinct), len(query.columns)), dtype=np.int64)
        for k, column in enumerate(query.columns):
            steps = _steps(file, query, batch, column, days, seen)
            if np.bincount(index, np.abs(steps).astype(np.float64), len(distinct)).max(initial=0.0) >= EXACT:
                raise _too_large(file.name, column, days[int(np.argmax(np.abs(steps)))])
            np.add.at(rows[:, k], index, steps)
        _add_all(totals, distinct, rows)
        seen += batch.num_rows
    return totals


def _steps(
    file: TableFile, query: TotalsQuery, batch: pa.RecordBatch, column: str, days: DateArray, seen: int
) -> IntArray:
    """A column as whole numbers of 1 / scale."""
    numbers = decode_numbers(batch.column(column))
    scaled: FloatArray = np.nan_to_num(numbers.values) * query.scale
    steps = np.rint(scaled)
    fault = amount_fault(numbers)
    if column not in query.amounts:  # an empty cell is no flow, and a balance may fall
        fault[numbers.missing | (numbers.values < 0)] = 0
    fault[(fault == 0) & (np.abs(steps) >= EXACT)] = 1
    fault[(fault == 0) & (np.abs(scaled - steps) > 1e-3)] = 5
    wrong = first(fault > 0)
    if wrong is not None:
        (row,) = rows_of(file, [seen + wrong])
        value = shown(batch.column(column)[wrong].as_py())
        raise DataError(f"{file.name}:{row}: {column} on {iso(days[wrong])} is {value}, {FAULTS[fault[wrong]]}")
    return steps.astype(np.int64)


def _add_all(totals: _Totals, days: DateArray, rows: IntArray) -> None:
    sums: list[list[int]] = rows.tolist()  # Python's integers cannot overflow
    for day, row in zip(days, sums, strict=True):
        _add(totals, day, row)


def _add(totals: _Totals, day: np.datetime64, row: list[int]) -> None:
    if day in totals:
        totals[day] = [a + b for a, b in zip(totals[day], row, strict=True)]
    else:
        totals[day] = row


def _check_exact(name: str, query: TotalsQuery, totals: _Totals) -> None:
    for day in sorted(totals):
        for column, total in zip(query.columns, totals[day], strict=True):
            if abs(total) >= EXACT:
                raise _too_large(name, column, day)


def _too_large(name: str, column: str, day: np.datetime64) -> DataError:
    return DataError(
        f"{name}: the sum of {column} on {iso(day)} is too large to be held exactly (2^53): use a larger unit"
    )
