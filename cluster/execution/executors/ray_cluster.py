"""`--executor ray`: many batches at a time on a Ray of our own, or on the cluster of a submitted job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cluster.config import RunConfig
from cluster.execution.loop import LostBatch, OnReport, run_batches
from cluster.execution.resources import choose_device
from cluster.execution.worker import WorkContext
from cluster.plan import Batch
from forecasting.errors import ConfigError

__all__ = ["RAY"]


class _RaySession:
    """Imports `ray_pool` where it is used: listing executors must not load ray."""

    def __init__(self, config: RunConfig, device: str) -> None:
        self.device = device
        self._cluster = config.cluster

    def run(self, batches: Sequence[Batch], context: WorkContext, on_report: OnReport) -> list[LostBatch]:
        from cluster.execution.ray_pool import RayPool

        pool = RayPool(self._cluster, self.device, context)
        return run_batches(batches, pool, on_report, self._cluster.batch_seconds)

    def write_timeline(self, path: Path) -> None:
        from cluster.execution.ray_pool import write_timeline

        write_timeline(path)


class _Ray:
    name = "ray"
    in_process = False
    has_timeline = True

    @contextmanager
    def connect(self, config: RunConfig) -> Iterator[_RaySession]:
        try:
            from cluster.execution import ray_connection, ray_pool
        except ImportError:
            raise ConfigError("ray is not installed: install it, or run with --executor local") from None
        with ray_connection.connected():
            yield _RaySession(config, choose_device(config.cluster, ray_pool.cluster_resources().gpus))


RAY = _Ray()
