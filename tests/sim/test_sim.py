"""The simulation in the test suite: the promises hold over many seeds, and faults that are planted are found."""

import hashlib
import os
import subprocess
import sys

import pytest

from tests.runs import ROOT
from tests.sim.mutants import MUTANTS
from tests.sim.seeds import MOST_SEEDS, first_broken, run_seeds
from tests.sim.simulate import Simulation, seams, simulate

QUICK = ("names are not synced", "a lost batch is not queued again", "forecasts are stored before states")
"""Mutants that are found within a few seeds."""


@pytest.fixture(scope="module", autouse=True)
def inside():
    with seams():
        yield


def log_of(seed):
    simulate(seed, tracing=True)
    return Simulation.current.world.log


@pytest.mark.parametrize(
    "seeds", [range(250), pytest.param(range(250, 5000), marks=[pytest.mark.slow, pytest.mark.timeout(1200)])], ids=repr
)
def test_no_promise_is_broken_in_any_world(seeds):
    assert list(run_seeds(seeds, jobs=2)) == []


@pytest.mark.parametrize("seed", [3, 11, 42])
def test_a_seed_is_the_same_world_again(seed):
    assert log_of(seed) == log_of(seed)
    assert log_of(seed) != log_of(seed + 1)


def test_a_seed_is_the_same_world_in_another_process():
    log = "\n".join(log_of(7))
    again = subprocess.run(
        [sys.executable, "-m", "tests.sim", "--first", "7", "--seeds", "1", "--trace"],
        env={**os.environ, "PYTHONHASHSEED": "3", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in (log, again.stdout[: len(log)])]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("mutant", QUICK)
def test_a_planted_fault_is_found_and_told(mutant):
    broken = first_broken(mutant, range(50))
    assert broken.promise
    assert len(broken.log) > 10


@pytest.mark.slow
@pytest.mark.parametrize("mutant", sorted(MUTANTS.keys() - set(QUICK)))
def test_every_planted_fault_is_found(mutant):
    assert first_broken(mutant, range(MOST_SEEDS)) is not None
