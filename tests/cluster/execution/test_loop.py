"""The scheduling loop against a fake pool: no Ray, no time."""

import itertools
import random

import pytest

from cluster.execution import loop
from cluster.execution.loop import Event, run_batches
from cluster.execution.resources import ClusterResources, Node, Slots
from cluster.execution.retry import MAX_ATTEMPTS, Loss
from cluster.plan import Batch
from cluster.rundir.machine import Machine
from forecasting.errors import ConfigError
from forecasting.trial import Member, Trial
from tests.cluster.batches import report_of


def batch(name, *, stacked, n_trials=1, cost=1.0):
    member = Member("seasonal-naive", {"season_length": 7}, 0, "seasonal-naive", "naive")
    return Batch(tuple(Trial(member, name, f"{name}{i}") for i in range(n_trials)), n_trials, "cpu", stacked, cost)


def report(b):
    return report_of(b.batch_id, n_trials=len(b.trials), n_fits=b.n_fits)


class FakePool:
    """Finishes work in random order; loses what `losses` says, by the name of a batch's first trial, and the first
    `bad_starts` workers.
    """

    def __init__(self, slots, losses=None, seed=0, bad_starts=0):
        self.fixed = slots
        self.losses = {name: list(kinds) for name, kinds in (losses or {}).items()}
        self.random = random.Random(seed)
        self.ids = itertools.count()
        self.pending = {}
        self.alive = set()
        self.doomed = set()
        self.busy = {}
        self.bad_starts = bad_starts
        self.most_in_flight = 0
        self.ran = []
        self.stopped = []
        self.shared = False
        self.n_started = self.n_tasks = 0

    def is_shared(self):
        return self.shared

    def slots(self):
        return self.fixed

    def start_worker(self):
        worker, handle = f"w{next(self.ids)}", next(self.ids)
        self.n_started += 1
        self.pending[handle] = (worker, None)
        if self.bad_starts:
            self.bad_starts -= 1
            self.doomed.add(worker)
        return worker, handle

    def submit(self, b, worker):
        if worker is not None:
            assert worker in self.alive, "work was given to a worker that is not ready"
            assert worker not in self.busy.values(), "a worker has two batches in flight"
        handle = next(self.ids)
        self.n_tasks += worker is None
        self.pending[handle] = (worker, b)
        if worker is not None:
            self.busy[handle] = worker
        in_flight = sum(1 for _, b in self.pending.values() if b is not None)
        self.most_in_flight = max(self.most_in_flight, in_flight)
        return handle

    def wait(self, handles, timeout):
        assert set(handles) == set(self.pending)
        handle = self.random.choice(list(handles))
        worker, b = self.pending.pop(handle)
        self.busy.pop(handle, None)
        if b is None:
            if worker in self.doomed:
                return [Event(handle, Loss.PROCESS_DIED)]
            self.alive.add(worker)
            return [Event(handle, None)]
        kinds = self.losses.get(b.trials[0].trial_key, [])
        if kinds:
            loss = kinds.pop(0)
            if loss is Loss.PROCESS_DIED:
                self.alive.discard(worker)
            return [Event(handle, loss)]
        self.ran += [t.trial_key for t in b.trials]
        return [Event(handle, report(b))]

    def dismiss_worker(self, worker):
        assert worker not in self.busy.values(), "a busy worker would be let go with its batch"
        self.alive.discard(worker)

    def stop_worker(self, worker):
        self.stopped.append(worker)
        self.alive.discard(worker)

    def cancel(self, handle):
        del self.pending[handle]


def slots(workers=2, tasks=2, shared=True):
    return Slots(workers, tasks, shared, 1, 0.0, ClusterResources((Node(2, 0),)))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("shared", [True, False])
def test_every_batch_comes_back_once_whatever_dies(seed, shared):
    batches = [batch(f"s{i}", stacked=True, n_trials=3) for i in range(8)] + [
        batch(f"p{i}", stacked=False) for i in range(8)
    ]
    losses = {"s20": [Loss.PROCESS_DIED], "s50": [Loss.OUT_OF_MEMORY], "p30": [Loss.PROCESS_DIED, Loss.PROCESS_DIED]}
    pool = FakePool(slots(shared=shared), losses, seed)
    done = []
    assert run_batches(batches, pool, done.append, 1e9) == []
    assert sorted(pool.ran) == sorted(t.trial_key for b in batches for t in b.trials)
    assert sum(r.n_trials for r in done) == 32
    assert pool.most_in_flight <= (2 if shared else 4)
    assert not pool.alive


def test_a_batch_that_keeps_killing_its_worker_is_given_up_and_the_rest_goes_on():
    batches = [batch("bad", stacked=True), batch("good", stacked=True)]
    pool = FakePool(slots(), {"bad0": [Loss.PROCESS_DIED] * 10})
    lost = run_batches(batches, pool, lambda r: None, 1e9)
    assert [b.batch.trials[0].trial_key for b in lost] == ["bad0"]
    assert f"attempt {MAX_ATTEMPTS}" in lost[0].reason
    assert pool.ran == ["good0"]


def test_a_batch_past_its_time_is_given_up():
    lost = run_batches([batch("slow", stacked=False)], _Stuck(slots(shared=False)), lambda r: None, 0.0)
    assert "batch_seconds" in lost[0].reason


class _Stuck(FakePool):
    def wait(self, handles, timeout):
        return []


def test_no_place_for_the_work_is_said_with_the_numbers():
    with pytest.raises(ConfigError, match=r"asks for 1 CPU and 0 GPU.*has 2 CPU"):
        run_batches([batch("a", stacked=True)], FakePool(slots(workers=0)), lambda r: None, 1e9)


def test_workers_that_die_while_starting_end_the_run_with_a_sentence():
    with pytest.raises(ConfigError, match="died while starting"):
        run_batches([batch("a", stacked=True)], FakePool(slots(), bad_starts=99), lambda r: None, 1e9)


@pytest.mark.parametrize("seed", range(20))
def test_workers_that_die_together_while_starting_count_as_one_death(seed):
    """A node that is lost takes every worker along that was starting on it; the rest of the cluster goes on."""
    batches = [batch(f"s{i}", stacked=True) for i in range(8)]
    pool = FakePool(slots(workers=8), seed=seed, bad_starts=8)
    assert run_batches(batches, pool, lambda r: None, 1e9) == []
    assert len(pool.ran) == 8


def test_a_worker_that_failed_to_start_is_stopped():
    """It may only be out of reach, and would keep its slot."""
    pool = FakePool(slots(workers=1), bad_starts=1)
    run_batches([batch("a", stacked=True)], pool, lambda r: None, 1e9)
    assert pool.stopped == ["w0"]


class LateStart(FakePool):
    """Its first worker answers at the third look."""

    looks = 0

    def wait(self, handles, timeout):
        self.looks += 1
        return [] if self.looks < 3 else super().wait(handles, timeout)


def test_a_worker_that_does_not_start_in_time_ends_the_run_unless_another_run_holds_its_slot(monkeypatch):
    monkeypatch.setattr(loop, "START_SECONDS", 0.0)
    with pytest.raises(ConfigError, match="no worker started within 0 s: one worker asks for"):
        run_batches([batch("a", stacked=True)], LateStart(slots()), lambda r: None, 1e9)
    pool = LateStart(slots())
    pool.shared = True
    assert run_batches([batch("a", stacked=True)], pool, lambda r: None, 1e9) == []
    assert pool.ran == ["a0"]


@pytest.mark.parametrize("shared", [True, False])
def test_the_longest_batch_starts_first(shared):
    batches = [batch(f"p{i}", stacked=False) for i in range(6)]
    pool = FakePool(slots(workers=1, tasks=1, shared=shared))
    run_batches(batches, pool, lambda r: None, 1e9)
    assert pool.ran == [f"p{i}0" for i in range(6)]


def test_where_they_share_cpus_the_same_workers_do_everything():
    """A process costs seconds to start. What needs no compiled kernels comes first."""
    batches = [batch("s0", stacked=True), batch("p0", stacked=False), batch("s1", stacked=True)]
    pool = FakePool(slots(workers=1, tasks=1), {"p00": [Loss.OUT_OF_MEMORY]})
    assert run_batches([*batches, batch("p1", stacked=False)], pool, lambda r: None, 1e9) == []
    assert (pool.n_started, pool.n_tasks) == (1, 0)
    assert pool.ran == ["p00", "p10", "s00", "s10"]


class Clock(Machine):
    """A clock that moves when somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Timed(FakePool):
    """Every batch takes `seconds`, and workers start at once; after `leave` seconds there are no machines."""

    def __init__(self, clock, seconds, leave=1e9):
        super().__init__(slots(workers=1, tasks=1, shared=False))
        self.clock, self.seconds, self.leave = clock, seconds, leave
        self.began = {}

    def slots(self):
        n = int(self.clock.now < self.leave)
        return slots(workers=n, tasks=n, shared=False)

    def submit(self, b, worker):
        handle = super().submit(b, worker)
        self.began[handle] = self.clock.now
        return handle

    def wait(self, handles, timeout):
        if not handles:
            return []
        (handle,) = handles
        if self.clock.now < self.began.get(handle, -1e9) + self.seconds:
            self.clock.now += timeout
            return []
        return super().wait(handles, timeout)


def test_a_cluster_that_every_machine_left_ends_the_run_with_a_sentence():
    """And the loop waits, rather than asks again and again."""
    clock = Clock()
    batches = [batch("a", stacked=False), batch("b", stacked=False)]
    done = []
    with pytest.raises(ConfigError, match="no worker started within 300 s"):
        run_batches(batches, Timed(clock, seconds=10, leave=5), done.append, 1e9, clock)
    assert len(done) == 1
    assert 300 < clock.now < 320


def test_a_batch_that_ran_long_does_not_count_as_waiting_for_a_worker():
    clock = Clock()
    batches = [batch("long", stacked=True), batch("next", stacked=True)]
    lost = run_batches(batches, SlowStart(clock, seconds=1e9), lambda r: None, 1000.0, clock)
    assert [each.batch.trials[0].trial_key for each in lost] == ["long0", "next0"]


class SlowStart(Timed):
    """A worker takes ten seconds to start."""

    def start_worker(self):
        worker, handle = super().start_worker()
        self.began[handle] = self.clock.now - self.seconds + 10
        return worker, handle
