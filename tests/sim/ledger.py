"""What happened to every trial and who held the directory: the promises, checked while a world runs.

* A trial whose batch was reported finished is never trained again, unless its file was damaged. So nothing that was
  finished is lost either.
* A trial is trained again only if its batch came to nothing before: its process died, it ran out of memory or time, it
  was split, or its driver ended.
* A driver looks at the lease before it removes a file of a batch. So one that was displaced removes only what it was
  about to remove when it stood still.
* Two living drivers hold the directory only if the heart of the first stood still, seen from another host, for at least
  `STILL` seconds. From then on the first one's workers store no batch that they trained later.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cluster.execution.retry import MAX_ATTEMPTS, Loss
from cluster.plan import Batch
from cluster.rundir.lease import BEAT, LEASE, PATIENCE
from tests.sim.world import Program, World

__all__ = ["Flight", "Ledger", "Life", "Violation"]

STILL = PATIENCE - BEAT - 5.0
"""PATIENCE, less what clocks that run fast and jump, and names that are seen late, can take from it; a heart that
beats, however slowly its calls return, is never this old."""


class Violation(AssertionError):
    """A promise was broken."""


@dataclass
class Life:
    """One driver, from its start to its end.

    Seconds at which it `entered` (its lease got the name), its heart last beat and `beats`, its `looks` at the lease,
    another driver `displaced` it, and it `left`. `looked`: it did since it last removed a file of a batch. `back`: it
    stood still between looking and writing, and so took the lease back. `faults`: what befell it, by kind.
    """

    program: Program
    began: float
    ended: float = float("inf")
    entered: float | None = None
    beat: float = 0.0
    beats: list[float] = field(default_factory=list)
    left: float | None = None
    displaced: float | None = None
    looks: list[float] = field(default_factory=list)
    looked: bool = False
    back: bool = False
    outcome: str = ""
    faults: Counter[str] = field(default_factory=Counter)

    def still_at(self, when: float) -> float:
        """Seconds for which its heart had stood still at a moment: what another driver that looked then acts on, and a
        slow disk may take long over that.
        """
        return when - max((beat for beat in self.beats if beat <= when), default=when)

    @property
    def holds(self) -> bool:
        return self.entered is not None and self.left is None and self.program.alive


@dataclass(eq=False)
class Flight:
    """One try of a batch. `end`: how it ended, once it did; `slow`: whether it may run out of time."""

    life: Life
    batch: Batch
    slow: bool = False
    trained: float | None = None
    end: str | None = None

    @property
    def keys(self) -> list[str]:
        return [trial.trial_key for trial in self.batch.trials]


class Ledger:
    """The books of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.late = 0.0
        self.lives: list[Life] = []
        self.flights: list[Flight] = []
        self.of_program: dict[Program, Life] = {}
        self.at_work: dict[Program, Flight] = {}
        self.files: dict[str, list[str]] = {}
        self.damaged_files: set[str] = set()
        self.named_at: dict[str, float] = {}
        self.lost_states: set[str] = set()
        self._damaged_keys: set[str] = set()
        self._trained: Counter[str] = Counter()
        self._excused: Counter[str] = Counter()
        self._finished: dict[str, tuple[float, Life]] = {}

    # -- trials

    def sent(self, flight: Flight) -> None:
        """A driver sends a batch off."""
        tries = [f for f in self.flights if f.life is flight.life and f.batch.batch_id == flight.batch.batch_id]
        if len(tries) >= MAX_ATTEMPTS:
            raise Violation(f"batch {flight.batch.batch_id[:6]} is tried more than {MAX_ATTEMPTS} times")
        self.flights.append(flight)

    def begins(self, flight: Flight) -> None:
        """A worker trains a batch."""
        flight.trained = self.world.now
        if flight.life.displaced is not None or flight.end is not None:
            return  # nobody waits for it any more
        for key in flight.keys:
            if key in self._damaged_keys:
                continue
            when, by = self._finished.get(key, (float("inf"), flight.life))
            if when < self.world.now and (by is flight.life or when < (flight.life.entered or 0.0) - self.late):
                raise Violation(f"trial {key[:6]} was reported finished at {when:.1f} s and is trained again")
            if key not in self._finished and self._trained[key] > self._excused[key]:
                raise Violation(f"trial {key[:6]} is trained again though nothing happened to its batch")
            self._trained[key] += 1

    def ends(self, flight: Flight, how: str) -> None:
        """A flight came to nothing, or (`how` is "reported") to a batch that the driver counted."""
        if flight.end in ("reported", "lost"):
            return
        flight.end = how
        if how == "lost" and flight.trained is not None and flight.life.displaced is None:
            self._excused.update(flight.keys)
        if how == "reported" and flight.life.displaced is None:
            self._finished.update(dict.fromkeys(flight.keys, (self.world.now, flight.life)))

    def damaged(self, path: str) -> None:
        """A stored file was damaged: its trials may be trained again."""
        self.damaged_files.add(path)
        self._damaged_keys.update(self.files[path])

    # -- drivers

    def _acquires(self, life: Life) -> None:
        """A driver holds the directory from now on: its lease got the name."""
        self._passes_to(life)
        life.entered = life.beat = self.world.now

    def _passes_to(self, life: Life) -> None:
        """A driver takes the directory, or removes the lease on it: whoever held it must have stood still."""
        for other in self.lives:
            if other is life or not other.holds or other.displaced is not None:
                continue
            still = max(self.world.now - other.beat, other.still_at(life.looks[-1]))
            if other.program.host is life.program.host or still < STILL:
                raise Violation(
                    f"{life.program.name} holds the directory beside {other.program.name}, which lives and whose "
                    f"heart beat {still:.1f} s ago"
                )
            self.world.say(f"{other.program.name} is displaced: its heart stood still for {still:.1f} s")
            self._displace(other)

    def named(self, program: Program, path: str, linked: bool) -> None:
        """A complete file got its name: a free one (`linked`), or that of another file."""
        self.damaged_files.discard(path)
        self.named_at[path] = self.world.now
        life = self.of_program.get(program)
        if life is None:
            return
        if path.endswith(f"/{LEASE}"):
            if linked:
                self._acquires(life)
            elif life.displaced is not None:
                self._takes_back(life)
            life.beat = self.world.now
            life.beats.append(life.beat)
        elif program in self.at_work:
            self._stored(life, self.at_work[program], path)

    def read(self, program: Program, path: str) -> None:
        """A program reads a file."""
        life = self.of_program.get(program)
        if life is not None and life.program is program and path.endswith(f"/{LEASE}"):
            life.looks.append(self.world.now)
            life.looked = True

    def removed(self, program: Program, path: str, began: float) -> None:
        """A file was removed; a driver that removes the lease it holds gives it back. The call `began` earlier where
        the driver stood still in it.
        """
        life = self.of_program.get(program)
        if life is None:
            return
        if path.endswith((".parquet", ".safetensors")):
            self._loses(life, path, began)
        if not path.endswith(f"/{LEASE}"):
            return
        if life.entered is None:
            self._passes_to(life)
            return
        life.left = self.world.now
        if life.displaced is not None:
            self._takes_back(life)

    def _loses(self, life: Life, path: str, began: float) -> None:
        """A driver removes a file of a batch, and has looked at the lease before.

        One that was displaced may have looked, stood still and removed what its heir stored again since; its heart,
        which looks too, may wake before that.
        """
        if not life.looked:
            raise Violation(f"{life.program.name} removes a file and did not look at the lease before")
        life.looked = False
        batch = path.rpartition("/")[2].partition(".")[0]
        keys = {key for flight in self.flights if flight.batch.batch_id == batch for key in flight.keys}
        if any(batch in name and when > self.world.now - self.late for name, when in self.named_at.items()):
            self.lost_states |= keys  # the batch has another file, which is not seen yet
        if life.displaced is None or life.back:
            return
        if any(life.displaced + self.late < look <= began for look in life.looks):
            raise Violation(f"{life.program.name} was displaced at {life.displaced:.1f} s and removes a file")
        self.lost_states |= keys

    def _takes_back(self, life: Life) -> None:
        """A displaced driver writes or removes the lease: it may if it looked before, and has stood still since."""
        assert life.displaced is not None
        if not life.back and not any(life.beat <= look <= life.displaced for look in life.looks):
            raise Violation(f"{life.program.name} overwrites the lease of the driver that displaced it")
        life.back = True
        for other in self.lives:
            if other is not life and other.holds and other.displaced is None:
                self.world.say(f"{other.program.name} is displaced by one that stood still")
                self._displace(other)

    def _displace(self, life: Life) -> None:
        for flight in self.flights:
            if flight.life is life:
                self.ends(flight, "lost")
        life.displaced = self.world.now

    def _stored(self, life: Life, flight: Flight, path: str) -> None:
        self.files[path] = flight.keys
        since = life.displaced
        if since is not None and not life.back and flight.trained is not None and flight.trained > since + self.late:
            raise Violation(f"{life.program.name} was displaced at {since:.1f} s and its worker stores a batch")

    # -- the end of a driver's work

    def returns(self, life: Life, lost: list[tuple[Batch, str]]) -> None:
        """The loop of a driver returned: all that came back was counted, and what was given up had its reason."""
        mine = [flight for flight in self.flights if flight.life is life]
        if any(flight.end == "delivered" for flight in mine):
            raise Violation("a batch that came back was not reported")
        for batch, reason in lost:
            tries = [flight for flight in mine if flight.batch.batch_id == batch.batch_id]
            late = any(flight.slow for flight in tries) or life.faults["clock jumps"] or life.faults["driver stops"]
            if not (late if Loss.TIMED_OUT.value in reason else len(tries) >= MAX_ATTEMPTS):
                raise Violation(f"batch {batch.batch_id[:6]} was given up without need: {reason}")
