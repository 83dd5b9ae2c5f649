"""`--executor local`: one batch after another in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cluster.config import RunConfig
from cluster.execution.loop import LostBatch, OnReport
from cluster.execution.remaining import Lane, PerFit, lane_of
from cluster.execution.resources import Slots, choose_device, local_resources, one_process
from cluster.execution.retry import Decision, Loss, decide
from cluster.execution.worker import WorkContext, limited_threads, work
from cluster.plan import Batch

__all__ = ["LOCAL"]


class _LocalSession:
    def __init__(self, device: str, slots: Slots) -> None:
        self.device = device
        self.slots = slots

    def lanes(self, batches: Sequence[Batch], per_fit: PerFit) -> list[Lane]:
        """One batch at a time, in order."""
        return [lane_of(batches, 1, per_fit)]

    def run(self, batches: Sequence[Batch], context: WorkContext, on_report: OnReport) -> list[LostBatch]:
        """Run in order; a batch that runs out of memory is split, as on a cluster."""
        queue, lost = deque(batches), []
        while queue:
            batch = queue.popleft()
            try:
                on_report(work(batch, context, batch.device))
            except MemoryError:
                if decide(Loss.OUT_OF_MEMORY, 1, len(batch.trials)) is Decision.SPLIT:
                    queue.extendleft(reversed(batch.halves()))
                else:
                    lost.append(LostBatch(batch, Loss.OUT_OF_MEMORY.value))
        return lost

    def write_timeline(self, path: Path) -> None:
        raise NotImplementedError(path)


class _Local:
    name = "local"
    in_process = True
    has_timeline = False
    in_background = False

    def is_local(self) -> bool:
        return True

    @contextmanager
    def connect(self, config: RunConfig) -> Iterator[_LocalSession]:
        with limited_threads(config.cluster.cpus_per_worker):
            resources = local_resources(config)
            device = choose_device(config.cluster, resources.gpus)
            yield _LocalSession(device, one_process(config.cluster, resources, device))


LOCAL = _Local()
