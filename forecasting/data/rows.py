"""Rows of any kind of data, and what is wrong with the rows of one series.

A source reads rows: a day, amounts by column, past covariates, and the place each row stands in. What the rows of a
series must be is a matter of `Rules`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from forecasting.data.formats.decode import FAULTS, amount_fault, first
from forecasting.data.formats.writing.numerals import Numbers
from forecasting.errors import DataError
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray, iso

if TYPE_CHECKING:
    from forecasting.data.spec import DataSpec
    from forecasting.panel import Series

__all__ = [
    "FILL_REMEDY",
    "USUAL_LAG",
    "Cells",
    "Rows",
    "Rules",
    "Strand",
    "empty_future",
    "is_until",
    "judged",
    "until_day",
]

USUAL_LAG = 30
"""Periods a series may lag by where no horizon says more."""
FILL_REMEDY = "set data.missing to zero (nothing flowed) or skip (unknown)"
_NEGATIVE, _MISSING = 2, 4
"""Codes of faults, see `FAULTS`."""


class Cells(Protocol):
    """A table whose cells know where they stand."""

    @property
    def name(self) -> str: ...

    def place(self, record: int, column: str | None = None) -> str:
        """``file:row`` of a record, or the cell of the column."""

    def raw(self, column: str, record: int) -> str:
        """A cell as a sentence shows it."""


@dataclass(frozen=True)
class Rules:
    """What rows may be.

    `one_table`: the series are the targets of one table, and none can be left out. `negative_remedy`: what to do about
    a negative amount, where none may be.
    """

    freq: Literal["auto", "D", "B", "W"] = "auto"
    missing: Literal["error", "zero", "skip"] = "error"
    max_lag: int = USUAL_LAG
    signed: bool = False
    one_table: bool = False
    negative_remedy: str = "correct it"

    @classmethod
    def of(cls, spec: DataSpec, *, signed: bool) -> Rules:
        """The rules of a configuration; `signed`: the score allows negative amounts."""
        lag = USUAL_LAG if spec.max_lag is None else spec.max_lag
        remedy = "correct it"
        if spec.kind != "yuebao":
            remedy += ", or set " + ("data.scale to auto" if signed else "score.surrogate to wape")
        may = signed and spec.scale != "log" and spec.kind != "yuebao"
        return cls(spec.freq, spec.missing, lag, may, spec.kind != "panel", remedy)

    def faults(self, numbers: Numbers) -> IntArray:
        """What is wrong with each amount, ``[n]``: an index into `FAULTS`, 0 where nothing is."""
        found = amount_fault(numbers, signed=self.signed)
        return found if self.missing == "error" else np.where(found == _MISSING, 0, found)

    def remedy(self, fault: int) -> str:
        """What to do about an amount's fault."""
        if fault == _MISSING:
            return f"fill it in, or {FILL_REMEDY}"
        return self.negative_remedy if fault == _NEGATIVE else FAULTS[fault].remedy


@dataclass(frozen=True)
class Rows:
    """What a source read.

    `ds` ``[n_rows]`` in any order; `values` the amounts by column, each ``[n_rows]``; `past` ``[n_rows, n_past]``, NaN
    where unknown.
    """

    cells: Cells
    ds: DateArray
    values: Mapping[str, Numbers]
    past: FloatArray
    past_names: tuple[str, ...]
    rules: Rules

    @cached_property
    def faults(self) -> Mapping[str, IntArray]:
        """What is wrong with each amount, by column."""
        return {column: self.rules.faults(numbers) for column, numbers in self.values.items()}


@dataclass(frozen=True)
class Strand:
    """The rows of one series: its column of amounts, and its `records` ``[n]``, sorted by day."""

    series: Series
    column: str
    records: IntArray

    def days(self, rows: Rows) -> DateArray:
        """Its days ``[n]``."""
        return rows.ds[self.records]


def is_until(ds: DateArray, as_of: dt.date | None) -> BoolArray:
    """Which days ``[n]`` are not after `as_of` (None: all are); what is no day is not."""
    return np.ones(len(ds), dtype=bool) if as_of is None else ~(ds > np.datetime64(as_of, "D"))


def until_day(ds: DateArray, as_of: dt.date | None, name: str) -> BoolArray:
    """As `is_until`, of the rows of table `name`.

    Raises
    ------
    DataError
        When none is left.
    """
    kept = is_until(ds, as_of)
    if len(ds) and not kept.any():
        what = f"the data begin on {iso(np.min(ds))}, after {as_of}"
        raise DataError(where=name, what=what, remedy="choose a later date")
    return kept


def empty_future(ds: DateArray, amounts: Iterable[Numbers]) -> BoolArray:
    """Rows ``[n]`` after the last day on which any cell of an amount holds something: rows to be forecast."""
    known = np.zeros(len(ds), dtype=bool)
    for numbers in amounts:
        known |= ~numbers.missing
    known &= ~np.isnat(ds)
    return ds > ds[known].max() if known.any() else np.zeros(len(ds), dtype=bool)


def judged(rows: Rows, strand: Strand) -> Strand | DataError:
    """The series from its first known amount on to its last, or what is wrong with it.

    A table's target keeps all rows; empty cells that count as zero do too.
    """
    rules, records = rows.rules, strand.records
    twice = first(np.diff(strand.days(rows)).astype(np.int64) == 0)
    if twice is not None:
        return _twice(rows, int(records[twice]), int(records[twice + 1]))
    known = np.flatnonzero(~rows.values[strand.column].missing[records])
    if not len(known):
        where = rows.cells.place(int(records[0]), strand.column)
        return DataError(where=where, what=f"{strand.column} holds no value", remedy="fill it in")
    if not rules.one_table:
        records = records[known[0] : None if rules.missing == "zero" else known[-1] + 1]
    faults = rows.faults[strand.column][records]
    wrong = first(faults > 0)
    if wrong is not None:
        return _amount_error(rows, strand.column, int(records[wrong]), int(faults[wrong]))
    return replace(strand, records=records)


def _twice(rows: Rows, before: int, after: int) -> DataError:
    what = f"{iso(rows.ds[after])} stands twice, first at {rows.cells.place(before)}"
    return DataError(where=rows.cells.place(after), what=what, remedy="keep one row a day")


def _amount_error(rows: Rows, column: str, record: int, fault: int) -> DataError:
    what = f"{column} on {iso(rows.ds[record])} is {rows.cells.raw(column, record)}, {FAULTS[fault].what}"
    return DataError(where=rows.cells.place(record, column), what=what, remedy=rows.rules.remedy(fault))
