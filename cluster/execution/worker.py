"""What a worker does with a batch: run it, store it, report. The same in a Ray process and in the driver."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from statistics import fmean
from threading import Lock

from cluster.plan import Batch
from cluster.rundir.batch_file import BatchHeader, BatchWork, find_batch, write_batch
from cluster.rundir.events_file import BatchReport
from cluster.rundir.lease import check_held
from cluster.rundir.machine import usable_cores
from cluster.rundir.storage import Storage
from forecasting.backtest import run_trials
from forecasting.models import model_type
from forecasting.models.base import WarmsUp
from forecasting.panel import Panel
from forecasting.trial import TrialFailure, TrialOutcome, TrialResult
from forecasting.windows import WindowPlan

__all__ = ["WorkContext", "limit_threads", "limited_threads", "usable_threads", "warm_up", "work"]


@dataclass(frozen=True)
class WorkContext:
    """What every batch of a run needs; sent to each worker once."""

    panel: Panel
    windows: WindowPlan
    run_seed: int
    store_uri: str = field(repr=False)
    token: str
    n_threads: int
    models: tuple[str, ...] = ()
    """Names of the run's models, for `warm_up`."""


def usable_threads(granted: int) -> int:
    """At most as many threads as this process may use cores: LightGBM crashes when it is asked for very many."""
    return min(granted, usable_cores())


def limit_threads(n_threads: int) -> AbstractContextManager[object]:
    """Keep numerical libraries from using more threads than were granted, from now on.

    One thread per fit gives the same bits everywhere.
    """
    import scipy.linalg  # noqa: F401 - its BLAS must be loaded before it can be limited
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(usable_threads(n_threads))
    return limits


class _Limited:
    """The blocks with limited threads that are at work in this process, whichever of its threads they are in."""

    def __init__(self) -> None:
        self.one, self.blocks, self.limits = Lock(), 0, ExitStack()

    def enter(self, n_threads: int) -> None:
        with self.one:
            if self.blocks == 0:
                self.limits.enter_context(limit_threads(n_threads))
            self.blocks += 1

    def leave(self) -> None:
        with self.one:
            self.blocks -= 1
            if self.blocks == 0:
                self.limits.close()


_LIMITED = _Limited()


@contextmanager
def limited_threads(n_threads: int) -> Iterator[None]:
    """As `limit_threads`, for a block: a notebook gets its own back when the last such block of any thread ends.

    Until then the limit of the first one holds, because it is one of the whole process.
    """
    _LIMITED.enter(n_threads)
    try:
        yield
    finally:
        _LIMITED.leave()


def warm_up(device: str, models: Sequence[str]) -> None:
    """Load what these models and storing need, so that the time is not charged to the first batch.

    What fails here fails again in a batch, where it becomes a row with its reason.
    """
    import holidays.countries  # noqa: F401 - a calendar loads all countries at once
    import pandas  # noqa: F401 - Arrow asks for it
    import safetensors.numpy  # noqa: F401

    for name in models:
        with suppress(Exception, SystemExit):
            model = model_type(name)
            if issubclass(model, WarmsUp):
                model.warm_up(device)


def work(
    batch: Batch, context: WorkContext, device: str, log: str = "the driver's output", waited: float = 0.0
) -> BatchReport:
    """Run a batch on `device` and store it, unless a worker that died has stored it.

    `log` is where this process writes, `waited` the seconds it was idle.

    Raises
    ------
    StorageError
        When the run directory cannot be written, or is another driver's by now.
    MemoryError
        When the batch does not fit.
    """
    started, storage = time.perf_counter(), Storage(context.store_uri)
    if batch.again and (stored := find_batch(storage, batch.batch_id)) is not None:
        return _report(stored)
    outcomes = run_trials(
        batch.trials,
        context.panel,
        context.windows,
        run_seed=context.run_seed,
        device=device,
        n_threads=usable_threads(context.n_threads),
    )
    trained = time.perf_counter()
    epochs, loss = _training(outcomes)
    done = BatchWork(
        batch_id=batch.batch_id,
        family=batch.family,
        model=batch.trials[0].member.model,
        n_trials=len(batch.trials),
        n_fits=batch.n_fits,
        device=device,
        node=f"{socket.gethostname()}:{os.getpid()}",
        log=log,
        train_seconds=round(trained - started, 4),
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        wait_seconds=round(waited, 4),
        epochs=epochs,
        loss=loss,
    )
    check_held(storage, context.token)
    write_batch(storage, done, outcomes)
    written = round(time.perf_counter() - trained, 4)
    return BatchReport(**dict(done), failures=_failures(outcomes), write_seconds=written)


def _report(stored: BatchHeader) -> BatchReport:
    """Of a batch that was stored before."""
    work = {name: getattr(stored, name) for name in BatchWork.model_fields}
    failures = tuple(f"{row.member} on {row.unique_id}: {row.reason}" for row in stored.failures)
    return BatchReport(**work, failures=failures, write_seconds=0.0)


def _failures(outcomes: Sequence[TrialOutcome]) -> tuple[str, ...]:
    failed = [outcome for outcome in outcomes if isinstance(outcome, TrialFailure)]
    return tuple(f"{f.trial.member.name} on {f.trial.unique_id}: {f.reason}" for f in failed)


def _training(outcomes: Sequence[TrialOutcome]) -> tuple[float | None, float | None]:
    """Mean epochs and last losses of the final fits that have them."""
    losses = [
        o.state.meta["train_loss"] for o in outcomes if isinstance(o, TrialResult) and "train_loss" in o.state.meta
    ]
    by_epoch = [loss for loss in losses if loss]
    if not by_epoch:
        return None, None
    return round(fmean(len(loss) for loss in by_epoch), 1), round(fmean(loss[-1] for loss in by_epoch), 4)
