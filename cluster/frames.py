"""Data frames in, and frames as they came out again.

A frame is wide (a date and a column for each target, of a panel also a column that tells series apart) or long
(`unique_id`, `ds`, `y`, a row for each series and day). Frames of pandas with any kind of columns, of polars and of
pyarrow, and whatever else gives its columns to Arrow, become a Parquet file that the reader of all files reads, so that
a frame means what a file means. Ids, column names and kinds of dates are noted, so that frames that come out have those
that came in.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster.notebook.spelling import Spelling, configured, spelled
from forecasting.data.dataset import open_data
from forecasting.data.formats.writing.days import parse_day
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Panel
from forecasting.schema import DS, UNIQUE_ID, Y

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["CONVENTION", "FrameFile", "as_arrow", "file_of", "spelling_of_run", "to_frame", "to_panel"]

CONVENTION = (UNIQUE_ID, DS, Y)
FRAME = "frame.parquet"
"""Name of the file that a frame is written to."""
_Column = tuple[str, Any]
DAY_PERIODS = ("D", "B", "W")
"""Kinds of periods that are days, work days or weeks."""


@dataclass(frozen=True)
class FrameFile:
    """A frame that was written to a Parquet file at `path`.

    `columns` are the frame's own columns by their names in the file; `stored` the table in the file; `names` what the
    frame calls its columns where that is no text.
    """

    path: str
    columns: Mapping[str, Any]
    stored: pa.Table
    names: Mapping[str, Any] = field(default_factory=dict)

    def spelling(self, spec: DataSpec) -> Spelling:
        """How the frame writes what a configuration calls by our names.

        Raises
        ------
        DataError
            When dates are periods longer than weeks, or two ids read the same.
        """
        return spelled(self.columns, self.stored, spec, self.names)


@contextmanager
def file_of(frame: Any, date: str = DS) -> Iterator[FrameFile]:
    """A Parquet file with the frame's columns, gone afterwards.

    Parameters
    ----------
    frame
        A frame of pandas, whose index may hold dates or ids, of polars or of pyarrow.
    date
        What an index of dates without a name is called.

    Raises
    ------
    DataError
        When it is no frame.
    """
    import pyarrow.parquet as pq

    columns, names = _columns(frame, date)
    table = as_arrow(columns)
    with tempfile.TemporaryDirectory(prefix="tidecast-") as folder:
        path = Path(folder) / FRAME
        pq.write_table(table, path)
        yield FrameFile(str(path), dict(columns), table, names)


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
    with file_of(frame) as written:
        spec = DataSpec(kind="panel", targets=weights, past=tuple(past) or None)
        written.spelling(spec)
        return open_data(spec, written.path, calendar).panel


def spelling_of_run(path: str, spec: DataSpec) -> Spelling:
    """What run.json knows of the spelling of a frame: its columns' names. `path` is that of the data.

    Nothing of a file, whose results have our names.
    """
    return configured(spec) if Path(path).name == FRAME else Spelling()


def to_frame(panel: Panel) -> pd.DataFrame:
    """unique_id, ds, y and the past covariates of a panel, without the periods whose amount is unknown."""
    import pandas as pd

    parts = []
    for row, uid in enumerate(panel.unique_ids):
        known = ~np.isnan(panel.y[row])
        columns = {name: panel.past[row, known, i] for i, name in enumerate(panel.past_names)}
        ds = panel.ds[known].astype("datetime64[ns]")
        parts.append(pd.DataFrame({UNIQUE_ID: uid, DS: ds, Y: panel.y[row, known], **columns}))
    return pd.concat(parts, ignore_index=True)


def _columns(frame: Any, date: str) -> tuple[list[_Column], dict[str, Any]]:
    """The frame's columns with their names as text, and its own names of those that have others.

    Raises
    ------
    DataError
        When it is no frame.
    """
    import pandas as pd

    if isinstance(frame, pd.DataFrame):
        return _of_pandas(_with_index(frame, date))
    frame = frame.collect() if hasattr(frame, "collect") else frame
    frame = frame.to_table() if hasattr(frame, "to_table") else frame
    names = getattr(frame, "column_names", None) or getattr(frame, "columns", None)
    if hasattr(frame, "__arrow_c_stream__") and names is not None and hasattr(frame, "__getitem__"):
        return [(str(name), frame[name]) for name in names], {}
    if hasattr(frame, "__arrow_c_stream__") and not _is_column(frame):
        import pyarrow as pa

        table = pa.table(frame)
        return list(zip(table.column_names, table.columns, strict=True)), {}
    kind = type(frame).__name__
    remedy = "give a frame of pandas, polars or pyarrow, or the path of a file"
    raise DataError(f"{kind} is no data frame: {remedy}{', such as .to_frame()' if _is_column(frame) else ''}")


def _is_column(value: Any) -> bool:
    """Whether a value is a single column, such as a Series."""
    return hasattr(value, "to_frame") and not hasattr(value, "columns")


def _with_index(frame: pd.DataFrame, date: str) -> pd.DataFrame:
    """The frame with its index as columns: levels with a name, and an index of dates as `date`."""
    import pandas as pd

    index, named = frame.index, list(frame.columns)
    levels = [(level, index.get_level_values(k)) for k, level in enumerate(index.names)]
    wanted = {date if level is None else level: v for level, v in levels if level is not None or _holds_days(v)}
    new = {name: pd.Series(values, index=range(len(frame))) for name, values in wanted.items() if name not in named}
    if not new:
        return frame
    rest = frame.reset_index(drop=True)
    for place, (name, values) in enumerate(new.items()):
        rest.insert(place, name, values)
    return rest


def _holds_days(index: Any) -> bool:
    """Whether an index is of dates, times or periods, or of objects or texts that are days."""
    import pandas as pd

    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return True
    if not len(index) or pd.api.types.is_numeric_dtype(index):
        return False
    return not np.isnat(parse_day(str(index[0])))


def _of_pandas(frame: pd.DataFrame) -> tuple[list[_Column], dict[str, Any]]:
    """As `_columns`."""
    import pandas as pd

    if isinstance(frame.columns, pd.MultiIndex):
        what = f"the frame's columns have {frame.columns.nlevels} levels"
        raise DataError(f"{what}: give them one name each, or a long frame with unique_id, ds and y")
    columns = [(str(name), frame.iloc[:, place]) for place, name in enumerate(frame.columns)]
    return columns, {str(name): name for name in frame.columns if not isinstance(name, str)}


def as_arrow(columns: Sequence[_Column]) -> pa.Table:
    """The columns as an Arrow table, the one form in which frames reach the reader.

    A column of no kind that Arrow knows is stored as text, and left out where it is no text either. Of names that stand
    twice the reader speaks where it is asked for them.
    """
    import pyarrow as pa

    arrays = [(name, array) for name, column in columns if (array := _stored(_array(column))) is not None]
    return pa.Table.from_arrays([array for _, array in arrays], [name for name, _ in arrays])


def _stored(array: Any) -> Any:
    """The array in a type that Parquet has; None where there is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if array is None:
        return None
    array = _without_views(array)
    try:
        pq.write_table(pa.table({"column": array.slice(0, 0)}), pa.BufferOutputStream())
    except pa.ArrowException:
        return None
    return array


def _without_views(array: Any) -> Any:
    """Views of text, which Parquet lacks, as text; also those of a dictionary, as categories of polars have."""
    import pyarrow as pa

    if not pa.types.is_dictionary(array.type):
        return array.cast(pa.string()) if pa.types.is_string_view(array.type) else array
    if not pa.types.is_string_view(array.type.value_type):
        return array
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    texts = [chunk.dictionary.cast(pa.string()).take(chunk.indices) for chunk in chunks]
    return pa.chunked_array(texts, pa.string())


def _array(column: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    unknown = (pa.ArrowException, TypeError, ValueError, NotImplementedError)
    if isinstance(column, pa.Array | pa.ChunkedArray):
        return column
    if not isinstance(column, pd.Series):
        try:
            return pa.chunked_array(column)
        except Exception:  # whatever the frame's library raises of a column that Arrow does not know
            return pa.array([None if value is None else str(value) for value in column], pa.string())
    try:
        return pa.Array.from_pandas(_days(column))
    except unknown:
        return pa.Array.from_pandas(column.astype(object).map(str, na_action="ignore"))


def _days(column: pd.Series[Any]) -> pd.Series[Any]:
    """Periods of a day or a week as their first day, other periods as text, times of a zone as the clock shows them."""
    freq = getattr(column.dtype, "freq", None)
    if freq is not None and hasattr(column.dt, "to_timestamp"):
        is_day = freq.rule_code.split("-")[0] in DAY_PERIODS
        return column.dt.to_timestamp(how="start") if is_day else column.astype(str)
    return column.dt.tz_localize(None) if getattr(column.dtype, "tz", None) is not None else column
