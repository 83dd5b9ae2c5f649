"""How far a run is, read from its directory alone: any machine that sees the directory can ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.rundir.batch_file import BatchHeader, TrialRow
from cluster.rundir.lease import read_lease
from cluster.rundir.run_facts import find_run, is_finished
from cluster.rundir.store import RunStore
from forecasting.errors import StorageError

__all__ = ["FamilyStatus", "RunStatus", "read_status"]


@dataclass(frozen=True)
class FamilyStatus:
    """Fits done of those planned, failed trials, and seconds of training."""

    done: int
    planned: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class RunStatus:
    """State of a run: `state` is running, stopped (work left, nobody at it) or done; `nodes` batches by process."""

    state: str
    owner: str | None
    families: Mapping[str, FamilyStatus]
    nodes: Mapping[str, int]
    failures: tuple[str, ...]

    @property
    def done(self) -> int:
        """Fits that are stored."""
        return sum(family.done for family in self.families.values())

    @property
    def planned(self) -> int:
        """Fits the run asks for."""
        return sum(family.planned for family in self.families.values())


def read_status(store: RunStore) -> RunStatus:
    """Status of the run in a directory.

    Raises
    ------
    StorageError
        When there is no run.
    """
    run = find_run(store)
    if run is None:
        raise StorageError(f"{store.uri} holds no run: name the directory of one")
    lease = read_lease(store.storage)
    owner = None if lease is None else lease.owner
    batches = tuple(store.headers().values())
    families = {
        name: _family([batch for batch in batches if batch.family == name], planned)
        for name, planned in run.planned_fits.items()
    }
    return RunStatus(
        state="done" if is_finished(store, run) else "running" if owner else "stopped",
        owner=owner,
        families=families,
        nodes=dict(Counter(batch.node for batch in batches)),
        failures=tuple(_failure(batch, row) for batch in batches for row in batch.failures),
    )


def _family(batches: Sequence[BatchHeader], planned: int) -> FamilyStatus:
    done = sum(batch.n_fits for batch in batches)
    failed = sum(len(batch.failures) for batch in batches)
    return FamilyStatus(min(done, planned), planned, failed, sum((b.train_seconds for b in batches), 0.0))


def _failure(batch: BatchHeader, row: TrialRow) -> str:
    """A failed trial, and where to read on."""
    return f"{row.member} on {row.unique_id}: {row.reason} (on {batch.node}; log {batch.log})"
