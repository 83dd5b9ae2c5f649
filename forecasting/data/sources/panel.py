"""`kind: panel`. Many entities in one table, wide (entity, ds, a column per target) or long (unique_id, ds, y).

What is wrong with one series costs that series, with a sentence; what makes the table unreadable costs the load.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from forecasting.calendar import Calendar
from forecasting.data.balance import ALL, balance_column, closing
from forecasting.data.formats.columns import check_distinct, find_column, listed
from forecasting.data.formats.files import TableFile, table_at
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable
from forecasting.data.formats.whole import read_table
from forecasting.data.hierarchy.read import Label
from forecasting.data.ids import series_of, trimmed
from forecasting.data.loaded import Loaded, SeriesProblem
from forecasting.data.quality.finding import Finding
from forecasting.data.rows import Rows, Rules, Strand, until_day
from forecasting.data.sources.table import without_future
from forecasting.data.spec import DataSpec
from forecasting.data.timeline import panel_of
from forecasting.errors import DataError
from forecasting.panel import Panel, Series
from forecasting.schema import UNIQUE_ID, IntArray, Y

__all__ = ["PanelTable"]

_Texts = np.ndarray[tuple[int], np.dtype[np.object_]]


@dataclass(frozen=True)
class _PanelRows:
    """The table as it was read: `keys` ``[n_rows]`` tell a row's entity or series; `columns` our names -> columns of
    the values; `notes` say which rows were dropped; `balance` is the column of balances, if one is named.
    """

    table: SmallTable
    rows: Rows
    keys: _Texts
    columns: dict[str, str]
    notes: tuple[str, ...]
    balance: str | None


class PanelTable:
    """The data source of a panel.

    A series may begin after the others, and lag by a few periods at the end. It is left out when its id cannot be used,
    when it ended long before the others, and when a day or an amount is not what it should be.
    """

    kind = "panel"

    def __init__(
        self, spec: DataSpec, path: str | Path, cache_dir: Path | None, *, checked: bool, signed: bool
    ) -> None:
        del cache_dir, checked  # a panel is always read whole, and never kept
        self._spec, self._path, self._rules = spec, path, Rules.of(spec, signed=signed)

    @cached_property
    def location(self) -> tuple[TableFile, ...]:
        """The table's files."""
        return table_at(self._path, self._spec.table_options)

    @cached_property
    def _read(self) -> _PanelRows:
        with OpenTable(self.location) as opened:
            key, columns, past = _find_columns(self._spec, opened)
            date = columns.pop("ds")
            labels = [
                c for c in dict.fromkeys((self._spec.groups, self._spec.units)) if c in opened.columns and c != key
            ]
            balance = balance_column(self._spec.balance, opened.columns, opened.name)
            amounts = [*columns.values(), *past, *([] if balance is None else [balance])]
            table = read_table(opened, [key, *labels], list(dict.fromkeys(amounts)), date, self._spec.as_of)
        table = table.where(until_day(table.dates(date), self._spec.as_of, table.name))
        table, notes = without_future(table, date, list(columns.values()))
        ds = table.days(date)
        covariates = [table.covariate(c) for c in past]
        stacked = np.stack(covariates, axis=1) if covariates else np.empty((len(ds), 0))
        values = {c: table.numbers(c) for c in columns.values()}
        rows = Rows(table, ds, values, stacked, tuple(self._spec.past or ()), self._rules)
        keys = np.array(trimmed(table.texts(key), key, table.place, self._spec), dtype=object)
        return _PanelRows(table, rows, keys, columns, notes, balance)

    def load(self, calendar: Calendar) -> Loaded:
        """The usable series, and a sentence for each other one; rows may stand in any order.

        Raises
        ------
        DataError
            For a missing column, a cell that is not a day, or when no series can be used.
        """
        read = self._read
        strands: list[Strand] = []
        problems: list[SeriesProblem] = []
        for key, records in _entities(read):
            unusable = _unusable(self._spec, read, key, int(records[0]))
            if unusable is None:
                strands += _strands(self._spec, read, key, records)
            else:
                name = key if key.isprintable() and key else repr(key) if key else "a row without an id"
                problems.append(SeriesProblem(Series(next(iter(self._spec.targets)), key, name), unusable))
        loaded = panel_of(read.rows, strands, calendar, problems)
        balances, days = _balances(self._spec, read, loaded.panel)
        notes = read.table.notes + read.notes + loaded.notes
        return replace(loaded, notes=notes, balances=balances, balance_days=days)

    def labels(self, column: str) -> tuple[Label, ...] | None:
        """What a column of groups or units says of each entity, each label once; None where there is no such column."""
        read = self._read
        if column not in read.table.columns:
            return None
        found: dict[tuple[str, str], Label] = {}
        for record, (key, text) in enumerate(zip(read.keys, read.table.texts(column), strict=True)):
            if (key, text.strip()) not in found:
                series, label = series_of(self._spec, key) if self._spec.is_long else None, text.strip()
                entity = key if series is None else series.entity or series.target
                place = read.table.place(record, column)
                found[key, label] = Label(entity, (label,) if label else (), place)
        return tuple(found.values())

    def check(self, bank_days: Calendar) -> list[Finding]:
        """Nothing beyond what reading says: a panel's faults cost single series."""
        del bank_days
        return []

    def place(self, series: Series, day: np.datetime64) -> str:
        """``file:row`` of a series on a day; the file, where the day has no row."""
        read = self._read
        wanted = {series.entity} if self._spec.entity is not None else {series.entity, series.unique_id}
        mine = np.array([key in wanted for key in read.keys]) & (read.rows.ds == day)
        return read.table.place(int(np.argmax(mine))) if mine.any() else read.table.name


def _find_key(spec: DataSpec, opened: OpenTable) -> str:
    """The column that tells the series or entities of a panel apart.

    Raises
    ------
    DataError
        When there is none.
    """
    available, where = opened.columns, opened.name
    if spec.entity is not None:
        if spec.entity not in available:
            missing = f"there is no column {spec.entity!r}, which data.entity names"
            raise DataError(where=where, what=f"{missing}; the columns are {listed(available)}")
        return spec.entity
    if spec.columns.get(UNIQUE_ID, UNIQUE_ID) not in available:
        what = f"nothing tells the series apart among {listed(available)}"
        remedy = "name the entities' column in data.entity, or give a long table with unique_id, ds and y"
        raise DataError(where=where, what=what, remedy=remedy)
    return find_column(UNIQUE_ID, spec.columns, available, where)


def _find_columns(spec: DataSpec, opened: OpenTable) -> tuple[str, dict[str, str], list[str]]:
    """The key column, our names -> columns for ds and the values, and the past covariates' columns."""
    available, where = opened.columns, opened.name
    columns = {"ds": find_column("ds", spec.columns, available, where)}
    key = _find_key(spec, opened)
    for name in [Y] if spec.is_long else list(spec.targets):
        columns[name] = find_column(name, spec.columns, available, where)
    check_distinct({name: column for name, column in columns.items() if name != "ds"}, where)
    return key, columns, [find_column(p, spec.columns, available, where) for p in spec.past or ()]


def _entities(read: _PanelRows) -> Iterator[tuple[str, IntArray]]:
    """Every key in order, with its records sorted by day."""
    distinct, index = np.unique(read.keys, return_inverse=True)
    order = np.lexsort((read.rows.ds, index))
    parts = np.split(order, np.searchsorted(index[order], np.arange(1, len(distinct))))
    yield from zip(distinct.tolist(), parts, strict=True)


def _strands(spec: DataSpec, read: _PanelRows, key: str, records: IntArray) -> Iterator[Strand]:
    """The series of one key, one per target."""
    if spec.is_long:
        series = series_of(spec, key)
        assert series is not None
        yield Strand(series, read.columns[Y], records)
        return
    for target in spec.targets:
        yield Strand(Series(target, key), read.columns[target], records)


def _balances(spec: DataSpec, read: _PanelRows, panel: Panel) -> tuple[dict[str, float], dict[str, np.datetime64]]:
    """The last balance of each entity of the panel and its day, where a column holds it."""
    if read.balance is None:
        return {}, {}
    series = {key: series_of(spec, key) if spec.is_long else Series("", key) for key in dict.fromkeys(read.keys)}
    entity = {key: (found.entity or ALL) for key, found in series.items() if found is not None}
    used = {s.entity or ALL for s in panel.series}
    mine = np.array([key in entity and entity[key] in used for key in read.keys], dtype=bool)
    names = [entity[key] for key in read.keys[mine]]
    return closing(read.table.where(mine), read.balance, read.rows.ds[mine], names)


def _unusable(spec: DataSpec, read: _PanelRows, key: str, record: int) -> DataError | None:
    """What is wrong with the id or the entity of a row; None when nothing is."""
    column, where = spec.entity or spec.columns.get(UNIQUE_ID, UNIQUE_ID), read.table.place
    if not key:
        return DataError(where=where(record), what=f"{column} is empty", remedy="say which series the row belongs to")
    if not key.isprintable():
        what = f"{column} is {key!r}, with a character that cannot be shown"
        return DataError(where=where(record), what=what, remedy="correct it")
    if spec.is_long and series_of(spec, key) is None:
        what = f"{column} {key!r} names none of the targets {', '.join(spec.targets)}"
        return DataError(where=where(record), what=what, remedy="write it as entity/target")
    return None
