"""A small table in memory whose cells still know their place in the file, for sentences about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from forecasting.data.formats.decode import first, is_total, shown
from forecasting.data.formats.writing.days import decode_dates, distinct_texts
from forecasting.data.formats.writing.habits import DAY_REMEDY, MarkEvidence, decimal_habit, off_zone, order_habit
from forecasting.data.formats.writing.numerals import Numbers, currencies, decode_numbers, holds_comma
from forecasting.errors import DataError
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

if TYPE_CHECKING:
    from forecasting.data.formats.reading import OpenPart

__all__ = ["SmallTable"]


@dataclass(frozen=True)
class SmallTable:
    """Columns of one table (all its parts), by their names in the file; `starts` is each part's first record.

    `records` ``[n_rows]`` are the rows' numbers in all parts; `amounts` the columns of numbers; `decided` holds how the
    table writes its days and numbers, each with a note if it was guessed.
    """

    parts: tuple[OpenPart, ...]
    starts: tuple[int, ...]
    columns: Mapping[str, pa.ChunkedArray]
    n_rows: int
    records: IntArray
    amounts: tuple[str, ...] = ()
    decided: dict[str, tuple[str | None, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The first file's name, which stands for the table in messages."""
        return self.parts[0].name

    @property
    def in_file(self) -> tuple[str, ...]:
        """All columns of the first file, read or not."""
        return self.parts[0].columns

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed so far of the table, in one line each."""
        said = dict.fromkeys(note for part in self.parts for note in part.notes)
        said |= dict.fromkeys(f"{self.name}: {note}" for _, note in self.decided.values() if note)
        return tuple(said)

    def where(self, mask: BoolArray) -> SmallTable:
        """The table with the marked rows alone."""
        if mask.all():
            return self
        kept = np.flatnonzero(mask)
        columns = {name: column.filter(pa.array(mask)) for name, column in self.columns.items()}
        decided = dict(self.decided)
        return replace(self, columns=columns, n_rows=len(kept), records=self.records[kept], decided=decided)

    def place(self, record: int, column: str | None = None) -> str:
        """``file:row`` of a record; of a workbook its cell in the column, by default in the first one read."""
        record = int(self.records[record])
        part = int(np.searchsorted(self.starts, record, side="right")) - 1
        return self.parts[part].place(record - self.starts[part], column or next(iter(self.columns)))

    def raw(self, column: str, record: int) -> str:
        """A cell as it stands in the file, quoted."""
        return shown(self.columns[column][record].as_py())

    def dates(self, column: str) -> DateArray:
        """The date column, ``[n_rows]``, NaT where a cell is no day.

        Raises
        ------
        DataError
            When the order of day and month cannot be told.
        """
        order = self._order(column)
        ds = decode_dates(self.columns[column], order, zoned=True)
        others, _ = off_zone(self.columns[column], order)
        ds[others] = np.datetime64("NaT", "D")
        return ds

    def days(self, column: str) -> DateArray:
        """As `dates`, of a column in which every cell is a day.

        Raises
        ------
        DataError
            At the first cell that is not.
        """
        ds = self.dates(column)
        wrong = first(np.isnat(ds))
        if wrong is not None:
            what, remedy = self.day_fault(column, wrong)
            raise DataError(where=self.place(wrong, column), what=what, remedy=remedy)
        return ds

    def day_fault(self, column: str, record: int) -> tuple[str, str]:
        """What is wrong with a cell that is no day, and what to do."""
        what = f"{column} is {self.raw(column, record)}"
        cells = [str(self.columns[c][record].as_py() or "") for c in self.columns if c not in self.amounts]
        if any(map(is_total, cells)) or self._is_sum(column, record):
            return f"{what}, and the row looks like a total", "remove the row"
        others, zone = off_zone(self.columns[column], self._order(column))
        if others[record]:
            return f"{what}, not a day of the same zone as the rows before ({zone or 'none named'})", DAY_REMEDY
        if np.isnat(self.dates(column)[: record + 1]).all():
            return f"{what}, not a day", f"remove all rows before the first day but the header, or {DAY_REMEDY}"
        return f"{what}, not a day", DAY_REMEDY

    def _is_sum(self, column: str, record: int) -> bool:
        """Whether a row without a day holds the sums of all other rows, or of those before."""
        if self.raw(column, record) != "empty" or record < 1:
            return False
        sums = []
        for amount in self.amounts:
            values = np.nan_to_num(self.numbers(amount).values)
            before = values[:record].sum()
            if values[record] or before:
                sums.append(bool(np.isclose(values[record], before, rtol=1e-9, atol=0.01)))
        return bool(sums) and all(sums)

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
        """A column of numbers, ``[n_rows]``, with what is missing or wrong marked.

        Raises
        ------
        DataError
            When the decimal mark cannot be told, or several currencies stand in the column.
        """
        found = currencies(self.columns[column])
        if len(found) > 1:
            one, other = list(found.values())[:2]
            at = self.columns[column].to_pylist().index(other)
            what = f"{column} is {other!r}, and {one!r} before: amounts of several currencies"
            raise DataError(where=self.place(at, column), what=what, remedy="bring them to one currency")
        return decode_numbers(self.columns[column], self._decimal)

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
            raise DataError(where=self.place(wrong, column), what=what, remedy="mend it or leave it empty")
        return numbers.values

    def _order(self, column: str) -> str | None:
        key = f"days of {column}"
        if key not in self.decided:

            def where(text: str) -> str:
                return self.place(self.columns[column].to_pylist().index(text), column)

            texts = distinct_texts(self.columns[column])
            self.decided[key] = order_habit(texts, self.parts[0].file.options, where, column)
        return self.decided[key][0]

    @property
    def _decimal(self) -> str:
        if "decimal" not in self.decided:
            evidence = MarkEvidence()
            comma_separated = all(part.separator == "," for part in self.parts)
            amounts = {name: self.columns[name] for name in self.amounts}
            if not comma_separated or any(map(holds_comma, amounts.values())):
                evidence.add(amounts)
            options = self.parts[0].file.options
            self.decided["decimal"] = decimal_habit(evidence, options, self.place, comma_separated=comma_separated)
        return str(self.decided["decimal"][0])
