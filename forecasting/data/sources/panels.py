"""A panel: many entities in one table, wide (entity, ds, a column per target) or long (unique_id, ds, y).

What is wrong with one series costs that series, with a sentence; what makes the table unreadable costs the load.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from forecasting.calendar import Calendar
from forecasting.data.formats.columns import find_column, listed
from forecasting.data.formats.decode import Numbers
from forecasting.data.formats.files import TableFile
from forecasting.data.formats.reading import columns_of
from forecasting.data.formats.table import Frame, amount_fault, days_fault, first, read_frame
from forecasting.data.loaded import Loaded, SeriesProblem
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Panel, Series
from forecasting.schema import UNIQUE_ID, DateArray, FloatArray, IntArray, Y, iso

__all__ = ["read_panel"]


@dataclass(frozen=True)
class _Table:
    """The frame with its decoded columns; `values` by column name, `past` ``[n_rows, n_past]``."""

    frame: Frame
    ds: DateArray
    values: dict[str, Numbers]
    past: FloatArray


@dataclass(frozen=True)
class _Candidate:
    """A series before it is judged: its column, and its records sorted by day."""

    series: Series
    column: str
    records: IntArray


def read_panel(spec: DataSpec, files: Sequence[TableFile], calendar: Calendar) -> Loaded:
    """The usable series of a panel, and a sentence for each other one; rows may stand in any order.

    A series may begin after the others. It is left out when a day stands twice or is missing, when it ends before or
    after the day on which most series end, or when an amount is missing in its middle, no number, negative or too
    large.

    Raises
    ------
    DataError
        For a missing column, a cell that is not a day, a row without an entity, or when no series can be used.
    """
    key, columns, past = _find_columns(spec, files)
    frame = read_frame(files, [key, columns["ds"], *(columns[t] for t in columns if t != "ds"), *past])
    ds = frame.days(columns["ds"])
    values = {c: frame.numbers(c) for name, c in columns.items() if name != "ds"}
    covariates = [frame.covariate(c) for c in past]
    stacked = np.stack(covariates, axis=1) if covariates else np.empty((len(ds), 0))
    table = _Table(frame, ds, values, stacked)
    candidates = list(_candidates(spec, table, key, columns))
    problems: list[SeriesProblem] = []
    sound: list[_Candidate] = []
    for candidate in candidates:
        checked = _checked(table, candidate)
        if isinstance(checked, str):
            problems.append(SeriesProblem(candidate.series, checked))
        else:
            sound.append(checked)
    sound, odd = _with_common_end(table, sound)
    problems += odd
    if not sound:
        raise DataError(f"no series of the panel can be used; the first: {problems[0].reason}")
    return Loaded(_assemble(table, sound, tuple(spec.past or ()), calendar), tuple(problems))


def _find_columns(spec: DataSpec, files: Sequence[TableFile]) -> tuple[str, dict[str, str], list[str]]:
    """The key column, our names -> columns for ds and the values, and the past covariates' columns."""
    available, where = columns_of(files[0]), files[0].name
    columns = {"ds": find_column("ds", spec.columns, available, where)}
    if spec.entity is not None:
        if spec.entity not in available:
            raise DataError(
                f"{where}: there is no column {spec.entity!r}, which data.entity names; "
                f"the columns are {listed(available)}"
            )
        key = spec.entity
        columns |= {t: find_column(t, spec.columns, available, where) for t in spec.targets}
    else:
        if spec.columns.get(UNIQUE_ID, UNIQUE_ID) not in available:
            raise DataError(
                f"{where}: nothing tells the series apart among {listed(available)}: name the entities' column in "
                f"data.entity, or give a long table with unique_id, ds and y"
            )
        key = find_column(UNIQUE_ID, spec.columns, available, where)
        columns[Y] = find_column(Y, spec.columns, available, where)
    return key, columns, [find_column(p, spec.columns, available, where) for p in spec.past or ()]


def _candidates(spec: DataSpec, table: _Table, key: str, columns: dict[str, str]) -> Iterator[_Candidate]:
    """Every series, by entity and then by target."""
    keys = _texts(table.frame, key)
    distinct, index = np.unique(keys, return_inverse=True)
    order = np.lexsort((table.ds, index))
    parts = np.split(order, np.searchsorted(index[order], np.arange(1, len(distinct))))
    for name, records in zip(distinct.tolist(), parts, strict=True):
        if spec.entity is not None:
            for target in spec.targets:
                yield _Candidate(Series(target, name), columns[target], records)
        else:
            yield _Candidate(_named(spec, table.frame, name, int(records[0])), columns[Y], records)


def _texts(frame: Frame, key: str) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    try:
        column = frame.columns[key].cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(f"{frame.files[0].name}: {key} cannot be read as text: store it as text") from None
    texts = np.array([(t or "").strip() for t in column.to_pylist()], dtype=object)
    empty = first(texts == "")
    if empty is not None:
        raise DataError(f"{frame.place(empty)}: {key} is empty: say which series the row belongs to")
    odd = first(np.array([not t.isprintable() for t in texts]))
    if odd is not None:
        raise DataError(
            f"{frame.place(odd)}: {key} is {texts[odd]!r}, with a character that cannot be shown: correct it"
        )
    return texts


def _named(spec: DataSpec, frame: Frame, unique_id: str, record: int) -> Series:
    """The series a long table's unique_id means."""
    entity, slash, target = unique_id.rpartition("/")
    if slash and entity and target in spec.targets:
        return Series(target, entity)
    if unique_id in spec.targets:
        return Series(unique_id)
    if len(spec.targets) == 1:
        return Series(next(iter(spec.targets)), unique_id)
    raise DataError(
        f"{frame.place(record)}: unique_id {unique_id!r} names none of the targets {', '.join(spec.targets)}: "
        f"write it as entity/target"
    )


def _checked(table: _Table, candidate: _Candidate) -> _Candidate | str:
    """The series from its first value on, or what is wrong with it."""
    fault = days_fault(table.frame, table.ds, candidate.records)
    if fault is not None:
        return fault
    numbers = table.values[candidate.column]
    present = first(~numbers.missing[candidate.records])
    if present is None:
        return f"{table.frame.place(int(candidate.records[0]))}: {candidate.column} holds no value: fill it in"
    records = candidate.records[present:]
    faults = amount_fault(Numbers(numbers.values[records], numbers.missing[records], numbers.bad[records]))
    wrong = first(faults > 0)
    if wrong is not None:
        return table.frame.sentence(candidate.column, table.ds, int(records[wrong]), int(faults[wrong]))
    return _Candidate(candidate.series, candidate.column, records)


def _with_common_end(table: _Table, sound: list[_Candidate]) -> tuple[list[_Candidate], list[SeriesProblem]]:
    """Only the series that end when most do (the later day when equally many)."""
    if not sound:
        return [], []
    ends = np.array([table.ds[c.records[-1]] for c in sound], dtype="datetime64[D]")
    days, counts = np.unique(ends, return_counts=True)
    common = days[len(days) - 1 - int(np.argmax(counts[::-1]))]
    problems = [
        SeriesProblem(
            candidate.series,
            f"{table.frame.place(int(candidate.records[-1]))}: {candidate.series.unique_id} ends on {iso(end)}, "
            f"and the panel on {iso(common)}: bring it to the same day",
        )
        for candidate, end in zip(sound, ends, strict=True)
        if end != common
    ]
    return [c for c, end in zip(sound, ends, strict=True) if end == common], problems


def _assemble(table: _Table, sound: list[_Candidate], past_names: tuple[str, ...], calendar: Calendar) -> Panel:
    starts = [table.ds[c.records[0]] for c in sound]
    end = table.ds[sound[0].records[-1]]
    ds = np.arange(min(starts), end + 1, dtype="datetime64[D]")
    y = np.full((len(sound), len(ds)), np.nan)
    past = np.full((len(sound), len(ds), len(past_names)), np.nan)
    for row, candidate in enumerate(sound):
        n = len(candidate.records)
        y[row, -n:] = table.values[candidate.column].values[candidate.records]
        past[row, -n:] = table.past[candidate.records]
    return Panel(ds, tuple(c.series for c in sound), y, past, past_names, calendar)
