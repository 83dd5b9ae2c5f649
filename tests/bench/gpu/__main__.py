"""Check and measure the LSTM engine on a GPU: ``python -m tests.bench.gpu [--device cuda|cpu] [--out FILE]``.

Needs Python 3.11, torch, numpy, numba, pandas, pyarrow and scipy, and neither a network nor the program's other
libraries. Writes FILE (JSON, by default gpu-bench.json) and the same as a page of text beside it, which it also prints.
Takes less than 8 minutes: what there is no time for is left out and named. `--device cpu` rehearses on a machine
without a GPU in less than 90 seconds; its figures say nothing about a GPU. Exits with 1 when a check or a measurement
fails, and with 2 when there is no such device.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.bench.gpu import pydantic_standin
from tests.bench.gpu.missing import fetch_command, install_command, missing

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """What is measured on a device, and after how many seconds no further measurement is started."""

    stop_after: float
    sizes: tuple[int, ...]
    input_sizes: tuple[int, ...]
    repeats: int
    processes: int
    process_fits: int
    process_seconds: float


PLANS = {
    "cuda": Plan(400.0, (1, 4, 16, 64, 192, 512, 1024, 2048, 4096), (7, 15, 30), 5, 4, 512, 8.0),
    "cpu": Plan(60.0, (1, 2, 16), (7, 15), 2, 2, 16, 2.0),
}
NO_GPU = {
    "memory per fit": "PyTorch counts the memory of a GPU, not of a CPU",
    "cuDNN": "one torch.nn.LSTM at a time ran on the CPU, without cuDNN",
    "K0": "the size up to which a batch costs the same is a property of GPUs; a straight line was drawn instead",
    "K above 16, four processes": "left to a machine with a GPU",
    "CUDA graphs": "a tape stood in for them",
}


@dataclass
class Log:
    """What has run, what it gave, and what was left out."""

    plan: Plan
    began: float = field(default_factory=time.perf_counter)
    timeline: list[dict[str, Any]] = field(default_factory=list)
    absent: list[tuple[str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def in_time(self) -> bool:
        return time.perf_counter() - self.began < self.plan.stop_after

    def stage(self, name: str, work: Callable[[], T]) -> T | None:
        """What a piece of work gives; None, with the reason kept, where it failed or there was no time for it."""
        if not self.in_time():
            self.absent.append((name, f"no time was left after {self.plan.stop_after:.0f} seconds"))
            return None
        start = time.perf_counter()
        print(f"{start - self.began:6.1f} s  {name}", file=sys.stderr, flush=True)
        try:
            return work()
        except Exception as error:  # an unknown machine: one fault must not hide what else there is to learn
            traceback.print_exc()
            self.failures.append(name)
            self.absent.append((name, f"failed: {type(error).__name__}: {str(error).splitlines()[0]}"))
            return None
        finally:
            taken = time.perf_counter() - start
            self.timeline.append({"name": name, "start": start - self.began, "seconds": taken})


def run_checks(log: Log, device: str) -> list[dict[str, Any]]:
    from tests.bench.gpu.checks import CHECKS

    rows = []
    for check in CHECKS:
        found = log.stage(f"check {check.name}", lambda check=check: check.answer(device))
        passed, figures = found or (None, "see the end of this page")
        rows.append({"name": check.name, "question": check.question, "passed": passed, "figures": figures})
    return rows


def measurements(log: Log, device: str) -> dict[str, Any]:
    from tests.bench.gpu import speed

    plan, rows = log.plan, []
    largest = plan.sizes[-1] if device == "cpu" else plan.process_fits
    phases = log.stage("one batch by phases", lambda: speed.phases(device, largest))
    seconds = log.stage("cost of whole batches", lambda: batch_costs(log, device)) or {}
    enough = len(seconds) > 3 or (device == "cpu" and len(seconds) > 1)
    cost = speed.cost_of(seconds, with_floor=device != "cpu") if enough else {}
    facts = {"seconds": seconds, "epochs": speed.BATCH_EPOCHS, "input_size": speed.INPUT_SIZE}
    memory = []
    if device != "cpu":
        memory = log.stage("memory per fit", lambda: [speed.fits_of_memory(t) for t in plan.input_sizes]) or []
    shared = log.stage(
        f"{plan.processes} processes",
        lambda: speed.sharing(device, plan.processes, plan.process_fits, plan.process_seconds),
    )
    for t in plan.input_sizes:
        work = lambda t=t: speed.sweep(device, t, plan.sizes, plan.repeats, log.in_time)  # noqa: E731
        found = log.stage(f"speed, look-back {t}", work) or []
        rows += found
        left_out = sorted(set(plan.sizes) - {row["fits"] for row in found if row["side"] == "engine"})
        if found and left_out:
            sizes = ", ".join(map(str, left_out))
            log.absent.append((f"look-back {t}, K = {sizes}", "no memory or no time was left"))
    return {
        "phases": phases and {"fits": largest, "seconds": phases},
        "cost": {**facts, **cost} if cost else {},
        "memory": memory,
        "sharing": shared,
        "speed": rows,
    }


def batch_costs(log: Log, device: str) -> dict[int, float]:
    """Seconds of a whole batch by its number of fits; sizes that do not fit into memory or time are left out."""
    from tests.bench.gpu import speed

    speed.batch_seconds(device, 2)  # warms up
    seconds: dict[int, float] = {}
    for n in log.plan.sizes:
        if not log.in_time():
            log.absent.append((f"cost of a batch of {n} fits", "no time was left"))
            break
        try:
            seconds[n] = speed.batch_seconds(device, n)
        except MemoryError:
            log.absent.append((f"cost of a batch of {n} fits", "they do not fit into the memory"))
            break
    return seconds


def machine(device: str) -> dict[str, Any]:
    import numpy
    import torch

    from forecasting.models.lstm.engine import torch_graph
    from forecasting.models.lstm.engine.network import Network

    name = torch.cuda.get_device_name() if device != "cpu" else f"a CPU ({platform.processor() or platform.machine()})"
    found = {
        "device": name,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }
    network = Network("direct", 15, 1, 30, 31)
    found["kernels"] = "fused" if torch_graph.can_fuse(network, device) else "step by step"
    memory = torch.cuda.get_device_properties(0).total_memory if device != "cpu" else None
    return {**found, "cuda": torch.version.cuda if device != "cpu" else None, "gpu_bytes": memory}


def run(kind: str) -> dict[str, Any]:
    """The whole result for one kind of device."""
    lacking = missing()
    stood_in = pydantic_standin.install_if_missing()
    import torch

    torch.set_num_threads(1)
    device = "cuda:0" if kind == "cuda" else "cpu"
    log = Log(PLANS[kind])
    checks = run_checks(log, device)
    found = measurements(log, device)
    log.absent += list(NO_GPU.items()) if kind == "cpu" else []
    if stood_in:
        log.absent.append(("validation of settings", "pydantic is missing; models ran with their defaults"))
    wrong = log.failures + [check["name"] for check in checks if check["passed"] is False]
    return {
        "rehearsal": kind == "cpu",
        "machine": machine(device),
        "failed": wrong,
        "checks": checks,
        **found,
        "timeline": log.timeline,
        "absent": log.absent,
        "missing": lacking,
        "fetch": fetch_command(lacking) if lacking else None,
        "install": install_command(lacking) if lacking else None,
        "seconds": time.perf_counter() - log.began,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=list(PLANS), default="cuda")
    parser.add_argument("--out", type=Path, default=Path("gpu-bench.json"), metavar="FILE")
    parser.add_argument("--process", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    import torch

    if arguments.device == "cuda" and not torch.cuda.is_available():
        print("torch finds no CUDA device here: --device cpu rehearses without one", file=sys.stderr)
        return 2
    if arguments.process:
        pydantic_standin.install_if_missing()
        from tests.bench.gpu.speed import work_in_a_process

        torch.set_num_threads(1)
        fits, seconds, share = arguments.process
        work_in_a_process("cuda:0" if arguments.device == "cuda" else "cpu", int(fits), float(seconds), int(share))
        return 0
    from tests.bench.gpu.page import page_of

    result = run(arguments.device)
    page = page_of(result)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    arguments.out.with_suffix(".txt").write_text(page)
    print(page)
    return int(bool(result["failed"]))


if __name__ == "__main__":
    sys.exit(main())
