"""Rows of users and days summed to exact daily totals, batch by batch in bounded memory.

There are two ways to the same integers. The quick one lets Arrow convert whole numbers in parallel and sum them in
int64. At the first thing that is not a plain whole amount (a thousands separator, an empty cell, a word) it gives up.
The careful one reads the cells as text, understands what can be understood, and names the row of what cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecasting.data.formats.decode import EXACT, FAULTS, Records, amount_fault, first, shown
from forecasting.data.formats.files import TableFile
from forecasting.data.formats.reading import OpenPart, OpenTable
from forecasting.data.formats.writing.days import decode_dates, distinct_texts, is_ordered
from forecasting.data.formats.writing.habits import (
    DAY_REMEDY,
    Habits,
    MarkEvidence,
    decimal_habit,
    order_habit,
)
from forecasting.data.formats.writing.until import PLAIN, rows_until
from forecasting.errors import DataError
from forecasting.schema import DateArray, FloatArray, IntArray, iso

__all__ = [
    "CarefulSums",
    "DailyTotals",
    "DaySums",
    "TotalsQuery",
    "plain_sums",
    "sum_by_day",
    "sum_table",
    "with_habits",
]


@dataclass(frozen=True)
class TotalsQuery:
    """What to sum: the date column, amount columns that must be there and not negative, and others (empty cells count
    as 0).

    `scale` is the number of exact steps in one unit of the file: 1 for whole fen, 100 for CNY. Rows after the day
    `until` (ISO; None: no row) are not looked at. `written`: what the user says of decimals and dates.
    """

    date: str
    amounts: tuple[str, ...]
    extras: tuple[str, ...] = ()
    scale: int = 1
    until: str | None = None
    written: tuple[str, str] = ("auto", "")

    @property
    def columns(self) -> tuple[str, ...]:
        return self.amounts + self.extras


@dataclass(frozen=True)
class DailyTotals:
    """Days ``[n_days]`` in order and the sums ``[n_days, n_columns]`` of the query's columns, in steps of 1 / scale.

    `notes`: what was guessed of how the rows are written.
    """

    ds: DateArray
    sums: IntArray
    notes: tuple[str, ...] = ()


@dataclass
class DaySums:
    """Sums of the query's columns by day, as they grow; `notes`: what was guessed of how they are written."""

    query: TotalsQuery
    by_day: dict[np.datetime64, list[int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def add(self, days: DateArray, rows: IntArray) -> None:
        """Add the sums `rows` ``[n, n_columns]`` of `days` ``[n]``."""
        sums: list[list[int]] = rows.tolist()  # Python's integers cannot overflow
        for day, row in zip(days, sums, strict=True):
            self._add_row(day, row)

    def merge(self, other: DaySums) -> None:
        """Add all sums of another part."""
        self.notes = self.notes or other.notes
        for day, row in other.by_day.items():
            self._add_row(day, row)

    def _add_row(self, day: np.datetime64, row: list[int]) -> None:
        known = self.by_day.get(day)
        self.by_day[day] = row if known is None else [a + b for a, b in zip(known, row, strict=True)]

    def totals(self, name: str) -> DailyTotals:
        """The sums of table `name` in the order of days.

        Raises
        ------
        DataError
            When there is no day, or a sum is too large to be exact.
        """
        if not self.by_day:
            what = "it holds a header and no rows"
            if self.query.until is not None:
                what = f"it holds no rows up to {self.query.until}"
            raise DataError(where=name, what=what, remedy="give at least some days of data")
        days = sorted(self.by_day)
        for day in days:
            for column, total in zip(self.query.columns, self.by_day[day], strict=True):
                if abs(total) >= EXACT:
                    raise _too_large(name, column, day)
        sums = np.array([self.by_day[d] for d in days], dtype=np.int64)
        return DailyTotals(np.array(days, dtype="datetime64[D]"), sums, self.notes)


def sum_by_day(files: Sequence[TableFile], query: TotalsQuery) -> DailyTotals:
    """`sum_table` of a table that is not opened yet."""
    with OpenTable(files) as table:
        return sum_table(table, query)


def sum_table(table: OpenTable, query: TotalsQuery) -> DailyTotals:
    """Sums of the query's columns over all rows of each day; nothing else of the table is looked at.

    Raises
    ------
    DataError
        For a missing column, a cell that is not what it should be, sums too large to be exact, or a table without rows.
    """
    sums = DaySums(query)
    for part in table.parts():
        part.require((query.date, *query.columns))
        quick = _quick(part, query)
        sums.merge(_careful(part.file, table.files, query) if quick is None else quick)
    return sums.totals(table.name)


def plain_sums(query: TotalsQuery, batch: pa.RecordBatch) -> tuple[DateArray, IntArray] | None:
    """Days ``[n]`` of a batch of integers, and its sums on them ``[n, n_columns]``; None: it needs the careful way."""
    if query.scale != 1:
        return None
    batch, _ = rows_until(batch, query.date, query.until)
    if not all(_is_plain(batch.column(c), batch.num_rows, c in query.amounts) for c in query.columns):
        return None
    groups = pa.Table.from_batches([batch])
    sums = groups.group_by(query.date, use_threads=False).aggregate([(c, "sum") for c in query.columns])
    days = decode_dates(sums.column(query.date))
    if np.isnat(days).any():
        return None
    return days, np.stack([_filled(sums.column(f"{c}_sum")) for c in query.columns], axis=1)


class CarefulSums:
    """Sums of one part's cells, read as text."""

    def __init__(self, part: OpenPart, query: TotalsQuery, habits: Habits = PLAIN) -> None:
        self._part, self._query, self._seen, self._habits = part, query, 0, habits
        self._records: Records = range(0)
        self.sums = DaySums(query, notes=habits.notes)

    def add(self, batch: pa.RecordBatch) -> None:
        """Sum the next rows of the part.

        Raises
        ------
        DataError
            At the first cell that is not what it should be.
        """
        query = self._query
        n_rows = batch.num_rows
        batch, self._records = rows_until(batch, query.date, query.until, self._seen, self._habits)
        self._seen += n_rows
        days = self._habits.days(batch.column(query.date))
        wrong = first(np.isnat(days))
        if wrong is not None:
            what = f"{query.date} is {shown(batch.column(query.date)[wrong].as_py())}, not a day"
            raise DataError(where=self._place(wrong), what=what, remedy=DAY_REMEDY)
        distinct, index = np.unique(days, return_inverse=True)
        rows = np.zeros((len(distinct), len(query.columns)), dtype=np.int64)
        for k, column in enumerate(query.columns):
            steps = self._steps(batch, column, days)
            if np.bincount(index, np.abs(steps).astype(np.float64), len(distinct)).max(initial=0.0) >= EXACT:
                raise _too_large(self._part.name, column, days[int(np.argmax(np.abs(steps)))])
            np.add.at(rows[:, k], index, steps)
        self.sums.add(distinct, rows)

    def _steps(self, batch: pa.RecordBatch, column: str, days: DateArray) -> IntArray:
        """A column as whole numbers of 1 / scale."""
        numbers = self._habits.numbers(batch.column(column))
        scaled: FloatArray = np.nan_to_num(numbers.values) * self._query.scale
        steps = np.rint(scaled)
        fault = amount_fault(numbers)
        if column not in self._query.amounts:  # an empty cell is no flow, and a balance may fall
            fault[numbers.missing | (numbers.values < 0)] = 0
        fault[(fault == 0) & (np.abs(steps) >= EXACT)] = 1
        fault[(fault == 0) & (np.abs(scaled - steps) > 1e-3)] = 5
        wrong = first(fault > 0)
        if wrong is not None:
            found = FAULTS[fault[wrong]]
            what = f"{column} on {iso(days[wrong])} is {shown(batch.column(column)[wrong].as_py())}, {found.what}"
            raise DataError(where=self._place(wrong), what=what, remedy=found.remedy)
        return steps.astype(np.int64)

    def _place(self, position: int) -> str:
        return self._part.place(int(self._records[position]), self._query.date)


def _quick(part: OpenPart, query: TotalsQuery) -> DaySums | None:
    """The sums of a part; None when it needs the careful way."""
    if query.scale != 1:
        return None
    types: Mapping[str, pa.DataType] = {query.date: pa.string()} | dict.fromkeys(query.columns, pa.int64())
    sums = DaySums(query)
    try:
        for found in part.typed((query.date, *query.columns), types, partial(plain_sums, query)):
            if found is None:
                return None
            sums.add(*found)
    except DataError:
        return None
    return sums


def _careful(file: TableFile, files: Sequence[TableFile], query: TotalsQuery) -> DaySums:
    with OpenPart(file) as part:
        batches = part.text((query.date, *query.columns))
        batches, habits = with_habits(batches, part, files, query)
        careful = CarefulSums(part, query, habits)
        for batch in batches:
            careful.add(batch)
    return careful.sums


def with_habits(
    batches: Iterator[pa.RecordBatch], part: OpenPart, files: Sequence[TableFile], query: TotalsQuery
) -> tuple[Iterator[pa.RecordBatch], Habits]:
    """The batches of a part, and how the table writes days and numbers.

    A CSV separated by commas whose first days have the year first is not read again to find out.

    Raises
    ------
    DataError
        When the table does not show how it is written.
    """
    first_batch = next(batches, None)
    if first_batch is None:
        return iter(()), PLAIN
    texts = distinct_texts(first_batch.column(query.date))
    is_plain = part.separator == "," and not any(map(is_ordered, texts)) and query.written == ("auto", "")
    return chain([first_batch], batches), PLAIN if is_plain else _habits(files, query)


def _habits(files: Sequence[TableFile], query: TotalsQuery) -> Habits:
    evidence, texts, separators = MarkEvidence(), dict[str, None](), set()
    with OpenTable(files) as table:
        for part in table.parts():
            part.require((query.date, *query.columns))
            separators.add(part.separator)
            for batch in part.text((query.date, *query.columns), lambda *_: None):
                evidence.add({column: batch.column(column) for column in query.columns})
                texts |= dict.fromkeys(distinct_texts(batch.column(query.date)))
    name, options, plain = table.name, files[0].options, separators == {","}
    decimal, *of_decimals = decimal_habit(evidence, options, lambda *_: name, comma_separated=plain)
    order, *of_days = order_habit(list(texts), options, lambda _: name, query.date)
    return Habits(decimal, order, tuple(f"{name}: {note}" for note in of_days + of_decimals if note))


def _is_plain(column: pa.Array, n_rows: int, is_amount: bool) -> bool:
    """Whether int64 sums of the column are right."""
    if not pa.types.is_integer(column.type) or (is_amount and column.null_count):
        return False
    low, high = (b.as_py() or 0 for b in pc.min_max(column).values())
    largest = max(high, -low)
    return not (is_amount and low < 0) and largest < EXACT and largest * n_rows < 2**63


def _filled(column: pa.ChunkedArray) -> IntArray:
    return np.asarray(column.fill_null(0).to_numpy(), dtype=np.int64)


def _too_large(name: str, column: str, day: np.datetime64) -> DataError:
    what = f"the sum of {column} on {iso(day)} is too large to be held exactly (2^53)"
    return DataError(where=name, what=what, remedy="use a larger unit")
