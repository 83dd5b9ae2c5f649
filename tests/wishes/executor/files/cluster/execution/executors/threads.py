"""`--executor threads`: a few batches at a time in threads of this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread

from cluster.config import RunConfig
from cluster.execution.loop import LostBatch, OnReport
from cluster.execution.remaining import Lane, PerFit, lane_of
from cluster.execution.resources import ClusterResources, Node, Slots
from cluster.execution.worker import WorkContext, limit_threads, work
from cluster.plan import Batch
from cluster.rundir.events_file import BatchReport

__all__ = ["THREADS"]

N_THREADS = 2


class _ThreadSession:
    device = "cpu"
    slots = Slots(N_THREADS, N_THREADS, True, 1, 0.0, ClusterResources((Node(N_THREADS),)))

    def lanes(self, batches: Sequence[Batch], per_fit: PerFit) -> list[Lane]:
        return [lane_of(batches, N_THREADS, per_fit)]

    def run(self, batches: Sequence[Batch], context: WorkContext, on_report: OnReport) -> list[LostBatch]:
        """Run all; one that runs out of memory is given up."""

        def in_thread(batch: Batch) -> BatchReport:
            return work(batch, context, batch.device, log=current_thread().name)

        lost = []
        with ThreadPoolExecutor(N_THREADS, thread_name_prefix="trainer") as pool:
            running = {pool.submit(in_thread, batch): batch for batch in batches}
            for future in as_completed(running):
                try:
                    on_report(future.result())
                except MemoryError:
                    lost.append(LostBatch(running[future], "out of memory"))
        return lost

    def write_timeline(self, path: Path) -> None:
        raise NotImplementedError(path)


class _Threads:
    name = "threads"
    in_process = True
    has_timeline = False
    in_background = False

    def is_local(self) -> bool:
        return True

    @contextmanager
    def connect(self, config: RunConfig) -> Iterator[_ThreadSession]:
        limit_threads(config.cluster.cpus_per_worker)
        yield _ThreadSession()


THREADS = _Threads()
