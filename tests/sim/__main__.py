"""Run the simulation, or plant faults and count the seeds until each is found.

python -m tests.sim --seeds 100000 --jobs 2       every promise, over so many worlds
python -m tests.sim --first 4711 --seeds 1 --trace    one world again, with all that happened in it
python -m tests.sim --mutants                     the table of README.md
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator

from tests.sim.seeds import caught_after, run_seeds
from tests.sim.simulate import Broken, Simulation, seams, simulate

SHOWN = 40
"""Lines of a schedule that are shown without --trace."""
MOST_BROKEN = 10


def main() -> int:
    """Exit code 1 when a promise was broken or a mutant was not found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--trace", action="store_true", help="show all that happened in each world")
    parser.add_argument("--mutants", action="store_true", help="plant faults")
    options = parser.parse_args()
    if options.mutants:
        return _show_mutants()
    seeds = range(options.first, options.first + options.seeds)
    started = time.perf_counter()
    broken = _traced(seeds) if options.trace else run_seeds(seeds, options.jobs)
    n_broken = 0
    for each in broken:
        n_broken += 1
        print("\n".join(each.log[-SHOWN:]) if not options.trace else "")
        print(f"seed {each.seed}: {each.promise}")
        print(f"again: python -m tests.sim --first {each.seed} --seeds 1 --trace\n", flush=True)
        if n_broken == MOST_BROKEN:
            break
    seconds = time.perf_counter() - started
    print(f"{len(seeds)} seeds in {seconds:.0f} s, {1e3 * seconds / len(seeds):.1f} ms a seed: {n_broken} broken")
    return int(n_broken > 0)


def _traced(seeds: range) -> Iterator[Broken]:
    with seams():
        for seed in seeds:
            broken = simulate(seed, tracing=True)
            print("\n".join(Simulation.current.world.log))
            if broken is not None:
                yield broken


def _show_mutants() -> int:
    print("| mutant | seeds until it is found | as |\n|---|---|---|")
    missed = 0
    for name, found in caught_after():
        missed += found is None
        text = "not found |" if found is None else f"{found.seed + 1} | {found.promise.strip().splitlines()[-1]}"
        print(f"| {name} | {text} |", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
