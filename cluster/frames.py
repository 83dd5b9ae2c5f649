"""Data frames in the long convention of forecasting libraries, one row per series and day: unique_id, ds, y.

Frames of pandas, and of whatever gives its columns to Arrow (polars). Further columns are past covariates: known up to
the day a forecast is made on, and the same for all targets of an entity or not, as the rows say. Ids, column names and
kinds of dates are noted, so that frames that come out have those that came in.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecasting.data.dataset import open_data
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Panel
from forecasting.schema import CUTOFF, DS, UNIQUE_ID, Y

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Spelling", "file_of", "to_frame", "to_panel"]

CONVENTION = (UNIQUE_ID, DS, Y)
DAY_PERIODS = ("D", "B", "W")
"""Kinds of periods that are days, work days or weeks."""


@dataclass(frozen=True)
class Spelling:
    """How a frame writes what we call unique_id, ds and y: `columns` by our name, `ids` by their text, and the dtype of
    its `dates` where that is no plain date.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, Any] = field(default_factory=dict)
    dates: Any = None

    def restore(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A frame of ours in this spelling."""
        frame = frame.copy()
        if any(not isinstance(value, str) for value in self.ids.values()):
            frame[UNIQUE_ID] = [self.ids.get(uid, uid) for uid in frame[UNIQUE_ID]]
        for column in {DS, CUTOFF} & set(frame.columns) if self.dates is not None else ():
            tz, freq = getattr(self.dates, "tz", None), getattr(self.dates, "freq", None)
            frame[column] = frame[column].dt.tz_localize(tz) if tz is not None else frame[column].dt.to_period(freq)
        return frame.rename(columns=dict(self.columns))


def to_panel(
    frame: Any,
    targets: Mapping[str, float] | Sequence[str],
    *,
    calendar: str | None = None,
    past: Sequence[str] = (),
) -> Panel:
    """The panel of a long frame.

    Parameters
    ----------
    frame
        Columns unique_id (a target, or entity/target; with a single target any name), ds, y, and those in `past`.
    targets
        Names of the series of each entity, with or without weights in the score.
    calendar
        Country whose holidays count; None for weekends only.

    Raises
    ------
    DataError, ConfigError
        As reading a file does; a series that cannot be used is left out.
    """
    names = list(targets)
    weights = dict(targets) if isinstance(targets, Mapping) else {name: 1.0 / len(names) for name in names}
    with file_of(frame) as (path, _):
        spec = DataSpec(kind="panel", targets=weights, past=tuple(past) or None)
        return open_data(spec, path, calendar).panel


def to_frame(panel: Panel) -> pd.DataFrame:
    """unique_id, ds, y and the past covariates of a panel, without the periods whose amount is unknown."""
    import pandas as pd

    parts = []
    for row, uid in enumerate(panel.unique_ids):
        known = ~np.isnan(panel.y[row])
        columns = {name: panel.past[row, known, i] for i, name in enumerate(panel.past_names)}
        days = panel.ds[known].astype("datetime64[ns]")
        parts.append(pd.DataFrame({UNIQUE_ID: uid, DS: days, Y: panel.y[row, known], **columns}))
    return pd.concat(parts, ignore_index=True)


@contextmanager
def file_of(frame: Any, columns: Mapping[str, str] | None = None) -> Iterator[tuple[str, Spelling]]:
    """A Parquet file with the frame's columns, gone afterwards, and how the frame spells ours.

    Parameters
    ----------
    columns
        The frame's names of our columns, where it has others.

    Raises
    ------
    DataError
        When it is no frame, lacks a column of the convention, or two of its ids read the same.
    """
    import pyarrow.parquet as pq

    ours = {name: (columns or {}).get(name, name) for name in CONVENTION}
    table = _in_pandas(frame)
    if not set(ours.values()) <= set(table.columns) and {*ours.values()} & set(table.index.names):
        table = table.reset_index()
    for name in ours.values():
        if (count := list(table.columns).count(name)) != 1:
            what = f"the frame has {'no column' if not count else f'{count} columns'} {name}"
            known = ", ".join(map(str, table.columns))
            raise DataError(f"{what}; it has {known}: give one row per series and day, with {', '.join(ours.values())}")
    ids = _ids(table[ours[UNIQUE_ID]])
    dates = table[ours[DS]].dtype
    odd = dates if getattr(dates, "tz", None) is not None or getattr(dates, "freq", None) is not None else None
    renamed = {name: theirs for name, theirs in ours.items() if name != theirs}
    with tempfile.TemporaryDirectory(prefix="tidecast-") as folder:
        path = Path(folder) / "frame.parquet"
        pq.write_table(_stored(table, ours), path)
        yield str(path), Spelling(renamed, ids, odd)


def _in_pandas(frame: Any) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    if isinstance(frame, pd.DataFrame):
        return frame
    frame = frame.collect() if hasattr(frame, "collect") else frame
    if hasattr(frame, "__arrow_c_stream__"):
        return _plain(pa.table(frame))
    if hasattr(frame, "to_arrow"):
        return _plain(frame.to_arrow())
    raise DataError(f"{type(frame).__name__} is no data frame: give one of pandas or polars, or the path of a file")


def _plain(table: Any) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    return frame


def _ids(column: Any) -> dict[str, Any]:
    """Each id by its text."""
    found: dict[str, Any] = {}
    for value in column[column.notna()].unique():
        other = found.setdefault(str(value), value)
        if type(other) is not type(value) or other != value:
            raise DataError(f"the ids {other!r} and {value!r} of the frame read the same: give each series its own")
    return found


def _stored(table: pd.DataFrame, ours: Mapping[str, str]) -> Any:
    """As an Arrow table; a column of no kind that Arrow knows is stored as text."""
    import pyarrow as pa

    arrays, names = [], []
    for place, name in enumerate(table.columns):
        column = table.iloc[:, place]
        if name == ours[UNIQUE_ID]:
            column = column.astype(object).map(str, na_action="ignore")
        elif name == ours[DS]:
            column = _days(column)
        try:
            array = pa.Array.from_pandas(column)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            array = pa.Array.from_pandas(column.astype(object).map(str, na_action="ignore"))
        arrays.append(array.cast(pa.string()) if name == ours[UNIQUE_ID] else array)
        names.append(str(name))
    return pa.Table.from_arrays(arrays, names)


def _days(column: Any) -> Any:
    """Periods of a day or a week as their first day, and times of a zone as the clock shows them."""
    freq = getattr(column.dtype, "freq", None)
    if freq is not None:
        if freq.rule_code.split("-")[0] not in DAY_PERIODS:
            raise DataError(f"ds of the frame holds periods of {freq.rule_code}: give days, work days or weeks")
        return column.dt.to_timestamp(how="start")
    return column.dt.tz_localize(None) if getattr(column.dtype, "tz", None) is not None else column
