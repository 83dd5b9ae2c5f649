"""Where the bytes of a table come from: a local path or a pyarrow.fs URI; plain, .gz or inside a .zip; one file or
many parts. What is packed may hold so many bytes and no more.

Everything is found by `Folder.find` or `table_at`, which give `TableFile`s: a name for messages and a way to open the
bytes.
"""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pyarrow import fs

from forecasting.data.formats.options import TableOptions
from forecasting.errors import DataError
from forecasting.places.uri import is_cut, located, scrubbed

__all__ = ["Folder", "TableFile", "open_location", "reading", "table_at"]

_BUFFER = 1 << 20
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
_WORKBOOKS = (".xlsx", ".xlsm", ".ods")
_TABLES = (".csv", ".parquet", *_WORKBOOKS)
_SUFFIXES = (".csv", ".csv.gz", ".csv.zip", ".zip", ".parquet", *_WORKBOOKS)
_ANY = TableOptions()


@dataclass(frozen=True)
class TableFile:
    """One file that holds a table, or one part of it.

    `name` is what messages call it; `member` is the file's name inside a .zip; `options` what the user says of it.
    """

    name: str
    filesystem: fs.FileSystem
    path: str
    member: str | None = None
    options: TableOptions = _ANY

    @property
    def is_parquet(self) -> bool:
        return (self.member or self.path).lower().endswith(".parquet")

    @property
    def is_workbook(self) -> bool:
        return (self.member or self.path).lower().endswith(_WORKBOOKS)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The table's bytes, decompressed; a Parquet file can be sought in.

        Raises
        ------
        DataError
            Also while they are read, when there are more than `most_bytes` of them.
        """
        if self.member is not None:
            with self.filesystem.open_input_file(self.path) as raw, zipfile.ZipFile(raw) as archive:
                if archive.getinfo(self.member).file_size > self.most_bytes:  # it gives no more than it says
                    raise self.too_large()
                with archive.open(self.member) as inner:
                    yield inner
        elif self.is_parquet or self.is_workbook:
            with self.filesystem.open_input_file(self.path) as raw:
                yield raw
        elif self.path.lower().endswith(".gz"):
            with self.filesystem.open_input_stream(self.path, compression="gzip") as raw:
                yield io.BufferedReader(_Limited(raw, self), _BUFFER)
        else:
            with self.filesystem.open_input_stream(self.path, compression=None) as raw:
                yield raw

    @cached_property
    def most_bytes(self) -> int:
        """Bytes that it may hold, and memory that its rows may take where they are held packed."""
        return self.options.most_bytes(self.filesystem.get_file_info(self.path).size)

    def too_large(self, what: str | None = None) -> DataError:
        """That it holds more than it may; `what` says it in other words."""
        what = what or f"it holds more than {self.most_bytes:,} bytes once decompressed"
        return DataError(where=self.name, what=what, remedy="give a smaller file, or raise data.max_bytes")


class _Limited(io.RawIOBase):
    """The bytes of a compressed file, up to the most that it may hold."""

    def __init__(self, raw: IO[bytes], file: TableFile) -> None:
        self._raw, self._file, self._left = raw, file, file.most_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._raw.read(len(buffer))
        self._left -= len(block)
        if self._left < 0:
            raise self._file.too_large()
        buffer[: len(block)] = block
        return len(block)


@dataclass(frozen=True)
class Folder:
    """A folder, or a .zip that holds one, in which tables are found by their stem."""

    name: str
    filesystem: fs.FileSystem
    path: str
    members: tuple[str, ...] | None = None
    options: TableOptions = _ANY

    def find(self, stem: str) -> tuple[TableFile, ...]:
        """The files of table `stem`, in order: one file, or the parts in a folder of that name; empty when absent."""
        if self.members is not None:
            for suffix in _TABLES:
                for member in self.members:
                    if posixpath.basename(member) == stem + suffix:
                        name = f"{self.name}/{stem}{suffix}"
                        return (TableFile(name, self.filesystem, self.path, member, self.options),)
            return ()
        for suffix in _SUFFIXES:
            path = posixpath.join(self.path, stem + suffix)
            if self._type(path) == fs.FileType.File:
                return _file(self.filesystem, path, self.options)
        parts = posixpath.join(self.path, stem)
        return _parts(self.filesystem, parts, self.options) if self._type(parts) == fs.FileType.Directory else ()

    def has_file(self, name: str) -> bool:
        """Whether a file of this name lies in the folder; a .zip is not looked into."""
        return self.members is None and self._type(posixpath.join(self.path, name)) == fs.FileType.File

    def _type(self, path: str) -> fs.FileType:
        with reading(posixpath.basename(path)):
            return self.filesystem.get_file_info(path).type


def open_location(
    path: str | Path, options: TableOptions = _ANY, key: str = "data", missing: str = "there is no such file or folder"
) -> Folder | tuple[TableFile, ...]:
    """What stands at `path`, which was given as `key`: a folder of tables (or a .zip of one), or the one table there.
    `missing` is what the error says where nothing stands.

    Raises
    ------
    DataError
        When nothing stands there, or the location cannot be reached.
    """
    filesystem, inner = _resolve(path)
    with reading(str(path)):
        kind = filesystem.get_file_info(inner).type
        if kind == fs.FileType.Directory:
            return Folder(posixpath.basename(inner.rstrip("/")), filesystem, inner, options=options)
        if kind != fs.FileType.File:
            raise DataError(where=str(path), what=missing, remedy=f"check the path given as {key}")
        if inner.lower().endswith(".zip"):
            members = _zip_tables(filesystem, inner)
            if len(members) != 1:
                return Folder(posixpath.basename(inner), filesystem, inner, members, options)
        return _file(filesystem, inner, options)


def table_at(path: str | Path, options: TableOptions = _ANY) -> tuple[TableFile, ...]:
    """The one table at `path`: a file, or a folder that holds nothing but its parts.

    Raises
    ------
    DataError
        When nothing is there.
    """
    location = open_location(path, options)
    if not isinstance(location, Folder):
        return location
    if location.members is not None:
        what = f"the archive holds {len(location.members)} tables"
        raise DataError(where=str(path), what=what, remedy="give the one meant as a file")
    return _parts(location.filesystem, location.path, options)


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
    if "\0" in text:
        sentence = "the path given as data holds a NUL character: check the path"
        raise DataError(sentence, where="the path given as data", what="a NUL character", remedy="check the path")
    if is_cut(text):
        what = "its user, password and options were not stored"
        raise DataError(where=text, what=what, remedy="give the whole URI")
    with reading(text):
        return located(text)


def _file(filesystem: fs.FileSystem, path: str, options: TableOptions) -> tuple[TableFile, ...]:
    name = posixpath.basename(path)
    if not name.lower().endswith(".zip"):
        return (TableFile(name, filesystem, path, options=options),)
    members = _zip_tables(filesystem, path)
    if len(members) != 1:
        what = f"it holds {len(members)} tables, but one is expected"
        raise DataError(where=name, what=what, remedy="keep one .csv, .parquet or workbook in it")
    return (TableFile(f"{name}/{posixpath.basename(members[0])}", filesystem, path, members[0], options),)


def _zip_tables(filesystem: fs.FileSystem, path: str) -> tuple[str, ...]:
    with (
        reading(posixpath.basename(path)),
        filesystem.open_input_file(path) as raw,
        zipfile.ZipFile(raw) as archive,
    ):
        names = archive.namelist()
    return tuple(n for n in names if n.lower().endswith(_TABLES) and not n.startswith("__MACOSX/"))


def _parts(filesystem: fs.FileSystem, path: str, options: TableOptions) -> tuple[TableFile, ...]:
    folder = posixpath.basename(path.rstrip("/"))
    with reading(folder):
        infos = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    paths = sorted(i.path for i in infos if i.type == fs.FileType.File and not i.base_name.startswith((".", "_", "~$")))
    tables = [p for p in paths if p.lower().endswith(_SUFFIXES)]
    if not tables:
        what = "the folder holds no .csv, .parquet or workbook"
        raise DataError(where=folder, what=what, remedy="check the path given as data")
    found = []
    for table in tables:
        (file,) = _file(filesystem, table, options)
        shown = f"{folder}/{posixpath.relpath(table, path)}"
        found.append(replace(file, name=shown))
    return tuple(found)


def _first_line(error: BaseException) -> Any:
    lines = scrubbed(str(error)).strip().splitlines()  # whole: half of a secret would not be known again
    return lines[0][:200] if lines else type(error).__name__
