"""`file`: forecasts that were made elsewhere, read from a table and blended like any member's.

The table, CSV or Parquet, a local file or a URI, has one row per series, cutoff and day:

    unique_id, ds, cutoff, y_hat
    purchase, 2014-07-01, 2014-06-30, 251300000
    …

with the days after each backtest cutoff (`tidecast plan` lists them) and those after the end of the data. Each forecast
must be made from what was known at its cutoff. The program cannot check that; it only sees that a row is there. As of
every member, days on which a series is not expected to be active are forecast as 0, whatever the table says.

Forecasts made elsewhere are of whole amounts, so what is planned (`data.planned`) is not added to them. With `planned:
added` it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.errors import TrialError
from forecasting.models.base import LATER, PLACE, DamagedState, FitTask, Settings, State
from forecasting.models.states import array_of, day_in
from forecasting.panel import History
from forecasting.places.uri import is_cut, located
from forecasting.schema import CUTOFF, DS, UNIQUE_ID, Y_HAT, DateArray, FloatArray, as_dates, iso

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import fs

__all__ = ["FileForecast", "FileSettings"]

MOST_BYTES = 250_000_000
"""That a table may hold, decompressed."""
_NUMBER = 8
"""Bytes of one."""
Rows = tuple[DateArray, FloatArray]
"""Days and forecasts, ``[n]`` each."""


class FileSettings(Settings):
    """Settings of `file`."""

    path: str = Field(
        "",
        description="CSV or Parquet with unique_id, ds, cutoff, y_hat: a file, s3 or gs URI; every worker must see it",
        json_schema_extra=PLACE,
    )
    planned: Literal["included", "added"] = Field(
        "included",
        json_schema_extra=LATER,
        description="whether the forecasts are of whole amounts, or what data.planned names is to be added to them",
    )


class FileForecast:
    """Looks forecasts up by series, cutoff and day."""

    name: ClassVar[str] = "file"
    family: ClassVar[str] = "file"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    seeded: ClassVar[bool] = False
    seconds_per_fit: ClassVar[float] = 0.001
    settings_type: ClassVar[type[Settings]] = FileSettings

    def __init__(self, settings: FileSettings) -> None:
        self.settings = settings

    @property
    def forecasts_whole(self) -> bool:
        """Whether its forecasts hold what is planned."""
        return self.settings.planned == "included"

    def fingerprint(self) -> str:
        """Hash of the file's content, part of the trial key; "" where there is no file."""
        import pyarrow as pa

        try:
            filesystem, path = _located(self.settings.path)
            with filesystem.open_input_stream(path, compression=None) as stream:
                return hashlib.sha256(stream.read()).hexdigest()[:16]
        except (TrialError, pa.ArrowException, OSError):
            return ""

    def fit(self, task: FitTask) -> State:
        """Keep the rows of this cutoff. Raises TrialError when there are none."""
        ds, y_hat = self._rows(task.history)
        return State({"ds": ds.astype(np.int64), "y_hat": y_hat}, {"cutoff": iso(task.history.cutoff)})

    def check(self, state: State) -> None:
        """See `ChecksState`."""
        day_in(state.meta, "cutoff")
        ds = array_of(state.arrays, "ds", np.int64, None)
        array_of(state.arrays, "y_hat", np.float64, len(ds))
        if not (np.diff(ds) > 0).all():
            raise DamagedState("its days are not in order")

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, see `Model`; from the state at its own cutoff, from the file at others."""
        if state.meta["cutoff"] == iso(history.cutoff):
            known, y_hat = as_dates(state.arrays["ds"]), state.arrays["y_hat"]
        else:
            known, y_hat = self._rows(history)
        place = np.searchsorted(known, ds)
        missing = (place == len(known)) | (known[np.minimum(place, len(known) - 1)] != ds)
        if missing.any():
            raise TrialError(
                f"{self.settings.path} has no forecast of {history.unique_id} for {iso(ds[missing][0])} from cutoff "
                f"{iso(history.cutoff)}: add that row"
            )
        return np.asarray(y_hat[place])

    def _rows(self, history: History) -> Rows:
        table = _table(self.settings.path)
        rows = table.get((history.unique_id, iso(history.cutoff)))
        if rows is None:
            raise TrialError(
                f"{self.settings.path} has no row of {history.unique_id} with cutoff {iso(history.cutoff)}: "
                "add the forecasts made on that day"
            )
        return rows


def _table(path: str) -> Mapping[tuple[str, str], Rows]:
    """(unique_id, cutoff) → rows in order of days."""
    filesystem, inner = _located(path)
    try:
        (info,) = filesystem.get_file_info([inner])
    except OSError as error:
        raise TrialError(f"{path}: it cannot be reached ({' '.join(str(error).split())})") from None
    if not info.is_file:
        raise TrialError(f"{path}: no such file: check the path, which every worker must see")
    return _read(path, info.mtime_ns, info.size)


def _located(path: str) -> tuple[fs.FileSystem, str]:
    """The file system and the path in it. Raises TrialError when none is named, or it cannot be reached."""
    import pyarrow as pa

    if not path:
        raise TrialError("path is empty: name the table with the forecasts")
    if is_cut(path):
        raise TrialError(f"{path}: its user, password and options were not stored: give the whole URI")
    try:
        return located(path)
    except (pa.ArrowException, OSError, ValueError, RuntimeError) as error:
        raise TrialError(f"{path}: it cannot be reached ({' '.join(str(error).split())})") from None


@lru_cache(maxsize=8)
def _read(path: str, changed: int, size: int) -> Mapping[tuple[str, str], Rows]:  # noqa: ARG001 - what the cache goes by
    table = _arrow(path)
    missing = [name for name in (UNIQUE_ID, DS, CUTOFF, Y_HAT) if name not in table.column_names]
    if missing:
        raise TrialError(f"{path}: there is no column {missing[0]}; the columns are {', '.join(table.column_names)}")
    if twice := [name for name in (UNIQUE_ID, DS, CUTOFF, Y_HAT) if table.column_names.count(name) > 1]:
        raise TrialError(f"{path}: there are two columns {twice[0]}: keep one")
    uid = np.array(table[UNIQUE_ID].to_pylist(), dtype=object)
    cutoff, ds = _days(table, CUTOFF, path), _days(table, DS, path)
    y_hat = _amounts(table, path)
    order = np.lexsort((ds, cutoff, uid.astype(str)))
    uid, cutoff, ds, y_hat = uid[order], cutoff[order], ds[order], y_hat[order]
    same = (uid[1:] == uid[:-1]) & (cutoff[1:] == cutoff[:-1])
    again = np.flatnonzero(same & (ds[1:] == ds[:-1]))
    if len(again):
        i = int(again[0])
        raise TrialError(f"{path}: {uid[i]}, {iso(ds[i])}, cutoff {iso(cutoff[i])} stands twice: keep one row")
    starts = np.append(0, np.flatnonzero(~same) + 1)
    ends = np.append(starts[1:], len(uid))
    return {(uid[a], iso(cutoff[a])): (ds[a:b], y_hat[a:b]) for a, b in zip(starts, ends, strict=True) if b > a}


def _arrow(path: str) -> pa.Table:
    import pyarrow as pa

    filesystem, inner = _located(path)
    try:
        if inner.lower().endswith((".parquet", ".pq")):
            import pyarrow.parquet as pq

            stored = pq.ParquetFile(filesystem.open_input_file(inner), read_dictionary=[UNIQUE_ID, DS, CUTOFF])
            _check_size(path, stored.metadata.num_rows * stored.metadata.num_columns * _NUMBER)
            return stored.read()
        from pyarrow import csv

        with filesystem.open_input_stream(inner, compression="detect") as raw:
            content = raw.read(MOST_BYTES + 1)
        _check_size(path, len(content))
        types = {UNIQUE_ID: pa.string(), DS: pa.string(), CUTOFF: pa.string()}
        return csv.read_csv(pa.BufferReader(content), convert_options=csv.ConvertOptions(column_types=types))
    except (pa.ArrowException, OSError) as error:
        raise TrialError(f"{path}: not readable as CSV or Parquet ({' '.join(str(error).split())})") from None


def _check_size(path: str, n_bytes: int) -> None:
    """A few packed bytes may stand for gigabytes."""
    if n_bytes > MOST_BYTES:
        raise TrialError(f"{path}: holds more than {MOST_BYTES:,} bytes: keep the rows of this run alone")


def _days(table: pa.Table, column: str, path: str) -> DateArray:
    texts = [str(value)[:10] for value in table[column].to_pylist()]
    try:  # NumPy would take 20240416 for a year
        days = as_dates([text if text[4:5] == "-" else "NaT" for text in texts])
    except ValueError:
        days = as_dates(["NaT"])
    if np.isnat(days).any():
        raise TrialError(f"{path}: {column} holds what is no day: write days as YYYY-MM-DD")
    return days


def _amounts(table: pa.Table, path: str) -> FloatArray:
    import pyarrow as pa

    try:
        y_hat = table[Y_HAT].cast(pa.float64()).to_numpy()
    except pa.ArrowException:
        y_hat = np.array([np.nan])
    if not np.isfinite(y_hat).all():
        raise TrialError(f"{path}: {Y_HAT} holds what is no number: give every row its forecast")
    return np.asarray(y_hat, dtype=np.float64)
