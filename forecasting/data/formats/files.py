"""Where the bytes of a table come from: a local path or a pyarrow.fs URI; plain, .gz or inside a .zip; one file or
many parts.

Everything is found by `Folder.find` or `table_at`, which give `TableFile`s: a name for messages and a way to open the
bytes.
"""

from __future__ import annotations

import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pyarrow import fs

from forecasting.errors import DataError

__all__ = ["Folder", "TableFile", "open_location", "reading", "table_at"]

_URI = re.compile(r"^[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_UNREADABLE = (
    pa.ArrowException,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,  # an encrypted or unknown kind of .zip
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
_SUFFIXES = (".csv", ".csv.gz", ".csv.zip", ".zip", ".parquet")


@dataclass(frozen=True)
class TableFile:
    """One file that holds a table, or one part of it.

    `name` is what messages call it; `member` is the file's name inside a .zip.
    """

    name: str
    filesystem: fs.FileSystem
    path: str
    member: str | None = None

    @property
    def is_parquet(self) -> bool:
        return (self.member or self.path).lower().endswith(".parquet")

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The table's bytes, decompressed; a Parquet file can be sought in."""
        if self.member is not None:
            with (
                self.filesystem.open_input_file(self.path) as raw,
                zipfile.ZipFile(raw) as archive,
                archive.open(self.member) as inner,
            ):
                yield inner
        elif self.is_parquet:
            with self.filesystem.open_input_file(self.path) as raw:
                yield raw
        else:
            with self.filesystem.open_input_stream(self.path, compression=_compression(self.path)) as raw:
                yield raw


@dataclass(frozen=True)
class Folder:
    """A folder, or a .zip that holds one, in which tables are found by their stem."""

    name: str
    filesystem: fs.FileSystem
    path: str
    members: tuple[str, ...] | None = None

    def find(self, stem: str) -> tuple[TableFile, ...]:
        """The files of table `stem`, in order: one file, or the parts in a folder of that name; empty when absent."""
        if self.members is not None:
            for suffix in (".csv", ".parquet"):
                for member in self.members:
                    if posixpath.basename(member) == stem + suffix:
                        return (TableFile(f"{self.name}/{stem}{suffix}", self.filesystem, self.path, member),)
            return ()
        for suffix in _SUFFIXES:
            path = posixpath.join(self.path, stem + suffix)
            if self.filesystem.get_file_info(path).type == fs.FileType.File:
                return _file(self.filesystem, path)
        parts = posixpath.join(self.path, stem)
        if self.filesystem.get_file_info(parts).type == fs.FileType.Directory:
            return _parts(self.filesystem, parts)
        return ()


def open_location(path: str | Path) -> Folder | tuple[TableFile, ...]:
    """What stands at `path`: a folder of tables (or a .zip of one), or the one table there.

    Raises
    ------
    DataError
        When nothing stands there, or the location cannot be reached.
    """
    filesystem, inner = _resolve(path)
    with reading(str(path)):
        kind = filesystem.get_file_info(inner).type
        if kind == fs.FileType.Directory:
            return Folder(posixpath.basename(inner.rstrip("/")), filesystem, inner)
        if kind != fs.FileType.File:
            raise DataError(
                where=str(path), what="there is no such file or folder", remedy="check the path given as data"
            )
        if inner.lower().endswith(".zip"):
            members = _zip_tables(filesystem, inner)
            if len(members) != 1:
                return Folder(posixpath.basename(inner), filesystem, inner, members)
        return _file(filesystem, inner)


def table_at(path: str | Path) -> tuple[TableFile, ...]:
    """The one table at `path`: a file, or a folder that holds nothing but its parts.

    Raises
    ------
    DataError
        When nothing is there.
    """
    location = open_location(path)
    if not isinstance(location, Folder):
        return location
    if location.members is not None:
        what = f"the archive holds {len(location.members)} tables"
        raise DataError(where=str(path), what=what, remedy="give the one meant as a file")
    return _parts(location.filesystem, location.path)


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what the operating system, zlib, zipfile and Arrow raise into one sentence about file `name`.

    Raises
    ------
    DataError
        In place of any of those errors.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(where=name, what="there is no such file", remedy="check the path") from None
    except PermissionError:
        raise DataError(where=name, what="it may not be read", remedy="check its permissions") from None
    except _UNREADABLE as error:
        what = f"it cannot be read ({_first_line(error)})"
        raise DataError(where=name, what=what, remedy="check that the file is complete") from None


def _resolve(path: str | Path) -> tuple[fs.FileSystem, str]:
    text = str(path)
    if not _URI.match(text):
        if "\0" in text:
            sentence = "the path given as data holds a NUL character: check the path"
            raise DataError(sentence, where="the path given as data", what="a NUL character", remedy="check the path")
        return fs.LocalFileSystem(), Path(text).expanduser().absolute().as_posix()
    with reading(text):
        found: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(text)
        return found


def _file(filesystem: fs.FileSystem, path: str) -> tuple[TableFile, ...]:
    name = posixpath.basename(path)
    if not name.lower().endswith(".zip"):
        return (TableFile(name, filesystem, path),)
    members = _zip_tables(filesystem, path)
    if len(members) != 1:
        what = f"it holds {len(members)} tables, and one is meant"
        raise DataError(where=name, what=what, remedy="keep one .csv or .parquet in it")
    return (TableFile(f"{name}/{posixpath.basename(members[0])}", filesystem, path, members[0]),)


def _zip_tables(filesystem: fs.FileSystem, path: str) -> tuple[str, ...]:
    with (
        reading(posixpath.basename(path)),
        filesystem.open_input_file(path) as raw,
        zipfile.ZipFile(raw) as archive,
    ):
        names = archive.namelist()
    return tuple(n for n in names if n.lower().endswith((".csv", ".parquet")) and not n.startswith("__MACOSX/"))


def _parts(filesystem: fs.FileSystem, path: str) -> tuple[TableFile, ...]:
    infos = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    paths = sorted(i.path for i in infos if i.type == fs.FileType.File and not i.base_name.startswith((".", "_")))
    tables = [p for p in paths if p.lower().endswith(_SUFFIXES)]
    folder = posixpath.basename(path.rstrip("/"))
    if not tables:
        what = "the folder holds no .csv or .parquet file"
        raise DataError(where=folder, what=what, remedy="check the path given as data")
    found = []
    for table in tables:
        (file,) = _file(filesystem, table)
        shown = f"{folder}/{posixpath.relpath(table, path)}"
        found.append(TableFile(shown, filesystem, table, file.member))
    return tuple(found)


def _compression(path: str) -> str | None:
    return "gzip" if path.lower().endswith(".gz") else None


def _first_line(error: BaseException) -> Any:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
