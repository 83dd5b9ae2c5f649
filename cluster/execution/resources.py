"""How many workers fit: arithmetic on what a cluster, or this machine, has and what the configuration asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cluster.config import ClusterConfig, RunConfig
from cluster.rundir.machine import usable_cores
from forecasting.errors import ConfigError
from forecasting.models import model_type
from forecasting.models.base import UsesGpu
from forecasting.models.cuda_driver import gpu_memory

__all__ = [
    "ClusterResources",
    "Node",
    "Slots",
    "choose_device",
    "free_memory",
    "local_resources",
    "one_process",
    "slots_for",
]

CONTEXT = 600 << 20
"""Bytes of a GPU that a process takes before its first tensor: its context and the workspaces of its libraries."""
UNKNOWN_MEMORY = 8 << 30
"""Bytes of a GPU that does not say how many it has."""

_V1 = "/sys/fs/cgroup/memory/memory."
CONTAINERS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (f"{_V1}limit_in_bytes", f"{_V1}usage_in_bytes", f"{_V1}stat"),
)
"""Files that say a container's limit, what it uses, and of what kind that is."""


@dataclass(frozen=True)
class Node:
    """What one machine may be used for; `gpu_memory`: bytes of one of its GPUs, None where unknown."""

    cpus: int
    gpus: float = 0
    gpu_memory: int | None = None

    def workers(self, cpus: int, gpus: float) -> int:
        """Workers with so many CPUs and GPUs that fit."""
        return min(self.cpus // cpus, int(self.gpus / gpus + 1e-9)) if gpus else self.cpus // cpus


@dataclass(frozen=True)
class ClusterResources:
    """The machines whose CPUs and GPUs may be used."""

    nodes: tuple[Node, ...]

    @property
    def cpus(self) -> int:
        return sum(node.cpus for node in self.nodes)

    @property
    def gpus(self) -> float:
        return sum(node.gpus for node in self.nodes)


@dataclass(frozen=True)
class Slots:
    """Places for work: `workers` for stacked batches, `tasks` for the rest.

    `shared`: both would draw on the same CPUs, so that the workers do all of it (and `tasks` equals `workers`).
    """

    workers: int
    tasks: int
    shared: bool
    cpus_per_worker: int
    gpus_per_worker: float
    resources: ClusterResources

    @property
    def n_places(self) -> int:
        """Batches that can run at a time."""
        return self.workers if self.shared else self.workers + self.tasks

    @property
    def gpu_memory(self) -> int | None:
        """Bytes for the batches of one worker: its share of the smallest GPU, less its context. None without GPUs."""
        cpus, gpus = self.cpus_per_worker, self.gpus_per_worker
        if not gpus:
            return None
        sizes = [node.gpu_memory or UNKNOWN_MEMORY for node in self.resources.nodes if node.workers(cpus, gpus)]
        return max(0, int(gpus * min(sizes, default=UNKNOWN_MEMORY)) - CONTEXT)

    def explain(self) -> str:
        """What a worker asks for, against what there is."""
        task = "" if self.shared else f", one task for {self.cpus_per_worker} CPU"
        return (
            f"one {'worker' if self.shared else 'LSTM worker'} asks for {self.cpus_per_worker} CPU and "
            f"{self.gpus_per_worker:g} GPU{task}; the cluster has {self.resources.cpus} CPU and "
            f"{self.resources.gpus:g} GPU"
        )

    def check(self, need_worker: bool, need_task: bool) -> None:
        """Raise ConfigError, with the numbers, when the work can never be placed."""
        if (need_worker and self.workers < 1) or (need_task and self.tasks < 1):
            raise ConfigError(
                f"the work does not fit: {self.explain()}; change cluster.cpus_per_worker or cluster.gpus_per_worker"
            )


def choose_device(config: ClusterConfig, gpus: float) -> str:
    """Device of stacked models in this run.

    Raises
    ------
    ConfigError
        When it is to be cuda, and there is no GPU.
    """
    if config.device == "cuda" and not gpus:
        raise ConfigError("cluster.device is cuda, and no GPU was found: set it to auto, which computes on CPUs then")
    if config.device == "auto":
        return "cuda" if gpus > 0 and config.gpus_per_worker != 0 else "cpu"
    return config.device


def slots_for(config: ClusterConfig, resources: ClusterResources, device: str) -> Slots:
    """Places for work on this cluster. Nobody asks for a share of a GPU where none is used, or there is none."""
    per_worker = config.gpus_per_worker
    gpus = (1.0 if device == "cuda" else 0.0) if per_worker == "auto" else per_worker
    if device == "cpu" and (config.device == "auto" or not resources.gpus):
        gpus = 0.0
    cpus = config.cpus_per_worker
    by_cpu = sum(node.workers(cpus, 0) for node in resources.nodes)
    limit = by_cpu if config.workers == "auto" else min(by_cpu, config.workers)
    if gpus == 0:
        return Slots(limit, limit, True, cpus, gpus, resources)
    workers = min(limit, sum(node.workers(cpus, gpus) for node in resources.nodes))
    # GPU workers leave the other CPUs to tasks; at least one task at a time, else nothing but LSTMs would ever run.
    tasks = max(min(1, by_cpu), by_cpu - workers)
    return Slots(workers, tasks, False, cpus, gpus, resources)


def one_process(config: ClusterConfig, resources: ClusterResources, device: str) -> Slots:
    """The one place of an executor that trains in its own process, which has all of one GPU if it uses one."""
    return Slots(1, 1, True, config.cpus_per_worker, 1.0 if device == "cuda" else 0.0, resources)


def local_resources(config: RunConfig) -> ClusterResources:
    """What this machine has, as far as the members can use it."""
    cpus = usable_cores()
    gpus = 0 if config.cluster.device == "cpu" else _local_gpus(config)
    return ClusterResources((Node(cpus, gpus, min(gpu_memory(), default=None) if gpus else None),))


def free_memory() -> int | None:
    """Bytes that this process may still take: what the machine has available, or its container. None where unknown."""
    found = [free for free in (_available(), _left_in_container()) if free is not None]
    return min(found, default=None)


def _available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):  # no Linux
        return None


def _left_in_container() -> int | None:
    """Of version 2 of control groups, or of version 1; page cache that can be dropped counts as used in neither."""
    for limit, usage, cache in CONTAINERS:
        try:
            most, used = int(Path(limit).read_text()), int(Path(usage).read_text())
            rows = dict(line.split() for line in Path(cache).read_text().splitlines())
        except (OSError, ValueError):  # not there, or no limit ("max")
            continue
        return max(most - used + int(rows.get("inactive_file", 0)), 0)
    return None


def _local_gpus(config: RunConfig) -> int:
    """GPUs that a member could train on. Only a model that uses them is asked, because counting loads a library."""
    models = {model_type(entry.model) for entry in config.members}
    return max((model.gpu_count() for model in models if issubclass(model, UsesGpu)), default=0)
