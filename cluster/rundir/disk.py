"""The calls to this machine's file system that a run directory is made of.

`Storage` builds whole files from them and `tests.sim` puts a virtual disk in their place. Each raises OSError.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pyarrow as pa
from pyarrow import fs as pafs

__all__ = ["DISK", "Disk"]

NOT_FOR_FOLDERS = frozenset({errno.EINVAL, errno.EBADF, errno.EACCES, errno.ENOTSUP, errno.ENOSYS})
"""What file systems answer that cannot sync a folder: there is nothing more to be had from them."""


class Disk:
    """Files and folders of this machine. What was written survives a power failure only once it is synced."""

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
