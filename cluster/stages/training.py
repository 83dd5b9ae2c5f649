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
from cluster.rundir.events_file import append_events
from cluster.rundir.store import RunStore, StoredTrial
from cluster.rundir.timings import read_timings
from cluster.stages.plan_view import without_gpu
from cluster.terminal.words import counted
from forecasting.panel import Panel

if TYPE_CHECKING:
    from cluster.terminal.screen import Screen

__all__ = ["train"]


def train(plan: Plan, panel: Panel, store: RunStore, token: str, session: Session, err: Screen) -> list[LostBatch]:
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
    timings = () if plan.device == "cpu" else read_timings(store, plan.members).gpu
    batches = cut_batches(plan, missing, session.slots, timings)
    if (note := without_gpu(plan, batches, session.slots)) is not None:
        err.say(f"tidecast: {note}")
    n_threads = plan.config.cluster.cpus_per_worker
    models = tuple(sorted({trial.member.model for trial in missing}))
    context = WorkContext(panel, plan.windows, plan.config.seed, store.storage.address, token, n_threads, models)
    with RunProgress(_fits_by_family(batches), err) as progress:
        try:
            return session.run(batches, context, progress.add)
        finally:
            append_events(store.storage, progress.reports)


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
