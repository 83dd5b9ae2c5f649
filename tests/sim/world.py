"""The virtual world: one clock, programs on hosts, and who runs when. One seed decides everything.

A program is an operating system's process: it has a host, a pid and tasks, which are its flows of control. Tasks run
the real code, so each has a thread, but only one runs at a time: it hands on when it sleeps, waits or ends. Time stands
still while a task computes and jumps to the next moment at which something happens.

A dead program's tasks raise `Killed` wherever they next touch the world: handlers and `finally` blocks of the real code
then reach nothing, as after SIGKILL.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from cluster.rundir.machine import Machine

MOST_STEPS = 40_000
"""Calls to the world after which a seed counts as one that never ends."""
LONGEST = 50_000.0
"""Seconds of virtual time after which it does."""


class Killed(BaseException):
    """The program is dead."""


class Endless(BaseException):
    """The world came to no end."""


@dataclass
class Host:
    """A machine: `rate` seconds of its clock pass in a second, `jumped` is what its clock was moved by."""

    name: str
    rate: float = 1.0
    jumped: float = 0.0
    pids: itertools.count[int] = field(default_factory=lambda: itertools.count(7))
    born: dict[int, float] = field(default_factory=dict)


class Program:
    """An operating system's process.

    `on_death` is called once when it dies. It dies before its call to the disk after `calls_left` more. `out_of_reach`:
    the network does not lead to it.
    """

    def __init__(self, world: World, name: str, host: Host) -> None:
        self.world, self.name, self.host = world, name, host
        self.pid = next(host.pids)
        self.alive, self.died = True, float("inf")
        self.stopped_until = 0.0
        self.calls_left: int | None = None
        self.out_of_reach = False
        self.tasks: list[Task] = []
        self.on_death: Callable[[], None] = lambda: None
        self.machine = VirtualMachine(self)
        host.born[self.pid] = world.now


class Task:
    """A flow of control of a program."""

    def __init__(self, program: Program, act: Callable[[], None]) -> None:
        self.program, self.act = program, act
        self.turn = threading.Lock()
        self.turn.acquire()
        self.started = self.over = False
        self.ticket = 0
        """Grows with each wait, so that a wake-up that came too late is known."""


class _Runner:
    """A thread that runs tasks one after another, in one world after another."""

    free: list[_Runner] = []  # noqa: RUF012 - threads are dear to start

    def __init__(self) -> None:
        self.task: Task | None = None
        self.go = threading.Lock()
        self.go.acquire()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            self.go.acquire()
            task = self.task
            assert task is not None
            world = task.program.world
            try:
                if task.program.alive:
                    task.act()
            except Killed:
                pass
            except BaseException as error:
                world.error = world.error or error
            task.over = True
            _Runner.free.append(self)
            world.hand_on()


class World:
    """Who runs when. `log` collects what happened when `tracing`; `on_step` is asked before each call of a task."""

    def __init__(self, seed: int, tracing: bool = False) -> None:
        self.chance = random.Random(seed)
        self.now = 0.0
        self.steps = 0
        self.current: Task | None = None
        self.error: BaseException | None = None
        self.tracing, self.log = tracing, list[str]()
        self._queue: list[tuple[float, float, int, Callable[[], None] | None, Task | None, int]] = []
        self._count = itertools.count()
        self._main = threading.Lock()
        self._main.acquire()

    def say(self, text: str) -> None:
        """Add a line to the trace."""
        if self.tracing:
            who = self.current.program.name if self.current is not None else "world"
            self.log.append(f"{self.now:10.3f}  {who:<12} {text}")

    # -- programs

    def spawn(self, program: Program, act: Callable[[], None], after: float = 0.0) -> Task:
        """Start a task."""
        task = Task(program, act)
        program.tasks.append(task)
        self._push(self.now + after, None, task)
        return task

    def kill(self, program: Program, why: str) -> None:
        """SIGKILL."""
        if program.alive:
            self.say(f"{program.name} (pid {program.pid} on {program.host.name}) dies: {why}")
            self.end(program)
            program.on_death()

    def end(self, program: Program) -> None:
        """The program is no longer there."""
        program.alive, program.died = False, self.now
        program.host.born.pop(program.pid, None)
        for task in program.tasks:
            self.wake(task)

    def stop(self, program: Program, seconds: float) -> None:
        """SIGSTOP, and SIGCONT later."""
        self.say(f"{program.name} is stopped for {seconds:.1f} s")
        program.stopped_until = max(program.stopped_until, self.now + seconds)

    def jump(self, host: Host, seconds: float) -> None:
        """Move a host's clock: whoever sleeps there wakes when the clock went forward."""
        self.say(f"the clock of {host.name} jumps by {seconds:.1f} s")
        host.jumped += seconds
        if seconds < 0:
            return
        for _, _, _, _, task, ticket in list(self._queue):
            if task is not None and task.program.host is host and ticket == task.ticket and task.started:
                self.wake(task)

    # -- time

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Call something that takes no time at a moment."""
        self._push(when, act, None)

    def wake(self, task: Task) -> None:
        """Let a task that waits go on now."""
        if task.started and not task.over and task is not self.current:
            self._push(self.now, None, task)

    def sleep(self, seconds: float) -> None:
        """Let the current task wait so long, or until it is woken."""
        task = self.current
        assert task is not None
        if not task.program.alive:
            raise Killed
        until = self.now + seconds
        if task.program.stopped_until <= until and (not self._queue or self._queue[0][0] > until):
            self.now = until  # nothing else happens before
            return
        self._push(until, None, task)
        self.hand_on()
        if not task.program.alive:
            raise Killed

    @property
    def program(self) -> Program:
        """The program whose task runs."""
        assert self.current is not None
        return self.current.program

    def step(self) -> Program:
        """The program that makes a call now; `Killed` where it is dead."""
        program = self.program
        if not program.alive:
            raise Killed
        self.steps += 1
        if self.steps > MOST_STEPS or self.now > LONGEST:
            raise Endless(f"no end after {self.steps} steps and {self.now:.0f} s")
        if program.stopped_until > self.now:
            self.sleep(program.stopped_until - self.now)
        return program

    # -- turns

    def run(self) -> None:
        """Run until nothing is left to happen; raises what a task raised."""
        self.hand_on()
        self._main.acquire()
        if self.error is not None:
            raise self.error

    def hand_on(self) -> None:
        """Give the turn to whoever is next; returns when it is this task's again, or at once when that is over."""
        mine = self.current
        following = self._next()
        self.current = following
        if following is not mine or following is None:
            self._start(following)
            if mine is not None and not mine.over:
                mine.turn.acquire()

    def _start(self, task: Task | None) -> None:
        if task is None:
            self._main.release()
        elif task.started:
            task.turn.release()
        else:
            task.started = True
            runner = _Runner.free.pop() if _Runner.free else _Runner()
            runner.task = task
            runner.go.release()

    def _next(self) -> Task | None:
        while self._queue:
            when, _, _, act, task, ticket = heapq.heappop(self._queue)
            if task is None:
                self.now = max(self.now, when)
                self.current = None
                if act is not None and self.error is None:
                    act()
                continue
            if task.over or ticket != task.ticket:
                continue
            self.now = max(self.now, when)
            if self.error is not None:
                task.program.alive = False
            stopped = task.program.stopped_until
            if task.program.alive and stopped > self.now:
                self._push(stopped, None, task)
                continue
            task.ticket += 1
            return task
        return None

    def _push(self, when: float, act: Callable[[], None] | None, task: Task | None) -> None:
        ticket = task.ticket if task is not None else 0
        heapq.heappush(self._queue, (when, self.chance.random(), next(self._count), act, task, ticket))


class VirtualMachine(Machine):
    """A program's view of its host."""

    def __init__(self, program: Program) -> None:
        self._program = program

    @property
    def name(self) -> str:
        return self._program.host.name

    @property
    def pid(self) -> int:
        return self._program.pid

    def born(self, pid: int) -> float | None:
        return self._program.host.born.get(pid)

    def monotonic(self) -> float:
        host = self._program.host
        return self._program.world.now * host.rate + host.jumped

    def sleep(self, seconds: float) -> None:
        world = self._program.world
        world.step()
        world.sleep(seconds / self._program.host.rate)

    def at_exit(self, act: Callable[[], None]) -> Callable[[], None]:
        """A virtual program that is killed does nothing more."""
        return lambda: None

    def every(self, seconds: float, act: Callable[[], None]) -> Callable[[], None]:
        on = True

        def beat() -> None:
            while on:
                self.sleep(seconds)
                if on:
                    act()

        def end() -> None:
            nonlocal on
            on = False
            if self._program.alive:
                world.wake(task)
            while self._program.alive and not task.over:
                world.sleep(0.1)
            world.step()

        world = self._program.world
        task = world.spawn(self._program, beat)
        return end
