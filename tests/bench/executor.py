"""What scheduling costs, and what a second worker brings.

    python -m tests.bench.executor            # simulated: 10,000 batches of a second over 64 workers
    python -m tests.bench.executor --gpus     # simulated: the batches of GPU plans on 8 x 4 workers, some of which die
    python -m tests.bench.executor --short    # real: many LSTM batches of some 40 ms on two Ray workers
    python -m tests.bench.executor --ray      # real: LSTM batches on one Ray worker and on two, interleaved

The simulation runs the real loop against a pool whose clock moves with the work and with the loop's own time. `busy`
is the share of the workers' time that is work: training and writing. `driver_ms_per_batch` is the CPU time of the
driver's process; with real workers that includes Ray's own threads in it, and `wait_ms` is how long a worker had
nothing to do before a batch reached it. `bare_ratio` is what two processes without Ray bring in the same minutes:
the most that the machine, with all that runs beside, had to give.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from cluster.config import parse_config
from cluster.cutting.batches import cut_batches
from cluster.cutting.schedule import loads
from cluster.cutting.sizes import best_sizes
from cluster.execution.loop import Event, Handle, Worker, run_batches
from cluster.execution.resources import ClusterResources, Node, Slots
from cluster.execution.retry import Loss
from cluster.execution.worker import WorkContext, limit_threads, warm_up, work
from cluster.plan import Batch, make_plan
from cluster.rundir.events_file import BatchReport
from cluster.rundir.lease import Lease
from cluster.rundir.storage import Storage
from cluster.rundir.store import RunStore
from forecasting.trial import Member, Trial
from tests.bench.placement import CASES, groups_on
from tests.cluster.batches import report_of
from tests.forecasting.models.test_contract import make_panel

BATCH_SECONDS = 1.0


class SimulatedPool:
    """Workers that take a batch's cost in seconds for it, on a clock of their own. Those that are given the batches
    number `deaths` die of them, at any point.
    """

    def __init__(self, workers: int, deaths: Collection[int] = (), seed: int = 0) -> None:
        self._deaths = deaths
        self._random = random.Random(seed)
        self._submitted = itertools.count()
        self._slots = Slots(workers, 0, False, 1, 1.0, ClusterResources((Node(workers, workers),)))
        self._ids = itertools.count()
        self._flying: list[tuple[float, int, BatchReport | Loss | None]] = []
        self._began = time.perf_counter()
        self._skipped = 0.0
        self.driver_seconds = 0.0

    @property
    def now(self) -> float:
        """Time of the driver's work and of the waiting that is skipped."""
        return time.perf_counter() - self._began + self._skipped

    def slots(self) -> Slots:
        return self._slots

    def start_worker(self) -> tuple[Worker, Handle]:
        handle = next(self._ids)
        heapq.heappush(self._flying, (self.now, handle, None))
        return f"worker {handle}", handle

    def submit(self, batch: Batch, worker: Worker | None) -> Handle:
        handle = next(self._ids)
        dies = next(self._submitted) in self._deaths
        seconds = batch.cost * (self._random.random() if dies else 1.0)
        value = Loss.PROCESS_DIED if dies else _report(batch)
        heapq.heappush(self._flying, (self.now + seconds, handle, value))
        return handle

    def wait(self, handles: Sequence[Handle], timeout: float) -> list[Event]:
        self._skipped += max(0.0, self._flying[0][0] - self.now)
        events = []
        while self._flying and self._flying[0][0] <= self.now:
            _, handle, value = heapq.heappop(self._flying)
            events.append(Event(handle, value))
        return events

    def is_shared(self) -> bool:
        return False

    def dismiss_worker(self, worker: Worker) -> None:
        """Nothing to stop."""

    def stop_worker(self, worker: Worker) -> None:
        """Nothing to stop."""

    def cancel(self, handle: Handle) -> None:
        """Nothing to cancel."""


def _report(batch: Batch) -> BatchReport:
    return report_of(batch.batch_id, family="lstm", model="lstm-direct", n_fits=1, train_seconds=batch.cost)


def simulate(n_batches: int, workers: int) -> dict[str, object]:
    """Driver time per batch and the share of the workers' time that is work."""
    batches = _batches([BATCH_SECONDS] * n_batches)
    pool = SimulatedPool(workers)
    cpu = time.process_time()
    lost = run_batches(batches, pool, lambda report: None, 1e9)
    cpu = time.process_time() - cpu
    assert not lost
    return {
        "batches": n_batches,
        "workers": workers,
        "driver_ms_per_batch": round(1e3 * cpu / n_batches, 4),
        "busy": round(n_batches * BATCH_SECONDS / (workers * pool.now), 4),
    }


def _batches(seconds: Iterable[float]) -> list[Batch]:
    member = Member("lstm-direct", {}, 0, "lstm-direct", "lstm")
    of = (((Trial(member, "purchase", f"key{i}"),), one) for i, one in enumerate(sorted(seconds, reverse=True)))
    return [Batch(trials, 1, "cpu", True, one) for trials, one in of]


def on_gpus(case: str, times: int = 1, deaths: int = 0) -> dict[str, object]:
    """Seconds to the end of a GPU plan on 8 x 4 simulated workers, and as the plan has it.

    `case` is one of `tests.bench.placement`, with `times` as many trials; `deaths` workers die.
    """
    groups = [replace(group, n_trials=times * group.n_trials) for group in groups_on(case, 8, 4)]
    cut = best_sizes(groups, 32)
    seconds = [group.seconds(size) for group, sizes in zip(groups, cut, strict=True) for size in sizes]
    pool = SimulatedPool(32, random.Random(deaths).sample(range(len(seconds)), deaths))
    lost = run_batches(_batches(seconds), pool, lambda report: None, 1e9)
    assert not lost
    planned = loads(seconds, 32)[0].seconds
    return {
        "case": case if times == 1 else f"{case} x {times}",
        "batches": len(seconds),
        "deaths": deaths,
        "longest_s": round(max(seconds), 2),
        "planned_s": round(planned, 2),
        "simulated_s": round(pool.now, 2),
        "ratio": round(pool.now / planned, 3),
    }


def short(batches: int) -> dict[str, object]:
    """The same loop over two real workers, with batches so short that what a batch costs besides its work shows."""
    from cluster.execution import ray_connection, ray_pool

    member = {"model": "lstm-direct", "input_size": 7, "hidden_size": 16, "epochs": 10, "seeds": -(-batches // 2)}
    raw = {"windows": {"n_windows": 1}, "members": [member], "cluster": {"workers": 2, "fits_per_batch": 2}}
    config, panel = parse_config(raw, "bench"), make_panel()
    plan = make_plan(config, panel, "cpu")
    cut = cut_batches(plan, plan.trials)
    with ray_connection.connected():
        _run_once(config.cluster, plan, panel, cut[:8], ray_pool)  # compiles
        run = _run_once(config.cluster, plan, panel, cut, ray_pool)
    return {
        "batches": len(cut),
        "workers": 2,
        "batch_ms": round(1e3 * run.work / len(cut), 2),
        "driver_ms_per_batch": round(1e3 * run.driver / len(cut), 3),
        "wait_ms": round(1e3 * statistics.median(run.waits), 2),
        "busy": round(run.work / (run.work + sum(run.waits)), 4),
    }


def measure(repeats: int) -> dict[str, object]:
    """Wall seconds of the same LSTM batches on one worker and on two, of Ray and of bare processes, interleaved."""
    from cluster.execution import ray_connection, ray_pool

    raw = {
        "windows": {"n_windows": 4},
        "members": [{"model": "lstm-direct", "input_size": [7, 15, 30], "seeds": 16}],
    }  # as many fits as configs/yuebao.yaml has
    config, panel = parse_config(raw, "bench"), make_panel()
    plan = make_plan(config, panel, "cpu")
    batches = cut_batches(plan, plan.trials)
    seconds: dict[tuple[str, int], list[float]] = {(side, k): [] for side in ("bare", "ray") for k in (1, 2)}
    overhead = []
    for repeat in range(repeats + 1):
        order = (2, 1) if repeat % 2 else (1, 2)  # neither side always meets the machine first
        bare = {workers: _run_bare(workers, plan, panel, batches) for workers in order}
        with ray_connection.connected():
            of_ray = {
                k: _run_once(config.cluster.model_copy(update={"workers": k}), plan, panel, batches, ray_pool)
                for k in order
            }
        if repeat:  # the first round compiles
            for k in order:
                seconds["bare", k].append(bare[k])
                seconds["ray", k].append(of_ray[k].wall)
                overhead.append(k * of_ray[k].wall / of_ray[k].work - 1)
    ratios = {
        side: [one / two for one, two in zip(seconds[side, 1], seconds[side, 2], strict=True)]
        for side in ("bare", "ray")
    }
    return {
        "batches": len(batches),
        "fits": plan.n_fits,
        "one_worker_s": round(statistics.median(seconds["ray", 1]), 2),
        "two_workers_s": round(statistics.median(seconds["ray", 2]), 2),
        "ratio": round(statistics.median(ratios["ray"]), 3),
        "ratios": sorted(round(ratio, 3) for ratio in ratios["ray"]),
        "bare_ratio": round(statistics.median(ratios["bare"]), 3),
        "bare_ratios": sorted(round(ratio, 3) for ratio in ratios["bare"]),
        "overhead_over_training": round(statistics.median(overhead), 3),
    }


def _run_bare(workers: int, plan, panel, batches) -> float:  # type: ignore[no-untyped-def]
    """Wall seconds of the batches in processes without Ray, warm as Ray's workers are: what the machine can do."""
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(workers, mp_context=spawn, initializer=_prepare) as pool,
        Lease(Storage(f"{folder}/run"), print) as lease,
    ):
        context = WorkContext(panel, plan.windows, 1, f"{folder}/run", lease.token, 1)
        list(pool.map(time.sleep, [0.5] * workers))  # every process is up
        began = time.perf_counter()
        list(pool.map(work, batches, itertools.repeat(context), itertools.repeat("cpu")))
        return time.perf_counter() - began


def _prepare() -> None:
    limit_threads(1)
    warm_up("cpu", ("lstm-direct",))


@dataclass(frozen=True)
class _Run:
    """Seconds: `wall` from the first batch's start to the last one's end, `work` training and writing of all batches,
    `driver` CPU of this process meanwhile, `waits` of a worker before each batch but its first.
    """

    wall: float
    work: float
    driver: float
    waits: list[float]


def _run_once(cluster, plan, panel, batches, ray_pool) -> _Run:  # type: ignore[no-untyped-def]
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(str(Path(folder) / "run"))
        with Lease(store.storage, print) as lease:
            context = WorkContext(panel, plan.windows, 1, store.storage.address, lease.token, 1)
            ends: list[tuple[float, float]] = []
            reports: list[BatchReport] = []

            def note(report: BatchReport) -> None:
                ends.append((time.perf_counter(), time.process_time()))
                reports.append(report)

            run_batches(batches, ray_pool.RayPool(cluster, "cpu", context, []), note, 3600)
        work = [report.train_seconds + report.write_seconds for report in reports]
        first = {report.node: report for report in reversed(reports)}
        waits = [report.wait_seconds for report in reports if report is not first[report.node]]
        (began, cpu_began), (ended, cpu_ended) = ends[0], ends[-1]
        return _Run(ended - began + work[0], sum(work), cpu_ended - cpu_began, waits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ray", action="store_true", help="measure what a second real worker brings")
    parser.add_argument("--short", action="store_true", help="measure short batches on two real workers")
    parser.add_argument("--gpus", action="store_true", help="simulate GPU plans on 8 x 4 workers, some of which die")
    parser.add_argument("--batches", type=int, default=None, help="default 10,000 simulated, 1,000 real")
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument(
        "--repeats", type=int, default=9, help="pairs of runs for --ray: single ones scatter by a tenth"
    )
    options = parser.parse_args()
    if options.short:
        result: dict[str, object] = short(options.batches or 1_000)
    elif options.gpus:
        result = {
            "plans": [on_gpus(case) for case in CASES] + [on_gpus(CASES[-1], 10, deaths) for deaths in (0, 4, 16)]
        }
    elif options.ray:
        result = measure(options.repeats)
    else:
        result = simulate(options.batches or 10_000, options.workers)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
