"""Days known in advance that the user names: promotions, purchase limits."""

from __future__ import annotations

import posixpath
from pathlib import Path

import pyarrow as pa

from forecasting.data.formats.columns import find_column
from forecasting.data.formats.files import Folder, TableFile, open_location
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import read_table
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
        raise DataError(where=events, what="it is a folder, and data.events names a CSV file (ds, name)")
    return location


def read_events(files: tuple[TableFile, ...]) -> tuple[tuple[str, str], ...]:
    """(ISO date, name) of every event, by date.

    Raises
    ------
    DataError
        For a cell that is not a day, an empty name, or a day with two names.
    """
    with OpenTable(files) as opened:
        date, name = (find_column(n, {}, opened.columns, opened.name) for n in ("ds", "name"))
        table = read_table(opened, [date, name])
    names = table.columns[name].cast(pa.string()).to_pylist()
    seen: dict[str, str] = {}
    for record, (day, text) in enumerate(zip(table.days(date), names, strict=True)):
        if not (text or "").strip():
            what = f"the event on {iso(day)} has no name"
            raise DataError(where=table.place(record), what=what, remedy="name it")
        if seen.setdefault(iso(day), text.strip()) != text.strip():
            what = f"{iso(day)} has two events"
            raise DataError(where=table.place(record), what=what, remedy="give each day one name")
    return tuple(sorted(seen.items()))
