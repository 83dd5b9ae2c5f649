"""Training: what is stored is reused, what is missing is trained, and every batch that came back is noted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cluster.cutting.batches import cut_batches
from cluster.execution.executors.base import Session
from cluster.execution.loop import LostBatch
from cluster.execution.progress import RunProgress
from cluster.execution.worker import WorkContext
from cluster.plan import Batch, Plan
from cluster.rundir.batch_file import batch_files, batch_id_of
from cluster.rundir.events_file import BatchReport, append_events
from cluster.rundir.machine import MACHINE, Machine
from cluster.rundir.store import RunStore, StoredTrial
from cluster.rundir.timings import read_timings
from cluster.stages.plan_view import without_gpu
from cluster.terminal.words import counted
from forecasting.errors import StorageError
from forecasting.panel import Panel

if TYPE_CHECKING:
    from cluster.terminal.screen import Screen

__all__ = ["train"]

SEEN_LATE = 60
"""Seconds after which network storage lists on this machine what another one has stored."""


def train(
    plan: Plan,
    panel: Panel,
    store: RunStore,
    token: str,
    session: Session,
    err: Screen,
    machine: Machine = MACHINE,
) -> list[LostBatch]:
    """Train the planned trials that are not stored; gives the batches that were given up.

    A stored batch that is damaged is named, and its trials are trained again. Every finished batch is on disk before it
    is counted. Workers tell the driver's storage by the lease's `token`.

    Raises
    ------
    ConfigError, StorageError
        As `Session.run` does.
    """
    for damaged in store.drop_damaged():
        err.say(f"tidecast: {damaged.where} is damaged ({damaged.what}): its trials are trained again")
    stored = store.trials()
    missing = [trial for trial in plan.trials if trial.trial_key not in stored]
    _say_reuse(plan, stored, len(missing), err)
    if not missing:
        return []
    timings = read_timings({trial.file: trial.batch for trial in stored.values()}.values(), plan.members)
    batches = cut_batches(plan, missing, session.slots, timings.gpu)
    if (note := without_gpu(plan, batches, session.slots)) is not None:
        err.say(f"tidecast: {note}")
    n_threads = plan.config.cluster.cpus_per_worker
    models = tuple(sorted({trial.member.model for trial in missing}))
    context = WorkContext(panel, plan.windows, plan.config.seed, store.storage.address, token, n_threads, models)
    lanes = session.lanes(batches, timings.per_fit)
    n_fits, n_places = sum(batch.n_fits for batch in batches), sum(lane.n_places for lane in lanes)
    at_once = counted(min(n_places, len(batches)), "batches")
    err.say(f"tidecast: trains {counted(n_fits, 'fits')} in {counted(len(batches), 'batches')}, {at_once} at a time")
    with RunProgress(_fits_by_family(batches), lanes, err) as progress:
        try:
            lost = session.run(batches, context, progress.add)
        finally:
            append_events(store.storage, progress.reports)
    _wait_until_seen(store, progress.reports, machine)
    return lost


def _wait_until_seen(store: RunStore, reports: Sequence[BatchReport], machine: Machine) -> None:
    """Wait until every batch that workers have stored is listed here."""
    stored = {report.batch_id for report in reports}
    for _ in range(SEEN_LATE):
        if stored <= {batch_id_of(file) for file in batch_files(store.storage)}:
            return
        machine.sleep(1.0)
    raise StorageError(
        f"{store.uri} does not list batches that workers stored there {SEEN_LATE} s ago: check that it is one folder "
        "on all machines and that no other run works there, and run again to continue"
    )


def _fits_by_family(batches: Sequence[Batch]) -> Counter[str]:
    fits: Counter[str] = Counter()
    for batch in batches:
        fits[batch.family] += batch.n_fits
    return fits


def _say_reuse(plan: Plan, stored: Mapping[str, StoredTrial], n_missing: int, err: Screen) -> None:
    if not stored:
        return
    dropped = stored.keys() - {trial.trial_key for trial in plan.trials}
    err.say(
        f"tidecast: continuing: {counted(len(plan.trials) - n_missing, 'trials')} reused, {n_missing} to train, "
        f"{len(dropped)} no longer in the configuration"
    )
