"""Days known in advance that the user names: promotions, purchase limits."""

from __future__ import annotations

import posixpath
from pathlib import Path

import pyarrow as pa

from forecasting.data.formats.columns import find_column
from forecasting.data.formats.decode import decode_dates
from forecasting.data.formats.files import Folder, TableFile, open_location
from forecasting.data.formats.reading import columns_of
from forecasting.data.formats.table import read_frame
from forecasting.errors import DataError
from forecasting.schema import iso

__all__ = ["find_events", "read_events"]


def find_events(events: str, data: Folder | tuple[TableFile, ...]) -> tuple[TableFile, ...]:
    """The events file: beside the data if it stands there, else from the working directory.

    Raises
    ------
    DataError
        When it stands in neither place.
    """
    anchor = data if isinstance(data, Folder) else data[0]
    is_zip = anchor.path.lower().endswith(".zip")
    folder = anchor.path if isinstance(anchor, Folder) and not is_zip else posixpath.dirname(anchor.path)
    beside = posixpath.join(folder, events)
    if not Path(events).is_absolute() and anchor.filesystem.get_file_info(beside).is_file:
        return (TableFile(events, anchor.filesystem, beside),)
    location = open_location(events)
    if isinstance(location, Folder):
        raise DataError(f"{events}: it is a folder, and data.events names a CSV file (ds, name)")
    return location


def read_events(files: tuple[TableFile, ...]) -> tuple[tuple[str, str], ...]:
    """(ISO date, name) of every event, by date.

    Raises
    ------
    DataError
        For a cell that is not a day, an empty name, or a day with two names.
    """
    available, where = columns_of(files[0]), files[0].name
    date, name = (find_column(n, {}, available, where) for n in ("ds", "name"))
    frame = read_frame(files, [date, name])
    days = decode_dates(frame.columns[date])
    names = frame.columns[name].cast(pa.string()).to_pylist()
    ds = frame.days(date) if len(days) else days
    seen: dict[str, str] = {}
    for record, (day, text) in enumerate(zip(ds, names, strict=True)):
        if not (text or "").strip():
            raise DataError(f"{frame.place(record)}: the event on {iso(day)} has no name: name it")
        if seen.setdefault(iso(day), text.strip()) != text.strip():
            raise DataError(f"{frame.place(record)}: {iso(day)} has two events: give each day one name")
    return tuple(sorted(seen.items()))
