"""Run seeds: python -m tests.sim --seeds N [--first S] [--jobs J] [--trace]."""

from __future__ import annotations

import argparse
import sys
import time

from tests.sim.simulate import seams, simulate


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--flips", action="store_true")
    o = parser.parse_args()
    bad = 0
    t = time.perf_counter()
    with seams():
        for seed in range(o.first, o.first + o.seeds):
            broken = simulate(seed, flips=o.flips, tracing=o.trace)
            if o.trace:
                from tests.sim.simulate import Simulation
                print("\n".join(Simulation.current.world.log))
            if broken:
                bad += 1
                print(seed, broken.promise, flush=True)
                if bad > 20:
                    break
    print(f"{bad} bad, {(time.perf_counter() - t) / (seed - o.first + 1) * 1e3:.2f} ms a seed")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
