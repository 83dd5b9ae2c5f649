"""Many seeds: over the cores of this machine, or with a mutant planted."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

from tests.sim.mutants import MUTANTS, planted
from tests.sim.simulate import Broken, seams, simulate

__all__ = ["MOST_SEEDS", "caught_after", "first_broken", "run_seeds"]

CHUNK = 50
MOST_SEEDS = 3000
"""Seeds in which a mutant must be found."""
_inside = ExitStack()


def run_seeds(seeds: range, jobs: int) -> Iterator[Broken]:
    """The seeds that break a promise, in their order, as they are found."""
    if jobs == 1:
        with seams():
            yield from _chunk(seeds)
        return
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_enter) as pool:
        for broken in pool.map(_chunk, chunks):
            yield from broken


def _enter() -> None:
    _inside.enter_context(seams())


def _chunk(seeds: range) -> list[Broken]:
    found = (simulate(seed) for seed in seeds)
    return [broken for broken in found if broken is not None]


def first_broken(mutant: str, seeds: range) -> Broken | None:
    """The first seed in which a mutant breaks a promise, inside `seams`."""
    with planted(mutant):
        for seed in seeds:
            broken = simulate(seed)
            if broken is not None:
                return broken
    return None


def caught_after() -> Iterator[tuple[str, Broken | None]]:
    """Each mutant and the first seed that finds it."""
    with seams():
        for mutant in MUTANTS:
            yield mutant, first_broken(mutant, range(MOST_SEEDS))
