"""`kind: panel`. Many entities in one table, wide (entity, ds, a column per target) or long (unique_id, ds, y).

What is wrong with one series costs that series, with a sentence; what makes the table unreadable costs the load.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from forecasting.calendar import Calendar
from forecasting.data.formats.columns import find_column, listed
from forecasting.data.formats.decode import Numbers, amount_fault, first
from forecasting.data.formats.files import TableFile, table_at
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable, days_fault, read_table
from forecasting.data.loaded import Loaded, SeriesProblem
from forecasting.data.quality.finding import Finding
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Panel, Series
from forecasting.schema import UNIQUE_ID, DateArray, FloatArray, IntArray, Y, iso

__all__ = ["PanelTable"]

_Texts = np.ndarray[tuple[int], np.dtype[np.object_]]


@dataclass(frozen=True)
class _PanelRows:
    """The table as it was read: `keys` and `ds` ``[n_rows]`` tell a row's series and day; `values` by column name;
    `past` ``[n_rows, n_past]``; `columns` our names -> columns of the values.
    """

    table: SmallTable
    keys: _Texts
    ds: DateArray
    values: dict[str, Numbers]
    past: FloatArray
    columns: dict[str, str]


@dataclass(frozen=True)
class _Candidate:
    """A series before it is judged: its column, and its records sorted by day."""

    series: Series
    column: str
    records: IntArray


class PanelTable:
    """The data source of a panel.

    A series may begin after the others. It is left out when a day stands twice or is missing, when it ends before or
    after the day on which most series end, or when an amount is missing in its middle, no number, negative or too
    large.
    """

    kind = "panel"

    def __init__(self, spec: DataSpec, path: str | Path, cache_dir: Path | None, *, checked: bool) -> None:
        del cache_dir, checked  # a panel is always read whole, and never kept
        self._spec, self._path = spec, path

    @cached_property
    def location(self) -> tuple[TableFile, ...]:
        """The table's files."""
        return table_at(self._path)

    @cached_property
    def _rows(self) -> _PanelRows:
        with OpenTable(self.location) as opened:
            key, columns, past = _find_columns(self._spec, opened)
            date = columns.pop("ds")
            table = read_table(opened, [key, date, *columns.values(), *past])
        ds = table.days(date)
        values = {c: table.numbers(c) for c in columns.values()}
        covariates = [table.covariate(c) for c in past]
        stacked = np.stack(covariates, axis=1) if covariates else np.empty((len(ds), 0))
        return _PanelRows(table, _texts(table, key), ds, values, stacked, columns)

    def load(self, calendar: Calendar) -> Loaded:
        """The usable series, and a sentence for each other one; rows may stand in any order.

        Raises
        ------
        DataError
            For a missing column, a cell that is not a day, a row without an entity, or when no series can be used.
        """
        rows = self._rows
        problems: list[SeriesProblem] = []
        sound: list[_Candidate] = []
        for candidate in list(_candidates(self._spec, rows)):
            checked = _checked(rows, candidate)
            if isinstance(checked, DataError):
                problems.append(SeriesProblem(candidate.series, checked))
            else:
                sound.append(checked)
        sound, odd = _with_common_end(rows, sound)
        problems += odd
        if not sound:
            fault, none = problems[0].error, "no series of the panel can be used; the first:"
            raise DataError(f"{none} {fault}", where=fault.where, what=f"{none} {fault.what}", remedy=fault.remedy)
        return Loaded(_panel_of(rows, sound, tuple(self._spec.past or ()), calendar), tuple(problems))

    def check(self, bank_days: Calendar) -> list[Finding]:
        """Nothing beyond what reading says: a panel's faults cost single series."""
        del bank_days
        return []

    def place(self, series: Series, day: np.datetime64) -> str:
        """``file:row`` of a series on a day."""
        rows = self._rows
        wanted = {series.entity} if self._spec.entity is not None else {series.entity, series.unique_id}
        mine = np.array([key in wanted for key in rows.keys])
        return rows.table.place(int(np.argmax(mine & (rows.ds == day))))


def _find_columns(spec: DataSpec, opened: OpenTable) -> tuple[str, dict[str, str], list[str]]:
    """The key column, our names -> columns for ds and the values, and the past covariates' columns."""
    available, where = opened.columns, opened.name
    columns = {"ds": find_column("ds", spec.columns, available, where)}
    if spec.entity is not None:
        if spec.entity not in available:
            missing = f"there is no column {spec.entity!r}, which data.entity names"
            raise DataError(where=where, what=f"{missing}; the columns are {listed(available)}")
        key = spec.entity
        columns |= {t: find_column(t, spec.columns, available, where) for t in spec.targets}
    else:
        if spec.columns.get(UNIQUE_ID, UNIQUE_ID) not in available:
            what = f"nothing tells the series apart among {listed(available)}"
            remedy = "name the entities' column in data.entity, or give a long table with unique_id, ds and y"
            raise DataError(where=where, what=what, remedy=remedy)
        key = find_column(UNIQUE_ID, spec.columns, available, where)
        columns[Y] = find_column(Y, spec.columns, available, where)
    return key, columns, [find_column(p, spec.columns, available, where) for p in spec.past or ()]


def _candidates(spec: DataSpec, rows: _PanelRows) -> Iterator[_Candidate]:
    """Every series, by entity and then by target."""
    columns = rows.columns
    distinct, index = np.unique(rows.keys, return_inverse=True)
    order = np.lexsort((rows.ds, index))
    parts = np.split(order, np.searchsorted(index[order], np.arange(1, len(distinct))))
    for name, records in zip(distinct.tolist(), parts, strict=True):
        if spec.entity is not None:
            for target in spec.targets:
                yield _Candidate(Series(target, name), columns[target], records)
        else:
            yield _Candidate(_named(spec, rows.table, name, int(records[0])), columns[Y], records)


def _texts(table: SmallTable, key: str) -> _Texts:
    try:
        column = table.columns[key].cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        what = f"{key} cannot be read as text"
        raise DataError(where=table.name, what=what, remedy="store it as text") from None
    texts = np.array([(t or "").strip() for t in column.to_pylist()], dtype=object)
    empty = first(texts == "")
    if empty is not None:
        remedy = "say which series the row belongs to"
        raise DataError(where=table.place(empty), what=f"{key} is empty", remedy=remedy)
    odd = first(np.array([not t.isprintable() for t in texts]))
    if odd is not None:
        what = f"{key} is {texts[odd]!r}, with a character that cannot be shown"
        raise DataError(where=table.place(odd), what=what, remedy="correct it")
    return texts


def _named(spec: DataSpec, table: SmallTable, unique_id: str, record: int) -> Series:
    """The series a long table's unique_id means."""
    found = Series.named(unique_id, spec.targets)
    if found is not None and found.entity != "":
        return found
    if len(spec.targets) == 1:
        return Series(next(iter(spec.targets)), unique_id)
    what = f"unique_id {unique_id!r} names none of the targets {', '.join(spec.targets)}"
    raise DataError(where=table.place(record), what=what, remedy="write it as entity/target")


def _checked(rows: _PanelRows, candidate: _Candidate) -> _Candidate | DataError:
    """The series from its first value on, or what is wrong with it."""
    table, column = rows.table, candidate.column
    fault = days_fault(table, rows.ds, candidate.records)
    if fault is not None:
        return fault
    numbers = rows.values[column]
    present = first(~numbers.missing[candidate.records])
    if present is None:
        where = table.place(int(candidate.records[0]))
        return DataError(where=where, what=f"{column} holds no value", remedy="fill it in")
    records = candidate.records[present:]
    faults = amount_fault(Numbers(numbers.values[records], numbers.missing[records], numbers.bad[records]))
    wrong = first(faults > 0)
    if wrong is not None:
        return table.amount_error(column, rows.ds, int(records[wrong]), int(faults[wrong]))
    return _Candidate(candidate.series, column, records)


def _with_common_end(rows: _PanelRows, sound: list[_Candidate]) -> tuple[list[_Candidate], list[SeriesProblem]]:
    """Only the series that end when most do (the later day when equally many)."""
    if not sound:
        return [], []
    ends = np.array([rows.ds[c.records[-1]] for c in sound], dtype="datetime64[D]")
    days, counts = np.unique(ends, return_counts=True)
    common = days[len(days) - 1 - int(np.argmax(counts[::-1]))]
    problems = [_other_end(rows, c, common) for c, end in zip(sound, ends, strict=True) if end != common]
    return [c for c, end in zip(sound, ends, strict=True) if end == common], problems


def _other_end(rows: _PanelRows, candidate: _Candidate, common: np.datetime64) -> SeriesProblem:
    last = int(candidate.records[-1])
    what = f"{candidate.series.unique_id} ends on {iso(rows.ds[last])}, and the panel on {iso(common)}"
    error = DataError(where=rows.table.place(last), what=what, remedy="bring it to the same day")
    return SeriesProblem(candidate.series, error)


def _panel_of(rows: _PanelRows, sound: list[_Candidate], past_names: tuple[str, ...], calendar: Calendar) -> Panel:
    starts = [rows.ds[c.records[0]] for c in sound]
    end = rows.ds[sound[0].records[-1]]
    ds = np.arange(min(starts), end + 1, dtype="datetime64[D]")
    y = np.full((len(sound), len(ds)), np.nan)
    past = np.full((len(sound), len(ds), len(past_names)), np.nan)
    for k, candidate in enumerate(sound):
        n = len(candidate.records)
        y[k, -n:] = rows.values[candidate.column].values[candidate.records]
        past[k, -n:] = rows.past[candidate.records]
    return Panel(ds, tuple(c.series for c in sound), y, past, past_names, calendar)
