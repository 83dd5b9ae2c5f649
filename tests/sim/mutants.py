"""Faults of our own making, planted at the seams: the simulation must find each of them.

A mutant is a name and what it puts in place of what: functions and methods of storage, lease, loop, retry and store,
and calls of the virtual disk. Some are the code as it was before the simulation found its fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cluster.execution.loop import run_batches
from cluster.execution.retry import decide
from cluster.rundir import storage
from cluster.rundir.batch_file import write_batch
from cluster.rundir.lease import LEASE, PATIENCE, Lease, LeaseFile, read_lease
from cluster.rundir.storage import UNFINISHED, Storage
from cluster.rundir.store import RunStore, StoredTrial
from forecasting.digests import unseal
from forecasting.errors import StorageError
from tests.cluster.batches import report_of
from tests.sim.simulate import Simulation

__all__ = ["MUTANTS", "planted"]


# -- storage


def _named_too_early(path: Path, data: bytes) -> bool:
    disk, temporary = storage.DISK, path.with_name(f"{UNFINISHED}early.{id(data)}")
    disk.make_folder(path.parent)
    disk.make_new(temporary)
    disk.rename(temporary, path)
    disk.write(path, data)
    disk.sync(path)
    disk.sync_folder(path.parent)
    return True


def _not_exclusive(source: Path, target: Path) -> bool:
    storage.DISK.rename(source, target)
    return True


_write_local = storage._write_local


def _full_disk_unnoticed(path: Path, data: bytes) -> bool:
    with suppress(OSError):
        return _write_local(path, data)
    return True


class _Same:
    hex = "0" * 32


_enter = Lease.__enter__


def _sweeps_first(self: Lease) -> Lease:
    self._storage.sweep("")
    self._storage.sweep("batches")
    return _enter(self)


# -- lease


_keep = Lease._keep


def _same_beat(self: Lease) -> None:
    _keep(self)
    self._beat = 0


def _overwrites(self: Lease) -> None:
    self._beat += 1
    with suppress(StorageError):
        self._storage.write(LEASE, self._content())


def _by_the_clock(self: Lease, found: bytes, name: str) -> bool:
    end = self._machine.monotonic() + self._patience
    while self._machine.monotonic() < end:
        self._machine.sleep(1.0)
        now = self._look(name)
        if now != found:
            return now is not None
    return False


def _clock_in_beat(self: Lease) -> None:
    now = read_lease(self._storage)
    if now is not None and now.token == self.token:
        self._beat = int(self._machine.monotonic())
        with suppress(StorageError):
            self._storage.write(LEASE, self._content())


def _by_the_others_clock(self: Lease, found: bytes, name: str) -> bool:
    return self._machine.monotonic() - LeaseFile.model_validate_json(unseal(found, LEASE) or b"").beat < PATIENCE


def _without_claim(self: Lease, name: str) -> None:
    found = self._look(name)
    if found is not None and self._is_alive(found, name):
        raise StorageError(f"{self._storage.uri} is in use by another run")
    self._storage.discard(name)


# -- loop and retry


def _death_is_the_end(self: Any, batch: Any, on_worker: bool, loss: Any) -> None:
    del on_worker, loss
    self.on_report(report_of(batch.batch_id, family=batch.family))


def _first_report_dropped(batches: Any, pool: Any, on_report: Any, seconds: float, machine: Any) -> Any:
    reports: list[Any] = []

    def all_but_the_first(report: Any) -> None:
        reports.append(report)
        if len(reports) > 1:
            on_report(report)

    return run_batches(batches, pool, all_but_the_first, seconds, machine)


# -- batches and store


def _stored_later(storage_: Storage, work: Any, outcomes: Any) -> None:
    world = Simulation.current.world
    assert world.current is not None
    world.spawn(world.current.program, lambda: write_batch(storage_, work, outcomes), 1.0)


class _Reversed:
    """Keeps writes back, to do the last one first."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, bytes]] = []

    def write(self, name: str, data: bytes) -> None:
        self.writes.append((name, data))


def _forecasts_first(storage_: Storage, work: Any, outcomes: Any) -> None:
    kept = _Reversed()
    write_batch(kept, work, outcomes)  # type: ignore[arg-type]
    for name, data in reversed(kept.writes):
        storage_.write(name, data)


def _last_name(self: RunStore) -> dict[str, StoredTrial]:
    return {
        row.trial_key: StoredTrial(row, header, file)
        for file, header in self.headers().items()
        for row in (*header.trials, *header.failures)
    }


_LOOP = "cluster.execution.loop._Loop"
_LEASE = "cluster.rundir.lease.Lease"
_DISK = "tests.sim.disk.VirtualDisk"
_STORAGE = "cluster.rundir.storage"

MUTANTS: Mapping[str, Mapping[str, Any]] = {
    "a file gets its name before its data are complete": {f"{_STORAGE}._write_local": _named_too_early},
    "data are not synced": {f"{_DISK}.sync": lambda self, path: None},
    "names are not synced": {f"{_DISK}.sync_folder": lambda self, folder: None},
    "create() is not exclusive": {f"{_STORAGE}._link": _not_exclusive},
    "a full disk is not noticed": {f"{_STORAGE}._write_local": _full_disk_unnoticed},
    "temporary names are shared": {f"{_STORAGE}.uuid.uuid4": _Same},
    "a sweep takes a live writer's file": {
        f"{_LEASE}.__enter__": _sweeps_first,
        f"{_STORAGE}._write_local": storage._write_local.__wrapped__,  # type: ignore[attr-defined]
    },
    "workers do not look at the lease": {"cluster.execution.worker.check_held": lambda storage, token: None},
    "a driver does not look at the lease before it changes the directory": {
        "cluster.rundir.store.RunStore.held_by": lambda self, check: nullcontext()
    },
    "a heartbeat changes nothing": {f"{_LEASE}._keep": _same_beat},
    "a heartbeat overwrites another's lease": {f"{_LEASE}._keep": _overwrites},
    "patience is read off a clock": {f"{_LEASE}._beats_on": _by_the_clock},
    "another host's clock is believed": {
        f"{_LEASE}._keep": _clock_in_beat,
        f"{_LEASE}._beats_on": _by_the_others_clock,
    },
    "a dead lease is removed without a claim": {f"{_LEASE}._displace": _without_claim},
    "an owner elsewhere counts as dead": {f"{_LEASE}._beats_on": lambda self, found, name: False},
    "an owner counts as alive": {f"{_LEASE}._is_alive": lambda self, found, name: True},
    "attempts are not counted": {"cluster.execution.loop.decide": lambda loss, attempts, n: decide(loss, 1, n)},
    "a death counts as finished": {f"{_LOOP}._retry": _death_is_the_end},
    "a lost batch is not queued again": {f"{_LOOP}._retry": lambda self, batch, on_worker, loss: None},
    "half of a split batch is forgotten": {
        "cluster.plan.Batch.halves": lambda self: (self._part(self.trials[: len(self.trials) // 2]),)
    },
    "the first finished batch is dropped": {"tests.sim.cluster.run_batches": _first_report_dropped},
    "a batch is reported before it is on disk": {"cluster.execution.worker.write_batch": _stored_later},
    "forecasts are stored before states": {"cluster.execution.worker.write_batch": _forecasts_first},
    "of two files with one trial the last counts": {"cluster.rundir.store.RunStore.trials": _last_name},
    "digests are not checked": {"cluster.rundir.batch_file._read": lambda storage, name: storage.read(name)},
    "an old listing is believed": {"cluster.stages.training._wait_until_seen": lambda store, reports, machine: None},
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The program with this mutant in it."""
    with ExitStack() as stack:
        for target, substitute in MUTANTS[name].items():
            stack.enter_context(patch(target, substitute))
        yield
