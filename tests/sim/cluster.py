"""The virtual cluster: a `Pool` whose workers are programs, and whose messages take time.

It answers as `cluster.execution.ray_pool.RayPool` does: a worker's own StorageError is raised by `wait`, a death
arrives as a loss, and what was cut off by the network counts as dead although it works on.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from cluster.execution.loop import Event, Handle, LostBatch, OnReport, Worker, run_batches
from cluster.execution.remaining import Lane, PerFit, lane_of
from cluster.execution.resources import ClusterResources, Node, Slots
from cluster.execution.retry import Loss
from cluster.execution.worker import WorkContext, work
from cluster.plan import Batch
from cluster.rundir.events_file import BatchReport
from cluster.rundir.lease import check_shared
from cluster.rundir.storage import Storage
from forecasting.errors import TidecastError
from forecasting.trial import Trial, TrialOutcome
from tests.sim import work as virtual_work
from tests.sim.faults import Faults
from tests.sim.ledger import Flight, Ledger, Life
from tests.sim.world import Host, Program, World

__all__ = ["Grid", "VirtualSession"]

BATCH_SECONDS = 300.0


@dataclass
class Grid:
    """What all drivers of a world share. `gone_until`: no machine is there before."""

    world: World
    ledger: Ledger
    faults: Faults
    hosts: Sequence[Host]
    shape: tuple[int, int, bool]
    gone_until: float = 0.0

    def slots(self) -> Slots:
        workers, tasks, shared = self.shape if self.world.now >= self.gone_until else (0, 0, True)
        return Slots(workers, tasks, shared, 1, 0.0, ClusterResources((Node(workers),)))

    def host(self) -> Host:
        return self.hosts[int(self.world.chance.random() * len(self.hosts))]

    def train(self, trials: Sequence[Trial], windows: Any) -> list[TrialOutcome]:
        """Stands in for `run_trials`: takes time, may run out of memory, gives what the trials come to."""
        assert self.world.current is not None
        flight = self.ledger.at_work[self.world.current.program]
        self.ledger.begins(flight)
        seconds = 0.5 + 3 * self.world.chance.random()
        if self.faults.strikes("slow worker", 0.2):
            seconds += 400 * self.world.chance.random()
        flight.slow = flight.slow or seconds > BATCH_SECONDS / 2
        self.world.say(f"trains {flight.batch.batch_id[:6]} for {seconds:.1f} s")
        self.world.sleep(seconds)
        if self.faults.strikes("out of memory", 0.2):
            raise MemoryError
        return virtual_work.outcomes(trials, windows)


class VirtualSession:
    """A driver's connection to the grid."""

    device = "cpu"

    def __init__(self, grid: Grid, life: Life) -> None:
        self._grid, self._life = grid, life

    @property
    def slots(self) -> Slots:
        return self._grid.slots()

    def lanes(self, batches: Sequence[Batch], per_fit: PerFit) -> list[Lane]:
        return [lane_of(batches, 1, per_fit)]

    def run(self, batches: Sequence[Batch], context: WorkContext, on_report: OnReport) -> list[LostBatch]:
        pool = VirtualPool(self._grid, self._life, context)
        self._life.program.on_death = pool.close

        def counted(report: BatchReport) -> None:
            on_report(report)
            pool.reported(report)

        try:
            lost = run_batches(batches, pool, counted, BATCH_SECONDS, self._life.program.machine)
            self._grid.ledger.returns(self._life, [(each.batch, each.reason) for each in lost])
            return lost
        finally:
            pool.close()

    def write_timeline(self, path: object) -> None:
        raise NotImplementedError(path)


class _Actor:
    """A long-lived worker."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.handle = 0


class VirtualPool:
    """A `Pool` of one driver."""

    def __init__(self, grid: Grid, life: Life, context: WorkContext) -> None:
        self._grid, self._life, self._context = grid, life, context
        self._world, self._ledger, self._faults = grid.world, grid.ledger, grid.faults
        self._handles = itertools.count(1)
        self._inbox: dict[int, BatchReport | Loss | TidecastError | None] = {}
        self._flights: dict[int, Flight] = {}
        self._actors: dict[int, _Actor] = {}
        self._programs: list[Program] = []
        self._waiting: Any = None

    # -- what the loop calls

    def slots(self) -> Slots:
        return self._grid.slots()

    def is_shared(self) -> bool:
        return False

    def start_worker(self) -> tuple[Worker, Handle]:
        actor, handle = _Actor(self._program("worker")), next(self._handles)
        actor.handle = handle
        actor.program.on_death = lambda: self._died(actor)
        if self._faults.strikes("start dies", 0.4):
            self._life.faults["start dies"] += 1
            self._world.at(self._world.now + 0.5, lambda: self._world.kill(actor.program, "while it starts"))
        else:
            self._world.spawn(actor.program, lambda: self._ready(handle), 0.6 + self._world.chance.random())
        return actor, handle

    def submit(self, batch: Batch, worker: Worker | None) -> Handle:
        handle = next(self._handles)
        actor = cast(_Actor, worker) if worker is not None else _Actor(self._program("task"))
        actor.handle = handle
        self._actors[handle] = actor
        flight = Flight(self._life, batch)
        self._flights[handle] = flight
        self._ledger.sent(flight)
        self._ledger.at_work[actor.program] = flight
        self._world.say(f"sends {batch.batch_id[:6]} ({len(batch.trials)} trials) to {actor.program.name}")
        if worker is None:
            actor.program.on_death = lambda: self._died(actor)
        if actor.program.alive:
            self._world.spawn(actor.program, lambda: self._work(handle, batch, worker is None), 0.01)
            self._disturb(actor, handle)
        else:
            self._post(handle, Loss.PROCESS_DIED, 1.0)
        return handle

    def wait(self, handles: Sequence[Handle], timeout: float) -> list[Event]:
        world, machine = self._world, self._life.program.machine
        if not handles:
            return []
        wanted = cast("list[int]", handles)
        if not any(handle in self._inbox for handle in wanted):
            self._waiting = world.current
            machine.sleep(timeout)
            self._waiting = None
        found = [handle for handle in wanted if handle in self._inbox]
        return [Event(handle, self._outcome(handle)) for handle in found]

    def dismiss_worker(self, worker: Worker) -> None:
        self._end(cast(_Actor, worker), "dismissed")

    def stop_worker(self, worker: Worker) -> None:
        self._end(cast(_Actor, worker), "stopped")

    def cancel(self, handle: Handle) -> None:
        number = cast(int, handle)
        self._ledger.ends(self._flights[number], "lost")
        self._end(self._actors[number], "cancelled")

    # -- what the session calls

    def reported(self, report: BatchReport) -> None:
        """The driver has counted a batch."""
        for flight in self._flights.values():
            if flight.batch.batch_id == report.batch_id and flight.end == "delivered":
                self._ledger.ends(flight, "reported")

    def close(self) -> None:
        """The driver has left: what flies is lost, and workers follow it soon."""
        for flight in self._flights.values():
            self._ledger.ends(flight, "lost")
        for program in self._programs:
            if program.alive and not program.out_of_reach and not all(task.over for task in program.tasks):
                when = self._world.now + 5 * self._world.chance.random()
                self._world.at(when, lambda program=program: self._world.kill(program, "its driver has left"))

    # -- inside

    def _program(self, kind: str) -> Program:
        program = Program(self._world, f"{kind} {len(self._programs) + 1}", self._grid.host())
        self._programs.append(program)
        self._ledger.of_program[program] = self._life
        return program

    def _disturb(self, actor: _Actor, handle: int) -> None:
        world = self._world
        if self._faults.strikes("worker dies", 0.3):
            if world.chance.random() < 0.5:
                actor.program.calls_left = int(world.chance.random() * 14)
            else:
                when = world.now + 4 * world.chance.random()
                world.at(when, lambda: self._at_work(handle) and world.kill(actor.program, "by chance"))
        elif self._faults.strikes("cut off", 0.2):
            world.at(world.now + 4 * world.chance.random(), lambda: self._cut_off(actor, handle))

    def _at_work(self, handle: int) -> bool:
        return self._flights[handle].end is None

    def _cut_off(self, actor: _Actor, handle: int) -> None:
        if actor.program.alive and self._at_work(handle) and handle not in self._inbox:
            self._world.say(f"{actor.program.name} is cut off, and works on")
            actor.program.out_of_reach = True
            self._post(handle, Loss.PROCESS_DIED, 0.0)

    def _end(self, actor: _Actor, why: str) -> None:
        actor.program.on_death = lambda: None
        if not actor.program.out_of_reach:
            self._world.kill(actor.program, why)

    def _died(self, actor: _Actor) -> None:
        self._post(actor.handle, Loss.PROCESS_DIED, 2 * self._world.chance.random())

    def _ready(self, handle: int) -> None:
        self._answer(handle, lambda: self._look(None))

    def _look(self, value: BatchReport | None) -> BatchReport | None:
        storage = Storage(self._context.store_uri)
        assert self._world.current is not None
        check_shared(storage, self._context.token, self._world.current.program.machine)
        return value

    def _work(self, handle: int, batch: Batch, looks: bool) -> None:
        def act() -> BatchReport:
            if looks:
                self._look(None)
            return work(batch, self._context, batch.device)

        self._answer(handle, act)

    def _answer(self, handle: int, act: Any) -> None:
        try:
            value = act()
        except MemoryError:
            value = Loss.OUT_OF_MEMORY
        except TidecastError as error:
            value = error
        self._post(handle, value, 0.2 * self._world.chance.random())

    def _post(self, handle: int, value: BatchReport | Loss | TidecastError | None, after: float) -> None:
        def arrive() -> None:
            if handle not in self._inbox:
                self._inbox[handle] = value
                if self._waiting is not None:
                    self._world.wake(self._waiting)

        self._world.at(self._world.now + after, arrive)

    def _outcome(self, handle: int) -> BatchReport | Loss | None:
        value = self._inbox[handle]
        flight = self._flights.get(handle)
        if flight is not None:
            if isinstance(value, BatchReport):
                flight.end = flight.end or "delivered"
            else:
                self._ledger.ends(flight, "lost")
        if isinstance(value, TidecastError):
            raise value
        self._world.say(f"hears of {handle}: {value.batch_id[:6] if isinstance(value, BatchReport) else value}")
        return value
