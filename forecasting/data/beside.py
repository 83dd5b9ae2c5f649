"""A file that belongs to the data, such as their events or plan: found beside them, else from the working directory."""

from __future__ import annotations

import posixpath
from pathlib import Path

from forecasting.data.formats.files import Folder, TableFile, open_location, reading
from forecasting.errors import DataError
from forecasting.places.uri import is_uri

__all__ = ["find_beside"]


def find_beside(
    name: str,
    data: Folder | tuple[TableFile, ...],
    *,
    key: str,
    holds: str,
    missing: str = "there is no such file or folder",
) -> tuple[TableFile, ...]:
    """The file `name` that a configuration's `key` names: beside the data if it stands there, else from the working
    directory. `holds` says in brackets what columns it has; `missing` is what the error says where it is not.

    Raises
    ------
    DataError
        When it stands in neither place, or is a folder.
    """
    anchor = data if isinstance(data, Folder) else data[0]
    options = anchor.options.of_neighbour()
    is_zip = anchor.path.lower().endswith(".zip")
    folder = anchor.path if isinstance(anchor, Folder) and not is_zip else posixpath.dirname(anchor.path)
    if not (is_uri(name) or Path(name).is_absolute()):
        beside = posixpath.join(folder, name)
        with reading(name):
            found = anchor.filesystem.get_file_info(beside).is_file
        if found:
            return (TableFile(name, anchor.filesystem, beside, options=options),)
    location = open_location(name, options, key, missing)
    if isinstance(location, Folder):
        raise DataError(where=name, what=f"it is a folder, but {key} must name a CSV file ({holds})")
    return location
