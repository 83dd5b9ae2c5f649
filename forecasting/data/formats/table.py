"""A small table in memory whose cells still know their place in the file, for sentences about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from forecasting.data.formats.decode import EXACT, Numbers, decode_dates, decode_numbers
from forecasting.data.formats.files import TableFile
from forecasting.data.formats.reading import require_columns, rows_of, stream_text
from forecasting.errors import DataError
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray, iso

__all__ = ["FAULTS", "Frame", "amount_fault", "check_every_day", "days_fault", "first", "read_frame", "shown"]

FAULTS = (
    "",
    "too large to be held exactly (2^53): use a larger unit",
    "a negative amount: correct it",
    "not a number: correct it",
    "a missing amount: fill it in (0 if nothing flowed)",
    "a fraction of a fen: correct it, or set data.unit to CNY if amounts are in CNY",
)
"""What can be wrong with an amount, and what to do; the first stands for nothing."""


@dataclass(frozen=True)
class Frame:
    """Columns of one table (all its parts), by their names in the file; `starts` is each part's first record."""

    files: tuple[TableFile, ...]
    starts: tuple[int, ...]
    columns: Mapping[str, pa.ChunkedArray]
    n_rows: int

    def place(self, record: int) -> str:
        """``file:row`` of a record."""
        part = int(np.searchsorted(self.starts, record, side="right")) - 1
        (row,) = rows_of(self.files[part], [record - self.starts[part]])
        return f"{self.files[part].name}:{row}"

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
            raise DataError(
                f"{self.place(wrong)}: {column} is {self.raw(column, wrong)}, not a day: write YYYYMMDD or YYYY-MM-DD"
            )
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
            raise DataError(self.sentence(column, ds, wrong, int(fault[wrong])))
        return numbers.values

    def sentence(self, column: str, ds: DateArray, record: int, fault: int) -> str:
        """Where an amount stands, and what is wrong with it."""
        value = self.raw(column, record)
        return f"{self.place(record)}: {column} on {iso(ds[record])} is {value}, {FAULTS[fault]}"

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
            raise DataError(
                f"{self.place(wrong)}: {column} is {self.raw(column, wrong)}, not a number: mend it or leave it empty"
            )
        return numbers.values


def read_frame(files: Sequence[TableFile], columns: Sequence[str]) -> Frame:
    """The named columns of a table.

    Raises
    ------
    DataError
        When a part lacks a column, cannot be read, or no part holds a row.
    """
    starts, n_rows = [], 0
    chunks: dict[str, list[pa.Array]] = {c: [] for c in dict.fromkeys(columns)}
    for file in files:
        starts.append(n_rows)
        require_columns(file, chunks)
        for batch in stream_text(file, list(chunks)):
            n_rows += batch.num_rows
            for column in chunks:
                chunks[column].append(batch.column(column))
    if n_rows == 0:
        raise DataError(f"{files[0].name}: it holds a header and no rows: give at least some days of data")
    return Frame(
        tuple(files), tuple(starts), {c: _chunked(files[0], c, arrays) for c, arrays in chunks.items()}, n_rows
    )


def _chunked(file: TableFile, column: str, arrays: list[pa.Array]) -> pa.ChunkedArray:
    try:
        return pa.chunked_array(arrays)
    except (pa.ArrowInvalid, TypeError):
        raise DataError(
            f"{file.name}: the parts of the table hold {column} in different types: write them in one type"
        ) from None


def amount_fault(numbers: Numbers) -> IntArray:
    """What is wrong with each amount, ``[n]``: an index into `FAULTS`, 0 where nothing is."""
    with np.errstate(invalid="ignore"):
        negative, large = numbers.values < 0, numbers.values >= EXACT
    fault = np.zeros(len(numbers.values), dtype=np.int8)
    for code, mask in enumerate((large, negative, numbers.bad, numbers.missing), start=1):
        fault[mask] = code
    return fault


def days_fault(frame: Frame, ds: DateArray, records: IntArray) -> str | None:
    """What breaks the run of days of `records` ``[n]``, sorted by day: the first that stands twice, or is missing;
    None when nothing.
    """
    step = np.diff(ds[records]).astype(np.int64)
    wrong = first(step != 1)
    if wrong is None:
        return None
    before, after = int(records[wrong]), int(records[wrong + 1])
    if step[wrong] == 0:
        return (
            f"{frame.place(after)}: {iso(ds[after])} stands twice, first at {frame.place(before)}: keep one row a day"
        )
    return (
        f"{frame.place(after)}: no row for {iso(ds[before] + 1)}, the day after {iso(ds[before])}: "
        f"add the {step[wrong] - 1} missing day(s) before {iso(ds[after])}"
    )


def check_every_day(frame: Frame, ds: DateArray) -> IntArray:
    """The order that sorts the days, after checking that every day from first to last stands there once.

    Raises
    ------
    DataError
        At the first day that stands twice, or is missing.
    """
    order = np.argsort(ds, kind="stable")
    fault = days_fault(frame, ds, order)
    if fault is not None:
        raise DataError(fault)
    return order


def first(mask: BoolArray) -> int | None:
    """Position of the first True, None when there is none."""
    return int(np.argmax(mask)) if mask.any() else None


def shown(value: object) -> str:
    """A cell's value for a sentence."""
    if value is None:
        return "empty"
    text = value if isinstance(value, str) else str(value)
    if not text.strip():
        return "empty"
    text = text if len(text) <= 40 else text[:37] + "..."
    return repr(text) if isinstance(value, str) else text
