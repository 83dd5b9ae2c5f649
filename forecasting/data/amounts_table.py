"""Tables of amounts beside the data: actual values, submissions, forecasts. They are read as the data themselves are:
any format and encoding, the columns that the configuration names or ours, thousands separators, ids as they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from forecasting.data.formats.columns import find_column, listed, present
from forecasting.data.formats.decode import FAULTS, amount_fault
from forecasting.data.formats.files import table_at
from forecasting.data.formats.layout import Headerless
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable
from forecasting.data.formats.whole import read_table
from forecasting.data.formats.writing.days import is_ordered, parse_day
from forecasting.data.formats.writing.spreadsheet import marked, unmarked
from forecasting.data.ids import series_of, trimmed
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Series
from forecasting.schema import DS, UNIQUE_ID, DateArray, FloatArray, Y, iso

__all__ = ["AmountRows", "read_amounts_table"]

_ENTITY = "entity"
"""The column of entities in the files that a run writes."""
_FOR_PEOPLE = {"weekday", "day_type"}
"""Columns by which forecast.csv is known: its text is `marked`."""
_MISSING = 4
"""Code of an empty amount, see `FAULTS`."""


@dataclass(frozen=True)
class AmountRows:
    """Amounts of a table called `name`: `series` and `ds` ``[n]`` say what each of `y` ``[n]`` is, NaN where a cell is
    empty, or cannot be read: then `bad` says why. `place(k)` is its ``file:row``. Of one row of the table the targets
    stand in the order of the configuration. `notes` say what was guessed of how it is written.
    """

    name: str
    series: tuple[Series, ...]
    ds: DateArray
    y: FloatArray
    place: Callable[[int], str]
    notes: tuple[str, ...] = ()
    bad: Mapping[int, DataError] = field(default_factory=dict)

    def by_day(
        self, among: Collection[tuple[Series, np.datetime64]] | None = None
    ) -> Mapping[tuple[Series, np.datetime64], float]:
        """The amount of each series on each day, or on the days `among`; empty cells are left out.

        Raises
        ------
        DataError
            When an amount that is looked at cannot be read, or its day of the series stands twice.
        """
        found, faults = self.sorted_out(among)
        for fault in faults.values():
            raise fault
        return found

    def sorted_out(
        self, among: Collection[tuple[Series, np.datetime64]] | None = None
    ) -> tuple[dict[tuple[Series, np.datetime64], float], dict[Series, DataError]]:
        """The amounts of the series that can be read, as `by_day` gives them, and what is wrong with the others."""
        found: dict[tuple[Series, np.datetime64], int] = {}
        faults: dict[Series, DataError] = {}
        for k, key in enumerate(zip(self.series, self.ds, strict=True)):
            if among is not None and key not in among:
                continue
            before = found.setdefault(key, k)
            if k in self.bad:
                faults.setdefault(key[0], self.bad[k])
            elif before != k:
                faults.setdefault(key[0], self._twice(before, k))
        amounts = {key: float(self.y[k]) for key, k in found.items() if key[0] not in faults}
        return {key: y for key, y in amounts.items() if not np.isnan(y)}, faults

    def _twice(self, before: int, k: int) -> DataError:
        series = self.series[k]
        who = iso(self.ds[k]) + (f" of {series.unique_id}" if series.entity is not None else "")
        what = f"{who} stands twice, first at {self.place(before)}"
        return DataError(where=self.place(k), what=what, remedy="keep one row a day")


@dataclass(frozen=True)
class _Columns:
    """The columns of a table: our names of the amounts -> theirs; `key` tells series or entities apart."""

    date: str
    amounts: Mapping[str, str]
    key: str | None


def read_amounts_table(spec: DataSpec, path: str | Path, *, signed: bool = False) -> AmountRows:
    """The amounts of a table.

    Parameters
    ----------
    spec
        The configuration of the data. A table may have the data's captions or ours; a CSV may lack a header, and is
        then [entity,] date and the targets in their order, with at most an index before. A panel's table may be wide
        or, where the data are, long.
    signed
        Whether amounts may be negative.

    Raises
    ------
    DataError
        For a missing column, a day that is none, or a row of no series of these data.
    """
    with OpenTable(
        table_at(path, spec.table_options.of_neighbour()), headerless=_headerless(spec, Path(path).name)
    ) as opened:
        columns = _find(spec, opened)
        keys = [] if columns.key is None else [columns.key]
        table = read_table(opened, keys, list(columns.amounts.values()), columns.date)
    ds = table.days(columns.date)
    series = _series(spec, columns, table)
    theirs, width = list(columns.amounts.values()), len(columns.amounts)
    y = np.empty((len(ds), width))
    bad: dict[int, DataError] = {}
    for c, column in enumerate(theirs):
        y[:, c], wrong = _amounts(table, column, ds, signed=signed)
        bad |= {row * width + c: error for row, error in wrong.items()}

    def place(k: int) -> str:
        return table.place(k // width, theirs[k % width])

    return AmountRows(table.name, series, np.repeat(ds, width), y.ravel(), place, table.notes, bad)


def _headerless(spec: DataSpec, name: str) -> Headerless:
    """Names for a first row that holds a day."""
    before = [_ENTITY] if spec.kind == "panel" else []

    def names(cells: tuple[str, ...]) -> tuple[str, ...] | None:
        days = [k for k, cell in enumerate(cells) if is_ordered(cell) or not np.isnat(parse_day(cell, zoned=True))]
        bare = spec.is_long and bool(days) and days[0] == 1 and not cells[0]  # a series without an entity
        if not days or (any(not cell for cell in cells[: days[0]]) and not bare):
            return None
        for day in days:  # an entity may look like one
            index = day - len(before)
            is_index = index == 1 and cells[0].isdecimal()
            if (index == 0 or is_index) and len(cells) == day + 1 + len(spec.targets):
                return ("",) * index + (*before, DS, *spec.targets)
        what = f"it has no header, and {len(cells)} columns with the date in column {days[0] + 1}"
        wanted = ", ".join([*before, "date", *spec.targets])
        raise DataError(where=f"{name}:1", what=what, remedy=f"write {wanted}, or add a header")

    return names


def _find(spec: DataSpec, opened: OpenTable) -> _Columns:
    available, where = opened.columns, opened.name
    mapped = present(spec.columns, available)

    def column(name: str) -> str:
        remedy = f"call its column {spec.columns.get(name, name)}, as in the data"
        return find_column(name, mapped, available, where, remedy)

    date = column(DS)
    unique_id = mapped.get(UNIQUE_ID, UNIQUE_ID)
    if spec.is_long and unique_id in available and mapped.get(Y, Y) in available:
        return _Columns(date, {Y: column(Y)}, unique_id)
    amounts = {target: column(target) if marked(target) not in available else marked(target) for target in spec.targets}
    if spec.kind != "panel":
        return _Columns(date, amounts, None)
    keys = [name for name in (spec.entity, _ENTITY, unique_id) if name in available]
    if not keys:
        what = f"nothing tells the series apart among {listed(available)}"
        raise DataError(where=where, what=what, remedy=f"add the column {spec.entity or _ENTITY}")
    return _Columns(date, amounts, keys[0])


def _series(spec: DataSpec, columns: _Columns, table: SmallTable) -> tuple[Series, ...]:
    """The series of every amount."""
    if columns.key is None:
        return tuple(Series(target) for target in columns.amounts) * table.n_rows
    keys = trimmed(table.texts(columns.key), columns.key, table.place, spec)
    if set(table.in_file) >= _FOR_PEOPLE:
        keys = [unmarked(key) for key in keys]
    known = {key: _of_key(spec, columns, key) for key in set(keys)}
    wrong = next((k for k, key in enumerate(keys) if not known[key]), None)
    if wrong is not None:
        what = f"{columns.key} is {keys[wrong]!r}" if keys[wrong] else f"{columns.key} is empty"
        raise DataError(where=table.place(wrong, columns.key), what=what, remedy="say which series the row belongs to")
    return tuple(series for key in keys for series in known[key])


def _of_key(spec: DataSpec, columns: _Columns, key: str) -> tuple[Series, ...]:
    """The series that a row's key means, one per amount; none where it means none."""
    if not key and spec.is_long and Y not in columns.amounts and len(spec.targets) > 1:
        return tuple(Series(target) for target in columns.amounts)
    if not key:
        return ()
    if Y in columns.amounts and spec.is_long:
        found = series_of(spec, key)
        return () if found is None else (found,)
    if spec.is_long and len(spec.targets) == 1:
        return (Series(next(iter(spec.targets)), key, key),)
    return tuple(Series(target, key) for target in columns.amounts)


def _amounts(table: SmallTable, column: str, ds: DateArray, *, signed: bool) -> tuple[FloatArray, dict[int, DataError]]:
    """A column ``[n]``, NaN for what is no amount, and what is wrong by row."""
    numbers = table.numbers(column)
    faults = amount_fault(numbers, signed=signed)
    bad: dict[int, DataError] = {}
    for row in np.flatnonzero((faults > 0) & (faults != _MISSING)).tolist():
        fault = FAULTS[faults[row]]
        what = f"{column} on {iso(ds[row])} is {table.raw(column, row)}, {fault.what}"
        bad[row] = DataError(where=table.place(row, column), what=what, remedy=fault.remedy)
    values = numbers.values.copy()
    values[list(bad)] = np.nan
    return values, bad
