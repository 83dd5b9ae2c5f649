"""What an executor is: it connects to the machines that train, and runs batches there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from cluster.config import RunConfig
    from cluster.execution.loop import LostBatch, OnReport
    from cluster.execution.remaining import Lane, PerFit
    from cluster.execution.resources import Slots
    from cluster.execution.worker import WorkContext
    from cluster.plan import Batch

__all__ = ["Executor", "Session"]


class Session(Protocol):
    """A connection to the machines that train. `device`: the device of stacked models there. `slots`: its places now,
    for which batches on GPUs are cut.
    """

    device: str
    slots: Slots

    def lanes(self, batches: Sequence[Batch], per_fit: PerFit) -> list[Lane]:
        """In which order, and how many at a time, these batches would be worked on now; see `execution.remaining`."""
        ...

    def run(self, batches: Sequence[Batch], context: WorkContext, on_report: OnReport) -> list[LostBatch]:
        """Run all batches, longest first as given, and report each when it is on disk; gives those given up.

        Raises
        ------
        ConfigError
            When the batches cannot be placed on these machines.
        StorageError
            When a worker could not write.
        """
        ...

    def write_timeline(self, path: Path) -> None:
        """Write what each process did when, as chrome://tracing reads it; called only if `has_timeline`.

        Raises
        ------
        StorageError
            When the file cannot be written.
        """
        ...


@runtime_checkable
class Executor(Protocol):
    """Where batches run.

    `name` is its name on the command line. `in_process`: batches run in this process, which knows models that were
    registered here. `has_timeline`: its sessions can write one. `in_background`: connecting takes seconds, may go on in
    a thread of its own, and leaves nothing when the process ends meanwhile.
    """

    name: str
    in_process: bool
    has_timeline: bool

    def is_local(self) -> bool:
        """Whether this machine alone would train, as far as that is known before anything is connected."""
        ...

    @property
    def in_background(self) -> bool: ...

    def connect(self, config: RunConfig) -> AbstractContextManager[Session]:
        """Start or join what trains, and leave it afterwards.

        Raises
        ------
        ConfigError
            When it is not available, or lacks the device that the configuration names.
        """
        ...
