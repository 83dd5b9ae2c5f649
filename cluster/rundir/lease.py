"""One driver per run directory: a lease file with its owner and a heartbeat.

A second driver is refused while the first lives. On one machine a dead owner is seen by its process and replaced at
once; an owner on another machine counts as dead when its heartbeat has not changed for `PATIENCE` seconds. Creation is
exclusive on local file systems and NFS; on object stores, which cannot create exclusively everywhere, it is best
effort.

Workers read the lease too: a worker that does not find the owner's token does not see the owner's storage.
"""

from __future__ import annotations

import atexit
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from pydantic import Field, ValidationError

from cluster.rundir.storage import Storage
from ensembles.files.stored import Stored
from forecasting.errors import StorageError

__all__ = ["LEASE", "Lease", "LeaseFile", "check_shared", "read_lease"]

LEASE = "lease.json"
BEAT = 5.0
"""Seconds between heartbeats."""
PATIENCE = 30.0
"""Seconds without a heartbeat after which an owner on another machine counts as dead."""
MOST_TRIES = 20
"""Others that start at the same moment can win that often; then something is in the lease's place."""


class LeaseFile(Stored):
    """lease.json: the process that holds a run directory.

    `born`: when the process started, in clock ticks of its machine. `token` differs between any two leases; `beat`
    grows while the owner lives.
    """

    host: str = Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
    pid: int = Field(ge=1, le=2**31)
    born: float | None = Field(None, allow_inf_nan=False)
    token: str = ""
    beat: int = Field(0, ge=0)

    @property
    def owner(self) -> str:
        """The process in words."""
        return f"{self.host}, process {self.pid}"


def read_lease(storage: Storage) -> LeaseFile | None:
    """The lease on a run directory; None when there is none that can be read, or what is there is none."""
    try:
        return LeaseFile.model_validate_json(storage.read(LEASE))
    except (StorageError, ValidationError):
        return None


class Lease:
    """Context manager that holds a run directory.

    The lease is given back even where an interruption comes just before or amid `__exit__`: then when the process ends.

    Raises
    ------
    StorageError
        On entering, when another driver holds the directory, or something else stands in the lease's place.
    """

    def __init__(self, storage: Storage, say: Callable[[str], None], patience: float = PATIENCE) -> None:
        self.token = uuid.uuid4().hex
        self._storage = storage
        self._say = say
        self._patience = patience
        self._beat = 0
        self._tries = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, name="tidecast-lease", daemon=True)

    def __enter__(self) -> Lease:
        atexit.register(self._give_back)
        try:
            while not self._storage.create(LEASE, self._content()):
                self._tries += 1
                self._displace(read_lease(self._storage))
        except StorageError:
            atexit.unregister(self._give_back)
            self._storage.drop_if_empty()
            raise
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()
        atexit.unregister(self._give_back)

    def _give_back(self) -> None:
        """Delete the lease if it is ours; may be called again."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        with suppress(StorageError):  # the run's own outcome matters more: the next run sees that the lease is stale
            lease = read_lease(self._storage)
            if lease is not None and lease.token == self.token:
                self._storage.delete(LEASE)
                self._storage.drop_if_empty()

    def _content(self) -> bytes:
        pid = os.getpid()
        lease = LeaseFile(host=socket.gethostname(), pid=pid, born=_born(pid), token=self.token, beat=self._beat)
        return lease.model_dump_json().encode()

    def _displace(self, lease: LeaseFile | None) -> None:
        """Remove a dead owner's lease, or refuse."""
        if lease is not None:
            if self._is_alive(lease):
                raise StorageError(
                    f"{self._storage.uri} is in use by another run ({lease.owner}): "
                    "wait for it, or choose another --run-dir"
                )
            self._say(f"taking over from a run that died ({lease.owner})")
        self._storage.discard(LEASE)
        if lease is None and self._tries > MOST_TRIES:  # a folder or a link, which is no file and never goes
            raise StorageError(f"{self._storage.uri}/{LEASE} is in the way and no file: remove it")

    def _is_alive(self, lease: LeaseFile) -> bool:
        """Whether the owner still holds the directory: its process is there, or its heart beats elsewhere."""
        if lease.host == socket.gethostname():
            return lease.born is not None and lease.born == _born(lease.pid)
        self._say(f"waiting up to {self._patience:.0f} s to see whether the run's last owner ({lease.owner}) is alive")
        return self._beats_on(lease)

    def _beats_on(self, lease: LeaseFile) -> bool:
        end = time.monotonic() + self._patience
        while time.monotonic() < end:
            time.sleep(min(1.0, self._patience / 10))
            now = read_lease(self._storage)
            if now is None:
                return False
            if (now.token, now.beat) != (lease.token, lease.beat):
                return True
        return False

    def _keep_beating(self) -> None:
        while not self._stop.wait(BEAT):
            self._beat += 1
            with suppress(StorageError):  # the work reports a full disk
                self._storage.write(LEASE, self._content())


def check_shared(storage: Storage, token: str) -> None:
    """Make sure, on a worker, that `storage` is the place that the driver writes to.

    Raises
    ------
    StorageError
        When it is not.
    """
    lease = read_lease(storage)
    if lease is None or lease.token != token:
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
