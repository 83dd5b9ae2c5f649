"""The loop that gives batches to the workers of a pool, and decides what happens to a batch that is lost.

The loop talks to a `Pool`: a thin layer over Ray, or a fake one in tests. It decides who works on what, never how.

* Stacked batches go to long-lived workers, one batch in flight each, and only after the worker answered its probe.
* Other batches go out as tasks, no more at a time than there are slots. Where workers and tasks share their CPUs, the
  workers take these batches too, since a process costs seconds to start, and these first, since they compile nothing.
* Longest first. A lost batch is tried again as `retry.decide` says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from cluster.execution.resources import Slots
from cluster.execution.retry import MAX_ATTEMPTS, Decision, Loss, decide
from cluster.plan import Batch
from cluster.rundir.events_file import BatchReport
from cluster.rundir.machine import MACHINE, Machine
from forecasting.errors import ConfigError

__all__ = ["Event", "Handle", "LostBatch", "OnReport", "Pool", "Worker", "queues", "run_batches"]

Handle = Hashable
Worker = Hashable
START_SECONDS = 300.0
"""How long to wait for a place to work before saying that there is none."""
TICK = 1.0
"""Seconds between two looks at the clock."""


@dataclass(frozen=True)
class Event:
    """Something that came back: a worker that is ready (`value` None), a finished batch, or a loss."""

    handle: Handle
    value: BatchReport | Loss | None


@dataclass(frozen=True)
class LostBatch:
    """A batch given up after its retries; the next run tries it again."""

    batch: Batch
    reason: str


OnReport = Callable[[BatchReport], None]


class Pool(Protocol):
    """Where batches run."""

    def slots(self) -> Slots:
        """How many workers and tasks fit now; asked again while running, so that nodes may join and leave."""
        ...

    def start_worker(self) -> tuple[Worker, Handle]:
        """Start a long-lived worker; the handle comes back from `wait` when it is ready."""
        ...

    def submit(self, batch: Batch, worker: Worker | None) -> Handle:
        """Send a batch to a worker, or off as a task when `worker` is None."""
        ...

    def wait(self, handles: Sequence[Handle], timeout: float) -> list[Event]:
        """Whatever came back within the time."""
        ...

    def is_shared(self) -> bool:
        """Whether another run of this process may hold the slots that this one waits for."""
        ...

    def dismiss_worker(self, worker: Worker) -> None:
        """Let an idle worker go."""
        ...

    def stop_worker(self, worker: Worker) -> None:
        """Kill a worker, whatever it is at."""
        ...

    def cancel(self, handle: Handle) -> None: ...


@dataclass
class _Flight:
    batch: Batch
    worker: Worker | None
    started: float


@dataclass
class _Start:
    worker: Worker
    after: int
    """Failed starts known when this one began."""


@dataclass
class _Loop:
    """State of one `run_batches` call."""

    pool: Pool
    on_report: OnReport
    batch_seconds: float
    for_workers: deque[Batch]
    for_tasks: deque[Batch]
    slots: Slots
    machine: Machine
    starting: dict[Handle, _Start] = field(default_factory=dict)
    idle: list[Worker] = field(default_factory=list)
    flights: dict[Handle, _Flight] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    lost: list[LostBatch] = field(default_factory=list)
    failed_starts: int = 0
    busy: float = 0.0
    """When last anything was in flight, or came back."""

    def run(self) -> list[LostBatch]:
        self.busy = slots_read = self.machine.monotonic()
        while self.for_workers or self.for_tasks or self.flights:
            self._assign()
            for event in self._events():
                self._settle(event)
                self.busy = self.machine.monotonic()
            now = self.machine.monotonic()
            if now - slots_read > 2.0:
                self.slots, slots_read = self.pool.slots(), now
            self._expire(now)
        for worker in self.idle:
            self.pool.dismiss_worker(worker)
        for start in self.starting.values():
            self.pool.stop_worker(start.worker)
        return self.lost

    # -- who works

    @property
    def _n_workers(self) -> int:
        return len(self.starting) + len(self.idle) + sum(f.worker is not None for f in self.flights.values())

    @property
    def _n_tasks(self) -> int:
        return sum(f.worker is None for f in self.flights.values())

    def _assign(self) -> None:
        while self.idle and self.for_workers:
            self._fly(self.for_workers.popleft(), self.idle.pop())
        while self.idle:
            self.pool.dismiss_worker(self.idle.pop())
        while self.for_tasks and self._n_tasks < self.slots.tasks:
            self._fly(self.for_tasks.popleft(), None)
        while len(self.for_workers) > len(self.starting) and self._n_workers < self.slots.workers:
            worker, handle = self.pool.start_worker()
            self.starting[handle] = _Start(worker, self.failed_starts)

    def _fly(self, batch: Batch, worker: Worker | None) -> None:
        self.attempts[batch.batch_id] = self.attempts.get(batch.batch_id, 0) + 1
        self.flights[self.pool.submit(batch, worker)] = _Flight(batch, worker, self.machine.monotonic())

    # -- what came back

    def _events(self) -> list[Event]:
        handles = [*self.flights, *self.starting]
        if not handles:  # all machines have left
            self.machine.sleep(TICK)
            return []
        return self.pool.wait(handles, TICK)

    def _settle(self, event: Event) -> None:
        if event.handle in self.starting:
            self._started(self.starting.pop(event.handle), event.value)
            return
        flight = self.flights.pop(event.handle)
        if isinstance(event.value, BatchReport):
            self.on_report(event.value)
            if flight.worker is not None:
                self.idle.append(flight.worker)
            return
        assert isinstance(event.value, Loss)
        if flight.worker is not None:
            if event.value is Loss.OUT_OF_MEMORY:
                self.idle.append(flight.worker)  # the process lives: only the batch was too large
            else:
                self.pool.stop_worker(flight.worker)
        self._retry(flight.batch, flight.worker is not None, event.value)

    def _started(self, start: _Start, value: BatchReport | Loss | None) -> None:
        if value is None:
            self.failed_starts = 0
            self.idle.append(start.worker)
            return
        self.pool.stop_worker(start.worker)  # a worker that cannot be reached may still hold its slot
        if start.after != self.failed_starts:
            return  # a dying node kills every worker that is starting on it: that counts as one failure
        self.failed_starts += 1
        if self.failed_starts >= MAX_ATTEMPTS:
            raise ConfigError(
                f"{MAX_ATTEMPTS} workers in a row died while starting: see Ray's worker logs; {self.slots.explain()}"
            )

    def _retry(self, batch: Batch, on_worker: bool, loss: Loss) -> None:
        attempts = self.attempts[batch.batch_id]
        decision = decide(loss, attempts, len(batch.trials))
        queue = self.for_workers if on_worker else self.for_tasks
        if decision is Decision.REQUEUE:
            queue.appendleft(replace(batch, again=True))
        elif decision is Decision.SPLIT:
            queue.extendleft(reversed(batch.halves()))
        else:
            self.lost.append(LostBatch(batch, f"{loss.value} (attempt {attempts}); run again to retry"))

    def _expire(self, now: float) -> None:
        if self.flights:
            self.busy = now
        for handle, flight in list(self.flights.items()):
            if now - flight.started > self.batch_seconds:
                self.pool.cancel(handle)
                self._settle(Event(handle, Loss.TIMED_OUT))
        if self.pool.is_shared():
            self.busy = now  # the other run may need all there is for hours
        if (self.for_workers or self.for_tasks) and now - self.busy > START_SECONDS:
            raise ConfigError(f"no worker started within {START_SECONDS:.0f} s: {self.slots.explain()}")


def queues(batches: Iterable[Batch], slots: Slots) -> tuple[list[Batch], list[Batch]]:
    """Batches for workers and for tasks, each in the order in which they are handed out."""
    batches = list(batches)
    if slots.shared:
        return sorted(batches, key=lambda batch: batch.stacked), []
    return [batch for batch in batches if batch.stacked], [batch for batch in batches if not batch.stacked]


def run_batches(
    batches: Iterable[Batch],
    pool: Pool,
    on_report: OnReport,
    batch_seconds: float,
    machine: Machine = MACHINE,
) -> list[LostBatch]:
    """Run all batches (longest first, as given) on a pool; returns those that were given up.

    Raises
    ------
    ConfigError
        When the cluster cannot hold even one worker or task, or none starts.
    StorageError
        When a worker could not write.
    """
    slots = pool.slots()
    for_workers, for_tasks = (deque(queue) for queue in queues(batches, slots))
    slots.check(bool(for_workers), bool(for_tasks))
    return _Loop(pool, on_report, batch_seconds, for_workers, for_tasks, slots, machine).run()
