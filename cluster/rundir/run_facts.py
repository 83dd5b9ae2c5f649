"""The life of run.json: a run begins, and ends done or failed. "A finished run" is found here and nowhere else."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cluster.plan import Plan
from cluster.rundir.store import RunStore
from cluster.versions import installed
from ensembles.files.digests import DigestsFile
from ensembles.files.leaderboard_json import LeaderboardFile
from ensembles.files.run_json import DataFacts, Environment, PlannedRow, RunFile
from forecasting.data.quality.finding import Finding
from forecasting.errors import StorageError

__all__ = [
    "LIBRARIES",
    "RunOrigin",
    "begin_run",
    "end_run",
    "find_run",
    "finished_run",
    "is_finished",
    "judged_run",
    "processor",
]

LIBRARIES = ("ray", "torch", "numba", "lightgbm", "statsmodels", "pandas", "numpy", "scipy", "pyarrow", "holidays")
"""Those whose versions are noted."""


@dataclass(frozen=True)
class RunOrigin:
    """Where a run comes from: its configuration's name, the executor, the data and what was found about them.

    `events` are (day, name) known in advance; `planned` the rows of the plan; `groups` and `units` by entity.
    """

    config_name: str
    executor: str
    data: DataFacts
    events: tuple[tuple[str, str], ...]
    quality: Sequence[Finding]
    planned: tuple[PlannedRow, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    units: Mapping[str, str | None] = field(default_factory=dict)


def begin_run(store: RunStore, plan: Plan, origin: RunOrigin, before: RunFile | None) -> None:
    """Write run.json for a run that starts, or continues the run `before`, whose results no longer count."""
    store.storage.discard(DigestsFile.FILE)
    run = RunFile(
        schema_version=RunFile.SCHEMA,
        created=_now() if before is None else before.created,
        status="running",
        config_name=origin.config_name,
        config=plan.config.model_dump(mode="json"),
        data=origin.data,
        planned_fits=plan.fits_by_family,
        events=origin.events,
        planned=origin.planned,
        groups=origin.groups,
        units=origin.units,
        executor=origin.executor,
        device=plan.device,
        environment=_environment(),
        quality=tuple(origin.quality),
    )
    store.write(run)


def end_run(
    store: RunStore,
    status: Literal["done", "failed"],
    *,
    trials: int,
    failed: int,
    reproducible: bool,
    seconds: Mapping[str, float],
) -> None:
    """Complete run.json. `trials` and `failed` count trials; `seconds` by stage."""
    end = {"trials": trials, "failed": failed, "reproducible": reproducible, "seconds": dict(seconds)}
    store.write(store.read(RunFile).model_copy(update={"status": status, "finished": _now(), **end}))


def find_run(store: RunStore) -> RunFile | None:
    """The run that was begun in a directory, or None."""
    return store.read(RunFile) if store.has(RunFile) else None


def is_finished(store: RunStore, run: RunFile) -> bool:
    """Whether a run came to its end: its results are written, and their digests, which are the last."""
    return run.done and store.has_results


def finished_run(store: RunStore) -> RunFile:
    """A run that was done: it has a forecast.

    Raises
    ------
    StorageError
        When the directory holds none.
    """
    run = find_run(store)
    if run is None or not is_finished(store, run):
        raise _unfinished(store)
    return run


def judged_run(store: RunStore) -> RunFile:
    """A run that left a leaderboard: it was done, or too much of it failed.

    Raises
    ------
    StorageError
        When the directory holds none.
    """
    run = find_run(store)
    if run is None or not store.has(LeaderboardFile) or not store.has_results:
        raise _unfinished(store)
    return run


def _unfinished(store: RunStore) -> StorageError:
    return StorageError(f"{store.uri} holds no finished run: run it to its end first")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _environment() -> Environment:
    return Environment(
        tidecast=installed("tidecast"),
        python=platform.python_version(),
        platform=platform.platform(),
        processor=processor(),
        libraries={name: installed(name) for name in LIBRARIES},
    )


def processor() -> str:
    """Model of this machine's processor: forecasts agree to the last bit on one model only."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
