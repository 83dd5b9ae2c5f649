"""How fast, how large and how well shared: what the page quotes, as plain numbers."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from forecasting.models.lstm.engine import torch_backend, torch_graph
from forecasting.models.lstm.engine.training import memory_per_fit
from tests.bench import lstm

__all__ = ["batch_seconds", "cost_of", "fits_of_memory", "phases", "sharing", "sweep", "work_in_a_process"]

ROOT = Path(__file__).resolve().parents[3]
INPUT_SIZE = 15
"""Days that the network looks back, where one size must do."""
BATCH_EPOCHS = 25
MEMORY_FITS = (128, 512)
"""Memory per fit is the difference between batches of these sizes, over the difference of fits."""

PATIENCE = 60.0
"""Seconds that a process may take beyond those it works."""

Row = dict[str, Any]


def sweep(device: str, input_size: int, sizes: Sequence[int], repeats: int, in_time: Callable[[], bool]) -> list[Row]:
    """Seconds of an epoch of one torch.nn.LSTM, then of K fits in one program; medians, one row each.

    Sizes that the memory does not hold, or for which no time is left, have no row.
    """
    # The one at a time keeps torch's defaults, which are faster: its LSTM may use TF32.
    one = _median(lstm.OneAtATime(0, input_size, device).epoch, device, repeats)
    with torch_graph.on_device(device):
        rate = lstm.peak_rate(device)
        rows = [_row("nn.LSTM", input_size, 1, one, one, rate)]
        for n in sizes:
            if not in_time():
                break
            try:
                taken = _median(lstm.torch_epoch(input_size, n, device), device, repeats)
            except torch.OutOfMemoryError:
                break
            finally:
                torch.cuda.empty_cache()
            rows.append(_row("engine", input_size, n, taken, one, rate))
    return rows


def _median(work: Callable[[], object], device: str, repeats: int) -> float:
    work()
    return statistics.median(lstm.timed(work, device) for _ in range(repeats))


def _row(side: str, input_size: int, n: int, seconds: float, one: float, rate: float) -> Row:
    return {
        "side": side,
        "input_size": input_size,
        "fits": n,
        "ms_per_epoch": 1e3 * seconds,
        "fit_epochs_per_second": n / seconds,
        "speed_up": n * one / seconds,
        "peak_share": n * lstm.lstm_operations(input_size) / seconds / rate,
    }


def batch_seconds(device: str, n: int) -> float:
    """Wall time of a whole batch of `n` fits: data, graphs, all epochs, results."""
    spec = lstm.make_spec(INPUT_SIZE, BATCH_EPOCHS)
    fits = [lstm.make_fit(key, INPUT_SIZE) for key in range(1, n + 1)]
    start = time.perf_counter()
    torch_backend.train(spec, fits, device)
    return time.perf_counter() - start


def cost_of(seconds: dict[int, float], *, with_floor: bool) -> dict[str, float]:
    """a, b and K0 of the cost a + b·max(K, K0) that is closest to measured seconds, in relative terms.

    Below K0 a batch takes as long as one of K0 fits. Without a floor K0 is 0: a straight line. Neither a nor b is
    negative.
    """
    size, taken = (np.array(part, dtype=float) for part in zip(*sorted(seconds.items()), strict=True))
    found = []
    for floor in size[:-1] if with_floor else [0.0]:
        design = np.column_stack([np.ones_like(size), np.maximum(size, floor)]) / taken[:, None]
        for used in ([0, 1], [1], [0]):
            part, *_ = np.linalg.lstsq(design[:, used], np.ones_like(taken), rcond=None)
            weights = np.zeros(2)
            weights[used] = part
            if (weights >= 0.0).all():
                error = float(np.abs(design @ weights - 1.0).max())
                found.append((error, float(weights[0]), float(weights[1]), float(floor)))
    error, a, b, floor = min(found)
    return {"a": a, "b": b, "k0": floor, "largest_error": error}


def fits_of_memory(input_size: int) -> Row:
    """Bytes of one fit on a GPU, as held by PyTorch with a graph recorded, beside the formula that sizes batches."""
    device, held = "cuda:0", []
    with torch_graph.on_device(device):
        for n in MEMORY_FITS:
            torch.cuda.empty_cache()
            before = torch.cuda.memory_reserved()
            work = lstm.torch_epoch(input_size, n, device)
            work()
            held.append(torch.cuda.memory_reserved() - before)
            del work
    measured = (held[1] - held[0]) / (MEMORY_FITS[1] - MEMORY_FITS[0])
    formula = memory_per_fit(lstm.make_spec(input_size, 1).network, lstm.BATCH, lstm.WINDOWS)
    return {"input_size": input_size, "measured": measured, "formula": formula, "ratio": measured / formula}


def phases(device: str, n: int) -> Row:
    """Where the wall time of a batch goes, in seconds: `copy` is data and weights to the device."""
    spec = lstm.make_spec(INPUT_SIZE, BATCH_EPOCHS)
    fits = [lstm.make_fit(key, INPUT_SIZE) for key in range(1, n + 1)]
    marks = [("start", lstm.clock(device) if device != "cpu" else time.perf_counter())]

    def mark(name: str) -> None:
        if device != "cpu":
            torch.cuda.synchronize()
        marks.append((name, time.perf_counter()))

    with torch_graph.on_device(device), torch.inference_mode():
        stacked = torch_backend.StackedFits.of(spec, fits, device)
        mark("copy")
        stack = torch_backend.Stack(spec, stacked, device)
        mark("buffers and graphs")
        for epoch in range(1, BATCH_EPOCHS + 1):
            stack.epoch(epoch)
        mark(f"{BATCH_EPOCHS} epochs")
        stack.kept()
        mark("results")
    return {name: end - start for (_, start), (name, end) in pairwise(marks)}


def sharing(device: str, processes: int, n: int, seconds: float) -> Row:
    """Fit-epochs a second of one process, and of several at once on the same device."""
    alone, together = (_together(device, count, n, seconds, processes) for count in (1, processes))
    return {
        "processes": processes,
        "fits": n,
        "alone": sum(alone),
        "each": together,
        "ratio": sum(together) / sum(alone),
    }


def _together(device: str, count: int, n: int, seconds: float, share: int) -> list[float]:
    command = [sys.executable, "-m", "tests.bench.gpu", "--device", device.partition(":")[0], "--process"]
    command += [str(value) for value in (n, seconds, share)]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(count)]
    try:
        for process in started:  # all are warm before any is measured
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError(f"a process ended with code {process.wait()} before it was ready")
        answers = []
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in started:
            answers.append(float(process.communicate(timeout=seconds + PATIENCE)[0]))
    finally:
        for process in started:
            process.kill()
    return answers


def work_in_a_process(device: str, n: int, seconds: float, share: int) -> None:
    """Say "ready", wait for a line, train `n` fits for some seconds with a share of the memory, print fit-epochs a
    second.
    """
    if device != "cpu":
        torch.cuda.set_per_process_memory_fraction(1.0 / share)
    spec = lstm.make_spec(INPUT_SIZE, 10_000)
    fits = [lstm.make_fit(key, INPUT_SIZE) for key in range(1, n + 1)]
    with torch_graph.on_device(device), torch.inference_mode():
        stack = torch_backend.Stack(spec, torch_backend.StackedFits.of(spec, fits, device), device)
        stack.epoch(1)
        print("ready", flush=True)
        sys.stdin.readline()
        start, done = time.perf_counter(), 1
        while time.perf_counter() - start < seconds and done < spec.epochs:
            done += 1
            stack.epoch(done)
        print((done - 1) * n / (time.perf_counter() - start), flush=True)
