"""How far a run is, read from its directory alone: any machine that sees the directory can ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster.rundir.lease import LEASE
from cluster.rundir.store import RunStore
from forecasting.errors import StorageError

__all__ = ["FamilyStatus", "RunStatus", "read_status", "seconds_per_fit"]


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
        return sum(family.done for family in self.families.values())

    @property
    def planned(self) -> int:
        return sum(family.planned for family in self.families.values())


def read_status(store: RunStore) -> RunStatus:
    """Status of the run in a directory.

    Raises
    ------
    StorageError
        When there is no run.
    """
    facts = store.run_facts()
    if facts is None:
        raise StorageError(f"{store.uri} holds no run: name the directory of one")
    lease = store.read_json(LEASE) if store.storage.exists(LEASE) else None
    owner = None if lease is None else f"{lease['host']}, process {lease['pid']}"
    done: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])
    nodes: dict[str, int] = defaultdict(int)
    failures = []
    for batch in store.batch_facts():
        row = done[batch["family"]]
        row[0] += batch["n_fits"]
        row[1] += len(batch["failures"])
        row[2] += batch["train_seconds"]
        nodes[batch["node"]] += 1
        failures += [_failure(batch, failed) for failed in batch["failures"]]
    families = {
        name: FamilyStatus(min(int(done[name][0]), planned), planned, int(done[name][1]), done[name][2])
        for name, planned in facts["planned_fits"].items()
    }
    state = "done" if facts["status"] == "done" else "running" if owner else "stopped"
    return RunStatus(state, owner, families, dict(nodes), tuple(failures))


def _failure(batch: Mapping[str, Any], failed: Mapping[str, Any]) -> str:
    """A failed trial, and where to read on."""
    return f"{failed['member']} on {failed['unique_id']}: {failed['reason']} (on {batch['node']}; log {batch['log']})"


def seconds_per_fit(store: RunStore) -> dict[tuple[str, str], float]:
    """Measured seconds of one fit by (model, device), from the batches in a run directory."""
    fits: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for batch in store.batch_facts():
        row = fits[batch["model"], str(batch["device"]).partition(":")[0]]
        row[0] += batch["train_seconds"]
        row[1] += batch["n_fits"]
    return {key: seconds / n for key, (seconds, n) in fits.items() if n}
