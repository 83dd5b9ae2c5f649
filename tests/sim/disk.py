"""The virtual disk: one file system that all hosts share, behind the calls of `cluster.rundir.storage.Disk`.

What a power failure leaves: content that was not synced is torn, and of the names that changed since a folder was last
synced only the first few changes are kept (file systems with a journal keep their order). Until then everybody sees
everything, or, on slow network storage, a little later than the host that wrote it.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from cluster.rundir.storage import UNFINISHED, Disk
from tests.sim.world import Killed, Program, World

__all__ = ["VirtualDisk", "short"]


HASH = re.compile("[0-9a-f]{12,}")


class Inode:
    """Content of a file: as programs see it, and whether it would survive a power failure."""

    __slots__ = ("data", "synced")

    def __init__(self) -> None:
        self.data, self.synced = b"", True


Names = dict[str, Inode | None]
"""Path → file; None: a folder."""
Change = tuple[tuple[str, Inode | None, bool], ...]
"""Paths set to a file or folder, or (False) removed, all at once."""


class VirtualDisk(Disk):
    """The disk of one world.

    `slow` is the share of calls that take up to `slow_seconds`, `late` the seconds after which other hosts see a new
    name. `full` while nothing can be written. Called: `on_call` before each call, `on_full` when one is refused,
    `on_named` when a file has got its name (a free one, or another file's), `on_read` when one is read and
    `on_removed` when one was removed, with the second at which the call began.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.names_now: Names = {"/": None}
        self.on_disk: Names = {"/": None}
        self.pending: list[Change] = []
        self.recent: dict[str, list[tuple[float, str, Inode | None]]] = {}
        self.slow, self.slow_seconds, self.late = 0.0, 2.0, 0.0
        self.full = False
        self.on_full: Callable[[Program], None] = lambda program: None
        self.on_call: Callable[[], None] = lambda: None
        self.on_read: Callable[[Program, str], None] = lambda program, path: None
        self.on_removed: Callable[[Program, str, float], None] = lambda program, path, began: None
        self.on_named: Callable[[Program, str, bool], None] = lambda program, path, linked: None

    # -- calls that change something

    def make_folder(self, folder: Path) -> None:
        path = str(folder)
        if path in self.names_now:
            return
        self._call("mkdir", path)
        self._refuse_if_full()
        missing = [str(parent) for parent in (folder, *folder.parents) if str(parent) not in self.names_now]
        self._change(*((name, None, True) for name in missing))
        self.sync_folder(folder.parent)

    def make_new(self, path: Path) -> None:
        self._call("create", str(path))
        if str(path) in self.names_now:
            raise FileExistsError(errno.EEXIST, "File exists", str(path))
        self._refuse_if_full()
        self._in_folder(path)
        self._change((str(path), Inode(), True))

    def write(self, path: Path, data: bytes) -> None:
        inode = self._inode(str(path))
        inode.synced = False
        inode.data = data[: int(self.world.chance.random() * len(data))]  # what a death in the middle leaves
        self._call("write", str(path))
        self._refuse_if_full()
        inode.data = data

    def sync(self, path: Path) -> None:
        self._call("sync", str(path))
        self._refuse_if_full()
        self._inode(str(path)).synced = True

    def sync_folder(self, folder: Path) -> None:
        self._call("sync folder", str(folder))
        self.on_disk = dict(self.names_now)
        self.pending.clear()

    def rename(self, source: Path, target: Path) -> None:
        program = self._call("rename", str(target))
        inode = self._inode(str(source))
        self._refuse_if_full()
        self._change((str(source), None, False), (str(target), inode, True))
        self.on_named(program, str(target), False)

    def link(self, source: Path, target: Path) -> None:
        program = self._call("link", str(target))
        if str(target) in self.names_now:
            raise FileExistsError(errno.EEXIST, "File exists", str(target))
        self._refuse_if_full()
        self._change((str(target), self._inode(str(source)), True))
        self.on_named(program, str(target), True)

    def remove(self, path: Path) -> None:
        began = self.world.now
        program = self._call("remove", str(path))
        self._inode(str(path))
        self._change((str(path), None, False))
        self.on_removed(program, str(path), began)

    def remove_folder(self, folder: Path) -> None:
        self._call("rmdir", str(folder))
        if any(name.startswith(f"{folder}/") for name in self.names_now):
            raise OSError(errno.ENOTEMPTY, "Directory not empty", str(folder))
        self._change((str(folder), None, False))

    # -- calls that look

    def is_file(self, path: Path) -> bool:
        self._call("look", str(path))
        return self._seen(str(path), listed=True) is not None

    def names(self, folder: Path) -> list[str]:
        self._call("list", str(folder))
        found = [name for name in {**self.names_now, **self.recent} if name.rpartition("/")[0] == str(folder)]
        return [os.path.basename(name) for name in found if self._seen(name, listed=True) is not None]

    def read(self, path: Path) -> bytes:
        program = self._call("read", str(path))
        self.on_read(program, str(path))
        inode = self._seen(str(path))
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
        return inode.data

    def open(self, path: Path) -> pa.NativeFile:
        return pa.BufferReader(self.read(path))

    # -- what befalls it

    def power_failure(self) -> None:
        """Lose what was not synced. Everything that ran must be dead."""
        kept = self.world.chance.randrange(len(self.pending) + 1)
        self.world.say(f"power fails: {len(self.pending) - kept} of {len(self.pending)} changes of names are lost")
        for change in self.pending[:kept]:
            _apply(self.on_disk, change)
        self.names_now = dict(self.on_disk)
        self.pending.clear()
        self.recent.clear()
        for name, inode in self.names_now.items():
            if inode is not None and not inode.synced:
                inode.data = inode.data[: int(self.world.chance.random() * len(inode.data))]
                inode.synced = True
                self.world.say(f"{short(name)} is torn")

    def flip(self, path: str) -> None:
        """Change one bit of a file."""
        inode = self.names_now[path]
        if inode is not None and inode.data:
            place = self.world.chance.randrange(len(inode.data))
            changed = bytearray(inode.data)
            changed[place] ^= 1 << self.world.chance.randrange(8)
            inode.data = bytes(changed)

    # -- inside

    def _call(self, call: str, path: str) -> Program:
        world = self.world
        program = world.step()
        if world.tracing:
            world.say(f"{call} {short(path)}")
        self.on_call()
        if program.calls_left is not None:
            program.calls_left -= 1
            if program.calls_left < 0:
                world.kill(program, f"before this {call}")
        if not program.alive:
            raise Killed
        if self.slow and world.chance.random() < self.slow:
            seconds = world.chance.random() * self.slow_seconds
            world.say(f"… takes {seconds:.1f} s")
            world.sleep(seconds)
        if program.stopped_until > world.now:
            world.sleep(program.stopped_until - world.now)
        return program

    def _refuse_if_full(self) -> None:
        if self.full:
            self.world.say("… the disk is full")
            self.on_full(self.world.program)
            raise OSError(errno.ENOSPC, "No space left on device")

    def _in_folder(self, path: Path) -> None:
        if str(path.parent) not in self.names_now:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))

    def _inode(self, path: str) -> Inode:
        inode = self.names_now.get(path)
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return inode

    def _seen(self, path: str, listed: bool = False) -> Inode | None:
        """The file of this name, as the current host sees it.

        As with NFS a listing may be old altogether. A file that is opened may be missing yet, but what is there is new.
        """
        if self.late and path in self.recent:
            host, since = self.world.program.host.name, self.world.now - self.late
            changes = self.recent[path]
            mine = max((i for i, (_, writer, _) in enumerate(changes) if writer == host), default=-1)
            for when, _, before in changes[mine + 1 :]:
                if when > since and (listed or before is None):
                    return before
        return self.names_now.get(path)

    def _change(self, *change: tuple[str, Inode | None, bool]) -> None:
        if self.late:
            host = self.world.program.host.name
            for path, _, _ in change:
                since = self.world.now - self.late
                known = [entry for entry in self.recent.get(path, []) if entry[0] > since]
                self.recent[path] = [*known, (self.world.now, host, self.names_now.get(path))]
        self.pending.append(change)
        _apply(self.names_now, change)


def _apply(names: Names, change: Change) -> None:
    for path, inode, there in change:
        if there:
            names[path] = inode
        else:
            names.pop(path, None)


def short(path: str) -> str:
    """A path without its random parts, so that traces of one seed are equal."""
    folder, _, name = path.rpartition("/")
    if name.startswith(UNFINISHED):
        ours = HASH.sub("", name) if "lease" in name else name.rpartition(".")[0]
        name = f"{ours}~"
    name = HASH.sub(lambda found: found[0][:6], name)
    return f"{folder.removeprefix('/run').removeprefix('/')}/{name}".removeprefix("/")
