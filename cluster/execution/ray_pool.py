"""The pool on Ray: actors are its workers, tasks are tasks; on the connection of `ray_connection`.

Ray facts this rests on: an actor dies with the driver, so continuing comes from storage; a worker without a granted
GPU still sees every GPU, so the device comes from the grant; large objects are put once and passed by reference per
call.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import ray
from ray import exceptions as ray_errors
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from cluster.config import ClusterConfig, RunConfig
from cluster.execution.loop import Event, Handle, Worker
from cluster.execution.ray_connection import is_shared
from cluster.execution.resources import ClusterResources, Node, Slots, slots_for
from cluster.execution.retry import Loss
from cluster.execution.worker import WorkContext, limit_threads, warm_up, work
from cluster.plan import Batch
from cluster.rundir.events_file import BatchReport
from cluster.rundir.lease import check_shared
from cluster.rundir.storage import Storage
from forecasting.errors import ConfigError, TidecastError
from forecasting.models import model_type
from forecasting.models.base import UsesGpu
from forecasting.models.cuda_driver import gpu_memory

__all__ = ["RayPool", "cluster_resources", "stop", "warm_processes", "with_gpu_memory", "write_timeline"]

log = logging.getLogger(__name__)

EVENTS_SECONDS = 1.5
"""Ray's processes report their events once a second."""
MEMORY_SECONDS = 20.0
"""How long the machines may take to say what memory their GPUs have; they take two."""


def cluster_resources() -> ClusterResources:
    """CPUs and GPUs of the connected cluster's machines now."""
    return ClusterResources(tuple(_node(found["Resources"]) for found in _alive()))


def with_gpu_memory(resources: ClusterResources) -> ClusterResources:
    """The same machines, each with the memory of one of its GPUs, which it is asked for; None where none answered."""
    asked = [_MEMORY.options(scheduling_strategy=_on(found["NodeID"])).remote() for found in _alive() if _gpus(found)]
    done, _ = ray.wait(asked, num_returns=len(asked), timeout=MEMORY_SECONDS) if asked else ([], [])
    sizes = [size for handle in done for size in _answer(handle)]
    least = min(sizes, default=None)
    return ClusterResources(tuple(replace(node, gpu_memory=least if node.gpus else None) for node in resources.nodes))


def _alive() -> list[dict[str, Any]]:
    return [found for found in cast(Any, ray).nodes() if found["Alive"]]


def _node(found: Mapping[str, float]) -> Node:
    return Node(int(found.get("CPU", 0)), float(found.get("GPU", 0)))


def _gpus(found: Mapping[str, Any]) -> float:
    return float(found["Resources"].get("GPU", 0))


def _on(node_id: str) -> NodeAffinitySchedulingStrategy:
    return NodeAffinitySchedulingStrategy(node_id, soft=False)


def _answer(handle: Any) -> tuple[int, ...]:
    try:
        sizes: tuple[int, ...] = ray.get(handle)
    except ray_errors.RayError as error:
        log.debug("a node does not say how much memory its GPUs have: %s", error)
        return ()
    return sizes


def write_timeline(path: Path) -> None:
    """Write what every process of the connected Ray did when, as chrome://tracing and Perfetto read it.

    Raises
    ------
    StorageError
        When the file cannot be written.
    """
    time.sleep(EVENTS_SECONDS)
    events = cast(Any, ray).timeline()
    Storage(str(path.parent)).write(path.name, json.dumps(events).encode())


def _granted_device(device: str) -> str:
    """The device of this process: the CPU, or the granted GPU, which Ray shows as the first one."""
    if device == "cpu":
        return "cpu"
    if not ray.get_gpu_ids():
        raise ConfigError(
            "a worker for device cuda was granted no GPU: set cluster.gpus_per_worker above 0, or cluster.device: cpu"
        )
    return "cuda:0"


class _Worker:
    """A long-lived worker: it imports, compiles and opens CUDA once, not for each batch."""

    def __init__(self, device: str, n_threads: int) -> None:
        limit_threads(n_threads)
        self.device = device
        self._idle_since = time.perf_counter()

    def warm(self, models: Sequence[str]) -> None:
        """Load and compile what these models need on the device that was granted."""
        self.device = _granted_device(self.device)
        warm_up(self.device, models)

    def ready(self, store_uri: str, token: str, models: Sequence[str]) -> None:
        """Answers when the worker can take work: it sees the driver's storage, has the device it needs, and is warm."""
        check_shared(Storage(store_uri), token)
        self.warm(models)
        self._idle_since = time.perf_counter()

    def work(self, batch: Batch, context: WorkContext) -> BatchReport:
        report = work(batch, context, self.device, _log(), time.perf_counter() - self._idle_since)
        self._idle_since = time.perf_counter()
        return report


def _run_task(batch: Batch, context: WorkContext) -> BatchReport:
    check_shared(Storage(context.store_uri), context.token)
    limit_threads(context.n_threads)
    return work(batch, context, "cpu", _log())


def _log() -> str:
    """Where this worker's output goes: the node, and the file below its Ray session's folder."""
    context = ray.get_runtime_context()
    return f"node {context.get_node_id()}, logs/worker-{context.get_worker_id()}-*-{os.getpid()}.err"


# Ray's own restarts and retries are off: `execution.loop` decides, and it must see every death.
_ACTOR: Any = ray.remote(max_restarts=0)(_Worker)
_TASK: Any = ray.remote(max_retries=0)(_run_task)
# It needs no free GPU and no free CPU. Its process ends with it, because it has seen every GPU: a worker that Ray made
# of it later would not be confined to the GPU it is granted.
_MEMORY: Any = ray.remote(num_cpus=0, max_calls=1, max_retries=0)(gpu_memory)


_WARM: Any = ray.remote(max_retries=0)(warm_up)


def warm_processes(config: RunConfig, device: str) -> list[Worker]:
    """Start the run's workers, and have them and the processes of tasks load what the models need; gives the workers.

    Nobody waits for it: batches queue behind. Only one worker on CPUs compiles, and the others then find it compiled.
    """
    models = sorted({entry.model for entry in config.members})
    stacked = [name for name in models if issubclass(model_type(name), UsesGpu)]
    plain = [name for name in models if name not in stacked]
    slots = slots_for(config.cluster, cluster_resources(), device)
    workers = []
    for place in range(slots.workers if slots.shared or stacked else 0):
        workers.append(_start(slots, device, config.cluster.cpus_per_worker))
        compiles = place == 0 or device != "cpu"
        cast(Any, workers[-1]).warm.remote([*(stacked if compiles else ()), *(plain if slots.shared else ())])
    for _ in range(0 if slots.shared else slots.tasks):
        _WARM.options(num_cpus=slots.cpus_per_worker).remote("cpu", plain)
    return workers


def stop(workers: Iterable[Worker]) -> None:
    """Stop the workers that no run took: where several runs share the connection, others need their places."""
    for worker in workers:
        ray.kill(cast(Any, worker))


def _start(slots: Slots, device: str, n_threads: int) -> Worker:
    options = _ACTOR.options(num_cpus=slots.cpus_per_worker, num_gpus=slots.gpus_per_worker)
    return cast(Worker, options.remote(device, n_threads))


class RayPool:
    """A `Pool` (see `execution.loop`) on the connected Ray cluster. It takes its first workers from `warm`."""

    def __init__(self, config: ClusterConfig, device: str, context: WorkContext, warm: list[Worker]) -> None:
        self._config = config
        self._device = device
        self._n_threads = context.n_threads
        self._models = context.models
        self._place = (context.store_uri, context.token)
        self._warm = warm
        self._context = ray.put(context)
        self._slots = self.slots()

    def slots(self) -> Slots:
        return slots_for(self._config, cluster_resources(), self._device)

    def start_worker(self) -> tuple[Worker, Handle]:
        if self._warm:
            worker = self._warm.pop(0)
            return worker, cast(Any, worker).ready.remote(*self._place, ())
        worker = _start(self._slots, self._device, self._n_threads)
        return worker, cast(Any, worker).ready.remote(*self._place, self._models)

    def submit(self, batch: Batch, worker: Worker | None) -> Handle:
        if worker is None:
            task = _TASK.options(num_cpus=self._slots.cpus_per_worker)
            return cast(Handle, task.remote(batch, self._context))
        return cast(Handle, cast(Any, worker).work.remote(batch, self._context))

    def wait(self, handles: Sequence[Handle], timeout: float) -> list[Event]:
        if not handles:
            return []
        done, _ = ray.wait(list(handles), num_returns=len(handles), timeout=0)
        if not done:
            done, _ = ray.wait(list(handles), num_returns=1, timeout=timeout)
        return [Event(handle, _outcome(handle)) for handle in done]

    def is_shared(self) -> bool:
        return is_shared()

    def dismiss_worker(self, worker: Worker) -> None:
        cast(Any, worker).__ray_terminate__.remote()  # a kill would cost the timeline the worker's last second

    def stop_worker(self, worker: Worker) -> None:
        ray.kill(cast(Any, worker))

    def cancel(self, handle: Handle) -> None:
        try:
            ray.cancel(handle, force=True)
        except ValueError:  # an actor's call cannot be forced; its worker is stopped by the loop
            log.debug("an actor call is given up with its worker")


def _outcome(handle: Any) -> BatchReport | Loss | None:
    """The value behind a finished reference, or how it was lost.

    Raises the worker's own TidecastError (storage, configuration): trying again would not help.
    """
    try:
        value: BatchReport | None = ray.get(handle)
    except (ray_errors.OutOfMemoryError, MemoryError):
        return Loss.OUT_OF_MEMORY
    except (
        ray_errors.RayActorError,
        ray_errors.WorkerCrashedError,
        ray_errors.NodeDiedError,
        ray_errors.ObjectLostError,
    ) as error:
        log.debug("lost: %s", error)
        return Loss.PROCESS_DIED
    except ray_errors.TaskCancelledError:
        return Loss.TIMED_OUT
    except ray_errors.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, MemoryError):
            return Loss.OUT_OF_MEMORY
        if isinstance(cause, TidecastError):
            raise cause from None
        raise
    return value
