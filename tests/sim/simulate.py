"""One seed: a world with its faults, drivers that are started again until the run is complete, and the last checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from traceback import format_exception
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cluster.rundir import storage
from cluster.rundir.run_facts import _environment
from cluster.rundir.store import RunStore
from forecasting.models.base import State
from forecasting.models.states import unpack_states
from forecasting.panel import Panel
from forecasting.trial import Trial, TrialOutcome, TrialResult
from forecasting.windows import WindowPlan
from tests.sim.cluster import Grid
from tests.sim.disk import VirtualDisk, short
from tests.sim.driver import DONE, FOLDER, RESULT, drive
from tests.sim.faults import Faults
from tests.sim.ledger import Ledger, Life, Violation
from tests.sim.work import PLANS, kept, outcomes
from tests.sim.world import Endless, Host, Program, World

__all__ = ["Broken", "Simulation", "seams", "simulate"]

ROUNDS = 4
"""Rounds with faults; then it is calm."""
CALM_ROUNDS = 2


@dataclass
class Broken:
    """A seed that broke a promise: which one, and what happened."""

    seed: int
    promise: str
    log: list[str] = field(default_factory=list)


class Simulation:
    """A world, and the director who starts its drivers."""

    current: Simulation

    def __init__(self, seed: int, *, tracing: bool = False) -> None:
        self.world = World(seed, tracing)
        self.expected: bytes | None = None
        chance = self.world.chance
        self.faults = Faults(chance)
        self.plan = PLANS[int(chance.random() * len(PLANS))]
        self.disk = VirtualDisk(self.world)
        self.ledger = Ledger(self.world)
        hosts = [Host(name, 0.98 + 0.04 * chance.random()) for name in "abc"]
        workers, tasks = 1 + int(chance.random() * 3), 1 + int(chance.random() * 3)
        shape = (workers, workers, True) if chance.random() < 0.5 else (workers, tasks, False)
        self.grid = Grid(self.world, self.ledger, self.faults, hosts, shape)
        self.director = Program(self.world, "director", Host("nowhere"))
        self._weather()
        self._calls: dict[int, Callable[[], None]] = {}
        self._n_calls = self._n_rounds = 0
        self._flipped = False
        self.disk.on_call, self.disk.on_named, self.disk.on_full = self._on_call, self.ledger.named, self._on_full
        self.disk.on_read, self.disk.on_removed = self.ledger.read, self.ledger.removed

    def run(self) -> None:
        """Run the world to its end.

        Raises
        ------
        Violation, Endless
            When a promise was broken.
        """
        Simulation.current, storage.DISK = self, self.disk
        self._directing = self.world.spawn(self.director, self._direct)
        self.world.run()

    # -- rounds

    def _direct(self) -> None:
        for _ in range(ROUNDS):
            if self._round(disturbed=True) and self.world.chance.random() < 0.8 and not self._flipped:
                return self._judge()
        self.faults.calm()
        self._weather()
        self.disk.full, self.grid.gone_until = False, 0.0
        for _ in range(CALM_ROUNDS):
            if self._round(disturbed=False):
                return self._judge()
        raise Violation(f"the run is not complete in calm weather: {self.ledger.lives[-1].outcome}")

    def _round(self, disturbed: bool) -> bool:
        """Start a driver and wait until it, and others that were started meanwhile, ended; whether the run is done."""
        before = len(self.ledger.lives)
        self._n_rounds += 1
        self._start()
        if disturbed:
            for kind in self.faults.sudden():
                self._schedule(kind)
        while any(self._runs(life) for life in self.ledger.lives):
            self.world.sleep(1e4)
        self._calls.clear()
        mine = self.ledger.lives[before:]
        for life in mine:
            self._explain(life)
        return any(life.outcome == DONE for life in mine)

    def _runs(self, life: Life) -> bool:
        return life.program.alive and life.ended == float("inf")

    def _start(self) -> None:
        host = self.grid.hosts[int(self.world.chance.random() * 2)]
        life = Life(Program(self.world, f"driver {len(self.ledger.lives) + 1}", host), self.world.now)
        self.ledger.lives.append(life)
        self.ledger.of_program[life.program] = life
        self.world.say(f"starts {life.program.name} on {host.name}")
        self.world.spawn(life.program, lambda: self._live(life))

    def _live(self, life: Life) -> None:
        try:
            drive(self.grid, life, self.plan)
        finally:
            if life.program.alive:
                self.world.end(life.program)
            self.world.wake(self._directing)

    # -- faults

    def _weather(self) -> None:
        """What lasts."""
        kinds = self.faults.kinds
        self.disk.slow = 0.1 if "slow disk" in kinds else 0.01
        self.disk.slow_seconds = 10.0 if "slow disk" in kinds else 0.2
        self.disk.late = self.ledger.late = 3.0 if "seen late" in kinds else 0.0

    def _schedule(self, kind: str) -> None:
        """Let a fault strike at a moment, or at a call to the disk."""
        act, round_ = getattr(self, "_" + kind.replace(" ", "_")), self._n_rounds

        def strike() -> None:
            if self._n_rounds == round_:
                act()

        if self.world.chance.random() < 0.5:
            self._calls[self._n_calls + 1 + int(self.world.chance.random() * 150)] = strike
        else:
            self.world.at(self.world.now + self.world.chance.expovariate(1 / 10), strike)

    def _on_call(self) -> None:
        self._n_calls += 1
        strike = self._calls.pop(self._n_calls, None)
        if strike is not None:
            strike()

    def _on_full(self, program: Program) -> None:
        if program in self.ledger.of_program:
            self.ledger.of_program[program].faults["disk full"] += 1

    def _any_driver(self) -> Life | None:
        running = [life for life in self.ledger.lives if self._runs(life)]
        return running[int(self.world.chance.random() * len(running))] if running else None

    def _driver_dies(self) -> None:
        if life := self._any_driver():
            self.world.kill(life.program, "by chance")
            self.world.wake(self._directing)

    def _driver_stops(self) -> None:
        if life := self._any_driver():
            life.faults["driver stops"] += 1
            self.world.stop(life.program, self.world.chance.expovariate(1 / 40))
            if self.world.chance.random() < 0.3:
                self._start()  # somebody thinks that it hangs

    def _clock_jumps(self) -> None:
        host = self.grid.host()
        for life in self.ledger.lives:
            life.faults["clock jumps"] += self._runs(life)
        self.world.jump(host, (self.world.chance.random() - 0.3) * 1000)

    def _power_fails(self) -> None:
        for program in self.ledger.of_program:
            program.on_death = lambda: None
            self.world.kill(program, "no power")
        for flight in self.ledger.flights:
            self.ledger.ends(flight, "lost")
        self.disk.power_failure()
        self.world.wake(self._directing)

    def _disk_full(self) -> None:
        self.world.say("the disk is full for a while")
        self.disk.full = True
        self.world.at(self.world.now + self.world.chance.expovariate(1 / 10), self._space_again)

    def _space_again(self) -> None:
        self.disk.full = False

    def _second_driver(self) -> None:
        if self._any_driver():
            self._start()

    def _machines_leave(self) -> None:
        seconds = self.world.chance.choice((10, 100, 1000))
        self.world.say(f"all machines leave for {seconds} s")
        self.grid.gone_until = self.world.now + seconds
        for life in self.ledger.lives:
            life.faults["machines leave"] += self._runs(life)

    def _bits_flip(self) -> None:
        files = [path for path in self.disk.names_now if path in self.ledger.files]
        if files:
            path = files[int(self.world.chance.random() * len(files))]
            self.world.say(f"a bit of {short(path)} flips")
            self.disk.flip(path)
            self.ledger.damaged(path)
            self._flipped = True

    # -- checks

    def _explain(self, life: Life) -> None:
        """Whether a driver had a reason to end as it did."""
        text, faults = life.outcome, life.faults
        reasons = {
            DONE: True,
            "": life.program.died < life.ended,
            "batches were given up": True,  # the ledger has looked at each
            "the disk is full": faults["disk full"],
            "is in use by another run": any(o is not life and self._lived(o, life) for o in self.ledger.lives),
            "is no longer this run's": life.displaced is not None,
            "is not shared": life.displaced is not None,
            "No such file or directory": self.disk.late or life.displaced is not None,
            "no longer holds": life.displaced is not None or life.back,
            "does not list batches": self._flipped and (life.displaced is not None or life.back),
            "died while starting": faults["start dies"] >= 3,
            "no worker started": self._gone(life) or faults["clock jumps"] or faults["driver stops"],
            "the work does not fit": self._gone(life),
            "is damaged": self._flipped,
        }
        if not any(holds and (part == text or (part and part in text)) for part, holds in reasons.items()):
            raise Violation(f"{life.program.name} ends without a reason: {text}")

    def _lived(self, other: Life, life: Life) -> bool:
        """Whether another driver ran while this one did."""
        return other.began <= life.ended and min(other.ended, other.program.died) >= life.began

    def _gone(self, life: Life) -> bool:
        return self.grid.gone_until >= life.began

    def _judge(self) -> None:
        """The run is done: the same bytes as an undisturbed run, all states that are kept, the first name counts."""
        self.disk.late = self.disk.slow = 0.0  # nothing goes on while it looks
        self._n_rounds += 1
        store = RunStore(FOLDER)
        if self.expected is not None and store.storage.read(RESULT) != self.expected:
            raise Violation("the result differs from that of an undisturbed run")
        trials, first = store.trials(), dict[str, str]()
        for path in sorted(self.ledger.files.keys() & self.disk.names_now.keys()):
            if path.endswith(".parquet"):
                for key in self.ledger.files[path]:
                    first.setdefault(key, path.removeprefix(f"{FOLDER}/"))
        if {key: trial.file for key, trial in trials.items()} != first:
            raise Violation("of two files with one trial the first name does not count")
        states: dict[str, State] = {}
        for path, inode in self.disk.names_now.items():
            if inode is not None and path.endswith(".safetensors") and path not in self.ledger.damaged_files:
                states |= unpack_states(inode.data)
        for outcome in outcomes(self.plan.trials, self.plan.windows):
            key = outcome.trial.trial_key
            if isinstance(outcome, TrialResult) and key in kept(self.plan) - self.ledger.lost_states:
                weights = outcome.state.arrays["weights"]
                if key not in states or not np.array_equal(states[key].arrays["weights"], weights):
                    raise Violation(f"the state of trial {key[:6]} is gone")


@cache
def undisturbed(number: int) -> bytes:
    """The result file of a run of the plan of this number that nothing befell."""
    calm = Simulation(0)
    calm.plan = PLANS[number]
    calm.faults.calm()
    calm.run()
    inode = calm.disk.names_now[f"{FOLDER}/{RESULT}"]
    assert inode is not None
    return inode.data


@contextmanager
def seams() -> Iterator[None]:
    """The virtual world in place of this machine, for as long as the context lasts."""
    environment = _environment()
    with ExitStack() as stack:
        stack.enter_context(patch("cluster.rundir.storage.DISK", None))
        stack.enter_context(patch("cluster.rundir.run_facts._environment", lambda: environment))
        stack.enter_context(patch("cluster.execution.worker.run_trials", _train))
        stack.enter_context(patch("cluster.execution.worker.time", _Clock()))
        stack.enter_context(patch("cluster.execution.worker.os", _Process()))
        stack.enter_context(patch("cluster.execution.worker.resource", _Process()))
        stack.enter_context(patch("pyarrow.parquet.read_table", _read_table))
        for number in range(len(PLANS)):
            undisturbed(number)
        yield


def _read_table(source: object) -> pa.Table:
    """A small table needs no threads."""
    return pq.ParquetFile(source).read(use_threads=False)


def _train(trials: Sequence[Trial], panel: Panel, windows: WindowPlan, **_: object) -> list[TrialOutcome]:
    return Simulation.current.grid.train(trials, windows)


class _Clock:
    def perf_counter(self) -> float:
        return Simulation.current.world.now


class _Process:
    """What a batch's file says of its process, and so its digest and its name: the same in every world."""

    RUSAGE_SELF = 0
    ru_maxrss = 0

    def getpid(self) -> int:
        return 1

    def getrusage(self, _: int) -> _Process:
        return self


def simulate(seed: int, *, tracing: bool = False) -> Broken | None:
    """Run one seed, inside `seams`; None when every promise held. A seed that broke one is run again for its log."""
    simulation = Simulation(seed, tracing=tracing)
    simulation.expected = undisturbed(PLANS.index(simulation.plan))
    try:
        simulation.run()
    except (Exception, Endless) as error:
        promise = str(error) if isinstance(error, (Violation, Endless)) else "".join(format_exception(error)[-3:])
        broken = Broken(seed, promise, simulation.world.log)
        return broken if tracing else simulate(seed, tracing=True) or broken
    return None
