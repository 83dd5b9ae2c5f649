"""`--executor ray`: many batches at a time on a Ray of our own, or on the cluster of a submitted job."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cluster.config import RunConfig
from cluster.execution.loop import LostBatch, OnReport, Worker, queues, run_batches
from cluster.execution.remaining import Lane, PerFit, lane_of
from cluster.execution.resources import Slots, choose_device, local_resources, slots_for
from cluster.execution.worker import WorkContext
from cluster.plan import Batch
from forecasting.errors import ConfigError

__all__ = ["RAY"]


class _RaySession:
    """Imports `ray_pool` where it is used: listing executors must not load ray."""

    def __init__(self, config: RunConfig, device: str, slots: Slots, warm: list[Worker]) -> None:
        self.device = device
        self.slots = slots
        self._cluster = config.cluster
        self._warm = warm

    def lanes(self, batches: Sequence[Batch], per_fit: PerFit) -> list[Lane]:
        """That of the workers, and that of the tasks where there are some."""
        slots = self.slots
        for_workers, for_tasks = queues(batches, slots)
        of_workers = lane_of(for_workers, slots.workers, per_fit, with_start=True)
        return [of_workers] if slots.shared else [of_workers, lane_of(for_tasks, slots.tasks, per_fit)]

    def run(self, batches: Sequence[Batch], context: WorkContext, on_report: OnReport) -> list[LostBatch]:
        from cluster.execution.ray_pool import RayPool

        pool = RayPool(self._cluster, self.device, context, self._warm)
        return run_batches(batches, pool, on_report, self._cluster.batch_seconds)

    def write_timeline(self, path: Path) -> None:
        from cluster.execution.ray_pool import write_timeline

        write_timeline(path)


class _Ray:
    name = "ray"
    in_process = False
    has_timeline = True

    def is_local(self) -> bool:
        if "ray" in sys.modules:  # else nothing can be connected, and importing it takes a second
            from cluster.execution.ray_connection import is_theirs

            if is_theirs():
                return False
        return os.environ.get("RAY_ADDRESS", "").strip() in ("", "local")

    @property
    def in_background(self) -> bool:
        """A Ray of our own: a cluster is joined within two seconds, and what tries to join it outlives this process.
        Elsewhere than on Linux Ray's processes do, too.
        """
        return sys.platform == "linux" and os.environ.get("RAY_ADDRESS", "").strip() in ("", "local")

    @contextmanager
    def connect(self, config: RunConfig) -> Iterator[_RaySession]:
        try:
            from cluster.execution import ray_connection, ray_pool
        except ImportError:
            raise ConfigError("ray is not installed: install it, or run with --executor local") from None
        here = local_resources(config) if self.is_local() else None
        with ray_connection.connected():
            found = ray_pool.cluster_resources()
            device = choose_device(config.cluster, min(found.gpus, here.gpus) if here else found.gpus)
            if device == "cuda":
                found = ray_pool.with_gpu_memory(found)
            warm = ray_pool.warm_processes(config, device) if self.in_background else []
            try:
                yield _RaySession(config, device, slots_for(config.cluster, found, device), warm)
            finally:
                ray_pool.stop(warm)


RAY = _Ray()
