"""One driver per run directory: a lease file with its owner and a heartbeat.

A second driver is refused while the first lives. On one machine a dead owner is seen by its process and replaced at
once. An owner on another machine counts as dead when its heartbeat has not changed for `PATIENCE` seconds of looking.
Clocks are not compared: the heartbeat is a number that grows, and a clock that jumps ends one sleep at most.
Creation is exclusive on local file systems and NFS; on object stores, which cannot create exclusively everywhere, it is
best effort.

What this promises: two drivers hold a directory at the same time only if the heart of the first stood still for about
`PATIENCE` - `BEAT` seconds although it lives (its process was stopped, or its storage did not answer or was full). It
sees that it lost the lease at its next heartbeat. Its workers read the lease before they store a batch, and store
nothing more. What both may have stored are whole batches with the same bytes.

A worker that finds no lease when it begins does not see the owner's storage.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from pydantic import Field, ValidationError

from cluster.rundir.machine import MACHINE, Machine
from cluster.rundir.storage import UNFINISHED, Storage
from ensembles.files.stored import Stored
from forecasting.digests import seal, unseal
from forecasting.errors import StorageError
from forecasting.seeding import content_hash

__all__ = ["LEASE", "Lease", "LeaseFile", "check_held", "check_shared", "read_lease"]

LEASE = "lease.json"
BEAT = 5.0
"""Seconds between heartbeats."""
PATIENCE = 30.0
"""Seconds without a heartbeat after which an owner on another machine counts as dead."""
LOOKS = 30
"""How often the heartbeat is read in that time."""
MOST_UNSEEN = 2
"""Heartbeats in a row at which there is no lease to be read, after which it is lost: one may be too early, because
network storage shows a new file late."""
LATE_LOOKS = 10
"""How often, once a second, a worker looks for the lease: network storage shows a new file late."""


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


class Lease:
    """Context manager that holds a run directory.

    The lease is given back even where an interruption comes just before or amid `__exit__`: then when the process ends.

    Raises
    ------
    StorageError
        On entering, when another driver holds the directory, or something else stands in the lease's place.
    """

    def __init__(
        self, storage: Storage, say: Callable[[str], None], patience: float = PATIENCE, machine: Machine = MACHINE
    ) -> None:
        self.token = uuid.uuid4().hex
        self._storage = storage
        self._say = say
        self._patience = patience
        self._machine = machine
        self._beat = 0
        self._unseen = 0
        self._lost = False
        self._stop_beating: Callable[[], None] = lambda: None
        self._forget: Callable[[], None] = lambda: None

    def __enter__(self) -> Lease:
        self._forget = self._machine.at_exit(self._give_back)
        try:
            self._acquire(LEASE)
            self._unseen = 0
            self._keep()  # it may have stood still since, and be displaced already
            self._must_hold()
        except StorageError:
            self._forget()
            self._storage.drop_if_empty()
            raise
        self._stop_beating = self._machine.every(BEAT, self._keep)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._give_back()
        finally:
            self._forget()

    def _give_back(self) -> None:
        """Delete the lease if it is ours; may be called again."""
        self._stop_beating()
        with suppress(StorageError):  # the run's own outcome matters more: the next run sees that the lease is stale
            lease = read_lease(self._storage)
            if lease is not None and lease.token == self.token:
                self._storage.delete(LEASE)
                self._storage.drop_if_empty()

    def check(self) -> None:
        """Look whether the directory is still this driver's.

        Raises
        ------
        StorageError
            When another driver took it over, because this one did not answer.
        """
        self._must_hold()
        check_held(self._storage, self.token)

    def _must_hold(self) -> None:
        if self._lost:
            raise _lost(self._storage)

    def _content(self) -> bytes:
        machine = self._machine
        born = machine.born(machine.pid)
        lease = LeaseFile(host=machine.name, pid=machine.pid, born=born, token=self.token, beat=self._beat)
        return seal(lease.model_dump_json().encode() + b"\n", LEASE)

    def _acquire(self, name: str) -> None:
        while not self._storage.create(name, self._content()):
            self._displace(name)

    def _displace(self, name: str) -> None:
        """Remove a dead owner's file, or refuse.

        Several drivers may find the same owner dead. Only the one that holds the claim named after that owner's file
        removes it, and only if it is still the same. So none removes the file of a driver that was faster, and a driver
        that dies in between is displaced in the same way.
        """
        found = self._look(name)
        if found is None:
            return
        if self._is_alive(found, name):
            raise StorageError(
                f"{self._storage.uri} is in use by another run ({_owner(self._look(name) or found)}): "
                "wait for it, or choose another --run-dir"
            )
        claim = f"{UNFINISHED}lease.{content_hash(found.hex())}"
        self._acquire(claim)
        try:
            if self._look(name) == found:
                if name == LEASE:
                    self._say(f"taking over from a run that died ({_owner(found)})")
                self._storage.discard(name)
        finally:
            self._storage.discard(claim)

    def _look(self, name: str) -> bytes | None:
        """The file; None, after a while, when it is gone or, on network storage, not seen yet."""
        try:
            found = self._storage.read(name)
        except StorageError:
            self._unseen += 1
            if self._unseen > LOOKS:  # a folder or a link, which is no file and never goes
                what = "is in the way and no file: remove it"
                raise StorageError(f"{self._storage.uri}/{name} {what}") from None
            self._machine.sleep(self._patience / LOOKS)
            return None
        self._unseen = 0
        return found

    def _is_alive(self, found: bytes, name: str) -> bool:
        """Whether the owner still holds the directory: its process is there, or its heart beats elsewhere."""
        lease = _parsed(found)
        if lease is not None and lease.host == self._machine.name:
            return lease.born is not None and lease.born == self._machine.born(lease.pid)
        self._say(
            f"waiting up to {self._patience:.0f} s to see whether the run's last owner ({_owner(found)}) is alive"
        )
        return self._beats_on(found, name)

    def _beats_on(self, found: bytes, name: str) -> bool:
        """Whether the file changes while it is looked at `LOOKS` times; a file that is gone has no owner."""
        for _ in range(LOOKS):
            self._machine.sleep(self._patience / LOOKS)
            now = self._look(name)
            if now != found:
                return now is not None
        return False

    def _keep(self) -> None:
        """One heartbeat, if the lease is still this driver's. A lease that stays away was another's in between."""
        with suppress(StorageError):  # the work reports a full disk
            now = read_lease(self._storage)
            if now is None:
                self._storage.exists(LEASE)  # raises where storage does not answer, which says nothing of the lease
                self._unseen += 1
                self._lost = self._lost or self._unseen == MOST_UNSEEN
                return
            self._unseen = 0
            self._lost = self._lost or now.token != self.token
            if not self._lost:
                self._beat += 1
                self._storage.write(LEASE, self._content())


def read_lease(storage: Storage) -> LeaseFile | None:
    """The lease on a run directory; None when there is none that can be read, or what is there is none."""
    try:
        return _parsed(storage.read(LEASE))
    except StorageError:
        return None


def _parsed(data: bytes) -> LeaseFile | None:
    try:
        return LeaseFile.model_validate_json(unseal(data, LEASE) or b"")
    except ValidationError:
        return None


def _owner(data: bytes) -> str:
    lease = _parsed(data)
    return lease.owner if lease is not None else f"{LEASE} is damaged"


def check_shared(storage: Storage, token: str, machine: Machine = MACHINE) -> None:
    """Make sure, on a worker that begins, that `storage` is the place its driver writes to.

    Raises
    ------
    StorageError
        When it is not.
    """
    for _ in range(LATE_LOOKS):
        if read_lease(storage) is not None:
            return check_held(storage, token)
        machine.sleep(1.0)
    raise StorageError(
        f"{storage.uri} is not shared: the worker on {machine.name} does not see the driver's files there; "
        "give --run-dir a folder on shared storage, or an s3 or gs URI"
    )


def check_held(storage: Storage, token: str) -> None:
    """Make sure, on a worker that is about to store a batch, that its driver still holds the directory.

    Raises
    ------
    StorageError
        When it does not.
    """
    lease = read_lease(storage)
    if lease is None or lease.token != token:
        raise _lost(storage)


def _lost(storage: Storage) -> StorageError:
    return StorageError(
        f"{storage.uri} is no longer this run's: another run took it over while this one did not answer, or {LEASE} "
        "was deleted; run again to continue"
    )
