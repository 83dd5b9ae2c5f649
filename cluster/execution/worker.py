"""What a worker does with a batch: run it, store it, report. The same in a Ray process and in the driver."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from statistics import fmean

from cluster.plan import Batch
from cluster.rundir.store import RunStore
from forecasting.panel import Panel
from forecasting.trial import TrialFailure, TrialOutcome, TrialResult, run_trials
from forecasting.windows import WindowPlan

__all__ = ["BatchReport", "WorkContext", "limit_threads", "warm_up", "work"]


@dataclass(frozen=True)
class WorkContext:
    """What every batch of a run needs; sent to each worker once."""

    panel: Panel
    windows: WindowPlan
    run_seed: int
    store_uri: str
    token: str
    n_threads: int


@dataclass(frozen=True)
class BatchReport:
    """A batch that is on disk.

    `wait_seconds`: how long its long-lived worker had been idle. `epochs` and `loss`: means over the final fits of
    trials that train by epochs, the loss that of the last epoch in the model's own unit.
    """

    batch_id: str
    family: str
    model: str
    n_trials: int
    n_fits: int
    failures: tuple[str, ...]
    device: str
    node: str
    log: str
    train_seconds: float
    write_seconds: float
    peak_memory_mb: int
    wait_seconds: float = 0.0
    epochs: float | None = None
    loss: float | None = None


def limit_threads(n_threads: int) -> None:
    """Keep numerical libraries from using more threads than were granted: one thread per fit gives the same bits
    everywhere.
    """
    import scipy.linalg  # noqa: F401 - its BLAS must be loaded before it can be limited
    from threadpoolctl import threadpool_limits

    threadpool_limits(n_threads)


def warm_up(device: str) -> None:
    """Load what training and storing need, so that no batch's time holds it. What fails here is left to the batches,
    where it becomes a row with its reason.
    """
    import holidays.countries  # noqa: F401 - all of them, as soon as a calendar asks for one
    import pandas  # noqa: F401 - Arrow asks for it
    import safetensors.numpy  # noqa: F401

    from forecasting.models.lstm.engine import training as engine

    with suppress(Exception):
        engine.warm_up(device)


def work(
    batch: Batch, context: WorkContext, device: str, log: str = "the driver's output", waited: float = 0.0
) -> BatchReport:
    """Run a batch on `device` and store it; `log` is where this process writes, `waited` the seconds it was idle.

    Raises
    ------
    StorageError
        When the run directory cannot be written.
    MemoryError
        When the batch does not fit.
    """
    started = time.perf_counter()
    outcomes = run_trials(
        batch.trials,
        context.panel,
        context.windows,
        run_seed=context.run_seed,
        device=device,
        n_threads=context.n_threads,
    )
    trained = time.perf_counter()
    failures = tuple(
        f"{o.trial.member.name} on {o.trial.unique_id}: {o.reason}" for o in outcomes if isinstance(o, TrialFailure)
    )
    epochs, loss = _training(outcomes)
    report = BatchReport(
        batch_id=batch.batch_id,
        family=batch.family,
        model=batch.trials[0].member.model,
        n_trials=len(batch.trials),
        n_fits=batch.n_fits,
        failures=failures,
        device=device,
        node=f"{socket.gethostname()}:{os.getpid()}",
        log=log,
        train_seconds=round(trained - started, 4),
        write_seconds=0.0,
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        wait_seconds=round(waited, 4),
        epochs=epochs,
        loss=loss,
    )
    RunStore(context.store_uri).write_batch(batch.batch_id, outcomes, _facts(report))
    return BatchReport(
        **{**asdict(report), "failures": failures, "write_seconds": round(time.perf_counter() - trained, 4)}
    )


def _training(outcomes: Sequence[TrialOutcome]) -> tuple[float | None, float | None]:
    """Mean epochs and last losses of the final fits that have them."""
    losses = [
        o.state.meta["train_loss"] for o in outcomes if isinstance(o, TrialResult) and "train_loss" in o.state.meta
    ]
    courses = [course for course in losses if course]
    if not courses:
        return None, None
    return round(fmean(len(c) for c in courses), 1), round(fmean(c[-1] for c in courses), 4)


def _facts(report: BatchReport) -> dict[str, object]:
    """What of a report is stored in the batch's own file (whose writing is not over yet)."""
    skipped: Sequence[str] = ("write_seconds", "failures")
    return {key: value for key, value in asdict(report).items() if key not in skipped}
