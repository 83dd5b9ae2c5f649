"""Files of a run directory: a local path or a pyarrow.fs URI (file, s3, gs), every write all or nothing.

Locally a file is written under a temporary name, synced and renamed; an object store shows an object only when its
upload is complete. No name and no link leads out of the folder: a run directory can come from somebody else.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
from pyarrow import fs as pafs

from forecasting.errors import StorageError
from forecasting.places.uri import located, without_secrets

__all__ = ["Storage"]

UNFINISHED = ".unfinished-"
"""Prefix of a file that is still being written."""


class Storage:
    """A folder of files, addressed by names with forward slashes.

    Raises StorageError, with the place and the remedy, when the folder cannot be read or written.
    """

    def __init__(self, uri: str) -> None:
        self.uri = without_secrets(uri)
        self._given = uri
        try:
            self._fs, self._root = located(uri)
        except (pa.ArrowException, OSError, ValueError, RuntimeError) as error:
            raise StorageError(
                f"{self.uri}: not a place to store a run ({_reason(error)}): give a folder or a file, s3 or gs URI"
            ) from None

    @property
    def address(self) -> str:
        """The same place for another process, whatever its working directory."""
        return self._given if self.local is None else self._root

    @property
    def local(self) -> Path | None:
        """The folder, when it lies on this machine's file system."""
        return Path(self._root) if isinstance(self._fs, pafs.LocalFileSystem) else None

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file, or none of it."""
        with self._explained("written"):
            if self.local is None:
                with self._fs.open_output_stream(self._path(name)) as stream:
                    stream.write(data)
                return
            _write_local(self._target(name), data)

    def create(self, name: str, data: bytes) -> bool:
        """Write a file that must not be there yet; False when it is.

        Exclusive on local file systems. An object store is looked at before and after: two writers at the same
        moment can both be told False.
        """
        if self.local is not None:
            with self._explained("written"):
                return _create_local(self._target(name), data)
        if self.exists(name):
            return False
        self.write(name, data)
        return self.read(name) == data

    def read(self, name: str) -> bytes:
        """A whole file."""
        with self._explained("read"), self._fs.open_input_stream(self._path(name)) as stream:
            data: bytes = stream.read()
            return data

    def exists(self, name: str) -> bool:
        with self._explained("read"):
            return bool(self._fs.get_file_info(self._path(name)).type == pafs.FileType.File)

    def names(self, folder: str, suffix: str) -> list[str]:
        """Names of the files in a folder ("": the run directory), sorted; temporary ones are left out."""
        return [name for name in self._listed(folder, pafs.FileType.File) if name.endswith(suffix)]

    def folders(self, folder: str) -> list[str]:
        """Names of the folders in a folder, sorted."""
        return self._listed(folder, pafs.FileType.Directory)

    def _listed(self, folder: str, kind: pafs.FileType) -> list[str]:
        selector = pafs.FileSelector(self._path(folder), allow_not_found=True)
        with self._explained("read"):
            found = [info.base_name for info in self._fs.get_file_info(selector) if info.type == kind]
        prefix = f"{folder}/" if folder else ""
        return sorted(f"{prefix}{name}" for name in found if not name.startswith("."))

    def open(self, name: str) -> pa.NativeFile:
        """A file for random access, such as a Parquet footer."""
        with self._explained("read"):
            return self._fs.open_input_file(self._path(name))

    def delete(self, name: str) -> None:
        with self._explained("written"):
            self._fs.delete_file(self._path(name) if self.local is None else str(self._target(name)))

    def discard(self, name: str) -> None:
        """Delete a file that may be gone already."""
        if self.exists(name):
            self.delete(name)

    def drop_if_empty(self) -> None:
        """Remove a local folder in which nothing was written."""
        if self.local is not None:
            with suppress(OSError):
                self.local.rmdir()

    def sweep(self, folder: str) -> None:
        """Remove what writers left that were killed in the middle of a file; call when nobody writes there."""
        if self.local is not None:
            with self._explained("written"):
                for path in Path(self._path(folder)).glob(f"{UNFINISHED}*"):
                    path.unlink(missing_ok=True)

    def _path(self, name: str) -> str:
        """Where to read a file, or list a folder. Raises StorageError when that leads out of the folder."""
        path = f"{self._root}/{name}" if name else self._root
        if self.local is not None:
            real = os.path.realpath(path)
            self._must_hold(real, name)
            if os.path.exists(real) and not (os.path.isfile(real) or os.path.isdir(real)):
                raise StorageError(where=f"{self.uri}/{name}", what="it is no file", remedy="remove it")
        return path

    def _target(self, name: str) -> Path:
        """Where to write or delete a local file: a link under its name is replaced or removed, never followed."""
        path = Path(self._root, name)
        self._must_hold(os.path.realpath(path.parent), name)
        return path

    def _must_hold(self, real: str, name: str) -> None:
        root = os.path.realpath(self._root)
        if os.path.commonpath((real, root)) != root:
            what = "it leads out of the folder, and nothing there is opened"
            raise StorageError(where=f"{self.uri}/{name}", what=what, remedy="put the file itself there")

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise StorageError(f"{self.uri} cannot be {done}: {_reason(error, done)}") from None


def _write_local(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{UNFINISHED}{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _create_local(path: Path, data: bytes) -> bool:
    """A link to a complete file appears at once, and only where there is none."""
    temporary = path.with_name(f"{UNFINISHED}{path.name}.{os.getpid()}")
    _write_local(temporary, data)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if path.exists():
            return False
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _reason(error: BaseException, done: str = "") -> str:
    code = getattr(error, "errno", None)
    if code in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space and run the same command again"
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "no permission; choose another folder or fix its permissions"
    if code in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return "a file or folder of that name is in the way; choose another place"
    if code == errno.ENOENT and done == "written":
        return "the folder cannot be made there; choose another one"
    return " ".join(str(error).split())
