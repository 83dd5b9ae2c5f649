"""Files of a run directory: a local path or a pyarrow.fs URI (file, s3, gs), every write all or nothing.

Locally a file is written under a temporary name, synced and renamed; an object store shows an object only when its
upload is complete. No name and no link leads out of the folder: a run directory can come from somebody else.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path

import pyarrow as pa
from pyarrow import fs as pafs

from forecasting.errors import StorageError
from forecasting.places.uri import located, without_secrets

__all__ = ["DISK", "Disk", "Storage"]

UNFINISHED = ".unfinished-"
"""Prefix of a file that is still being written."""
NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""What file systems without hard links answer to one."""
NOT_FOR_FOLDERS = frozenset({errno.EINVAL, errno.EBADF, errno.EACCES, errno.ENOTSUP, errno.ENOSYS})
"""What file systems answer that cannot sync a folder: there is nothing more to be had from them."""


class Disk:
    """Files and folders of this machine: the calls that whole files are made of. Each raises OSError.

    What was written survives a power failure only once it is synced. `tests.sim` puts a virtual disk in its place.
    """

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, and sync what was made."""
        made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for parent in made:
            self.sync_folder(parent.parent)

    def make_new(self, path: Path) -> None:
        """Make an empty file; FileExistsError where there is one."""
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))

    def write(self, path: Path, data: bytes) -> None:
        """Fill a file."""
        path.write_bytes(data)

    def sync(self, path: Path) -> None:
        """Wait until the content of a file is on disk."""
        handle = os.open(path, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder are on disk: a rename is lost in a power failure before that."""
        if os.name != "posix":
            return
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in NOT_FOR_FOLDERS:
                raise
        finally:
            os.close(handle)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, replacing what has it."""
        os.replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name; FileExistsError where that is taken."""
        os.link(source, target)

    def remove(self, path: Path) -> None:
        path.unlink()

    def remove_folder(self, folder: Path) -> None:
        """Remove an empty folder."""
        folder.rmdir()

    def is_file(self, path: Path) -> bool:
        return path.is_file()

    def names(self, folder: Path) -> list[str]:
        """Names of the files in a folder; none where there is no folder."""
        try:
            with os.scandir(folder) as entries:
                return [entry.name for entry in entries if entry.is_file()]
        except FileNotFoundError:
            return []

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def open(self, path: Path) -> pa.NativeFile:
        """A file for random access."""
        return pafs.LocalFileSystem().open_input_file(str(path))


DISK = Disk()


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
        self.local = Path(self._root) if isinstance(self._fs, pafs.LocalFileSystem) else None
        """The folder, when it lies on this machine's file system."""

    @property
    def address(self) -> str:
        """The same place for another process, whatever its working directory."""
        return self._given if self.local is None else self._root

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
        with self._explained("read"):
            if self.local is not None:
                return DISK.read(Path(self._path(name)))
            with self._fs.open_input_stream(self._path(name)) as stream:
                data: bytes = stream.read()
                return data

    def exists(self, name: str) -> bool:
        with self._explained("read"):
            if self.local is not None:
                return DISK.is_file(Path(self._path(name)))
            return bool(self._fs.get_file_info(self._path(name)).type == pafs.FileType.File)

    def names(self, folder: str, suffix: str) -> list[str]:
        """Names of the files in a folder ("": the run directory), sorted; temporary ones are left out."""
        with self._explained("read"):
            if self.local is not None:
                found = DISK.names(Path(self._path(folder)))
            else:
                found = self._listed(folder, pafs.FileType.File)
        return _below(folder, [name for name in found if name.endswith(suffix)])

    def folders(self, folder: str) -> list[str]:
        """Names of the folders in a folder, sorted."""
        with self._explained("read"):
            return _below(folder, self._listed(folder, pafs.FileType.Directory))

    def _listed(self, folder: str, kind: pafs.FileType) -> list[str]:
        selector = pafs.FileSelector(self._path(folder), allow_not_found=True)
        return [info.base_name for info in self._fs.get_file_info(selector) if info.type == kind]

    def open(self, name: str) -> pa.NativeFile:
        """A file for random access, such as a Parquet footer."""
        with self._explained("read"):
            if self.local is not None:
                return DISK.open(Path(self._path(name)))
            return self._fs.open_input_file(self._path(name))

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone already is no error, on an object store neither."""
        with self._explained("written"):
            if self.local is not None:
                _remove(self._target(name))
            else:
                self._fs.delete_file(self._path(name))

    def discard(self, name: str) -> None:
        """Delete a file that may not be there."""
        if self.local is not None or self.exists(name):
            self.delete(name)

    def check_writable(self) -> None:
        """Raises StorageError when nothing can be written here; leaves nothing behind."""
        name = f"{UNFINISHED}{uuid.uuid4().hex}"
        self.write(name, b"")
        self.delete(name)
        self.drop_if_empty()

    def drop_if_empty(self) -> None:
        """Remove a local folder in which nothing was written."""
        if self.local is not None:
            with suppress(OSError):
                DISK.remove_folder(self.local)

    def sweep(self, folder: str) -> None:
        """Remove what writers left that were killed in the middle of a file; call when nobody writes there."""
        if self.local is not None:
            with self._explained("written"):
                place = Path(self._path(folder))
                for name in DISK.names(place):
                    if name.startswith(UNFINISHED):
                        _remove(place / name)

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
            what = "it leads out of the folder, so it is not opened"
            raise StorageError(where=f"{self.uri}/{name}", what=what, remedy="put the file itself there")

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise StorageError(f"{self.uri} cannot be {done}: {_reason(error, done)}") from None


def _below(folder: str, names: list[str]) -> list[str]:
    """Names as the storage gives them; temporary ones are left out."""
    prefix = f"{folder}/" if folder else ""
    return sorted(f"{prefix}{name}" for name in names if not name.startswith("."))


def _twice(act: Callable[[Path, bytes], bool]) -> Callable[[Path, bytes], bool]:
    """Try once more when a file or folder is gone: the sweep of another driver may have taken it."""

    @wraps(act)
    def tried(path: Path, data: bytes) -> bool:
        try:
            return act(path, data)
        except FileNotFoundError:
            return act(path, data)

    return tried


@_twice
def _write_local(path: Path, data: bytes) -> bool:
    with _complete_file(path, data) as temporary:
        DISK.rename(temporary, path)
    DISK.sync_folder(path.parent)
    return True


@_twice
def _create_local(path: Path, data: bytes) -> bool:
    """A link to a complete file appears at once, and only where there is none."""
    with _complete_file(path, data) as temporary:
        created = _link(temporary, path)
        _remove(temporary)
    if created:
        try:
            DISK.sync_folder(path.parent)
        except BaseException:
            _remove(path)
            raise
    return created


@contextmanager
def _complete_file(path: Path, data: bytes) -> Iterator[Path]:
    """A file that is on disk with all its content, beside `path` and under a name that no other writer uses."""
    DISK.make_folder(path.parent)
    temporary = path.with_name(f"{UNFINISHED}{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        DISK.make_new(temporary)
        DISK.write(temporary, data)
        DISK.sync(temporary)
        yield temporary
    except BaseException:
        _remove(temporary)
        raise


def _link(source: Path, target: Path) -> bool:
    """Whether `target` was free and is now `source`; on file systems without hard links it is empty for a moment."""
    try:
        try:
            DISK.link(source, target)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            DISK.make_new(target)
            DISK.rename(source, target)
    except FileExistsError:
        return False
    return True


def _remove(path: Path) -> None:
    """Remove a file that may be gone already."""
    with suppress(FileNotFoundError):
        DISK.remove(path)


def _reason(error: BaseException, done: str = "") -> str:
    code = getattr(error, "errno", None)
    if code in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space and run the same command again"
    if code == errno.EFBIG:
        return "a file would be larger than this process may write (ulimit -f); raise that limit"
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "no permission; choose another folder or fix its permissions"
    if code in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return "a file or folder of that name is in the way; choose another place"
    if code == errno.ENOENT and done == "written":
        return "the folder cannot be made there; choose another one"
    return " ".join(str(error).split())
