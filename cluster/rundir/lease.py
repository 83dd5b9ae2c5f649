"""One driver per run directory: a lease file with its owner and a heartbeat.

A second driver is refused while the first lives. On one machine a dead owner is seen by its process and replaced at
once; an owner on another machine counts as dead when its heartbeat stood still for `PATIENCE` seconds. Creation is
exclusive on local file systems and NFS; on object stores, which cannot create exclusively everywhere, it is best
effort.

Workers read the lease too: who does not see the owner's token does not see the owner's storage.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from cluster.rundir.storage import Storage
from forecasting.errors import StorageError

__all__ = ["LEASE", "Lease", "check_shared"]

LEASE = "lease.json"
BEAT = 5.0
"""Seconds between heartbeats."""
PATIENCE = 30.0
"""Seconds without a heartbeat after which an owner on another machine counts as dead."""


class Lease:
    """Context manager that holds a run directory.

    Raises
    ------
    StorageError
        On entering, when another driver holds the directory.
    """

    def __init__(self, storage: Storage, say: Callable[[str], None], patience: float = PATIENCE) -> None:
        self.token = uuid.uuid4().hex
        self._storage = storage
        self._say = say
        self._patience = patience
        self._beat = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, name="tidecast-lease", daemon=True)

    def __enter__(self) -> Lease:
        try:
            while not self._storage.create(LEASE, self._content()):
                self._displace(self._read())
        except StorageError:
            self._storage.drop_if_empty()
            raise
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        with suppress(StorageError):  # the run's own outcome matters more than a file that will be seen as stale
            if (self._read() or {}).get("token") == self.token:
                self._storage.delete(LEASE)
                self._storage.drop_if_empty()

    def _content(self) -> bytes:
        owner = {"host": socket.gethostname(), "pid": os.getpid(), "born": _born(os.getpid())}
        return json.dumps({**owner, "token": self.token, "beat": self._beat}).encode()

    def _read(self) -> dict[str, Any] | None:
        """The lease as it stands; None when it is gone or not readable."""
        try:
            content: dict[str, Any] = json.loads(self._storage.read(LEASE))
        except (StorageError, ValueError):
            return None
        return content

    def _displace(self, owner: dict[str, Any] | None) -> None:
        """Remove a dead owner's lease, or refuse."""
        if owner is None:
            self._storage.discard(LEASE)
            return
        name = f"{owner['host']}, process {owner['pid']}"
        if owner["host"] == socket.gethostname():
            if _born(owner["pid"]) == owner["born"] is not None:
                raise self._refused(name)
        else:
            self._say(f"waiting up to {self._patience:.0f} s to see whether the run's last owner ({name}) is alive")
            if self._beats_on(owner):
                raise self._refused(name)
        self._say(f"taking over from a run that died ({name})")
        self._storage.discard(LEASE)

    def _refused(self, name: str) -> StorageError:
        return StorageError(
            f"{self._storage.uri} is in use by another run ({name}): wait for it, or choose another --run-dir"
        )

    def _beats_on(self, owner: dict[str, Any]) -> bool:
        end = time.monotonic() + self._patience
        while time.monotonic() < end:
            time.sleep(min(1.0, self._patience / 10))
            now = self._read()
            if now is None:
                return False
            if (now["token"], now["beat"]) != (owner["token"], owner["beat"]):
                return True
        return False

    def _keep_beating(self) -> None:
        while not self._stop.wait(BEAT):
            self._beat += 1
            with suppress(StorageError):  # a full disk is reported by the work that it stops
                self._storage.write(LEASE, self._content())


def check_shared(storage: Storage, token: str) -> None:
    """Make sure, on a worker, that `storage` is the place that the driver writes to.

    Raises
    ------
    StorageError
        When it is not.
    """
    try:
        seen = json.loads(storage.read(LEASE))["token"]
    except (StorageError, ValueError, KeyError):
        seen = None
    if seen != token:
        raise StorageError(
            f"{storage.uri} is not shared: the worker on {socket.gethostname()} does not see the driver's files there; "
            "give --run-dir a folder on shared storage, or an s3 or gs URI"
        )


def _born(pid: int) -> float | None:
    """When a process on this machine started, in clock ticks; None when there is none. Tells a pid's reuse."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.is_dir():
        try:
            return float(stat.read_text().rpartition(")")[2].split()[19])
        except OSError:
            return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return 0.0
