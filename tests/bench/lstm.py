"""How fast LSTMs train: ``python -m tests.bench.lstm [--json] [--fits 1 16 128 512] [--repeats 5] [--device cpu]``.

CPU seconds of one fit-epoch (320 windows in mini-batches of 32, 30 units, 31 outputs, L1, clipping, Adam) of

* one torch.nn.LSTM at a time with fused Adam, what people write (on a GPU: the cuDNN one, in wall time),
* this engine's torch backend with K fits in one program, shuffles included,
* this engine's numba backend (on a CPU; up to 128 fits, since it works fit by fit),

interleaved in one process on one thread, the medians of the repeats. `peak` is the fraction of the floating-point
rate that a matrix product of 1024 reaches here, counting the products of the LSTM only. The losses of 16 seeds after
25 epochs must agree between all sides. `--profile` adds where the numba kernel's time goes. Exits with 1 when a
target or the losses are missed.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from numba import njit

from forecasting.models.lstm.engine import kernel, microkernel, numba_backend, torch_backend
from forecasting.models.lstm.engine.network import Network
from forecasting.models.lstm.engine.samples import FitData, Samples, TrainSpec
from forecasting.models.lstm.engine.training import memory_per_fit

HIDDEN, BATCH, OUTPUTS, WINDOWS = 30, 32, 31, 320
TARGETS = {"torch": {7: 4.0, 15: 2.8, 30: 1.8}, "numba": {7: 8.0, 15: 6.0, 30: 4.5}}
SEEDS, EPOCHS = 16, 25
NUMBA_EPOCHS = 5
"""Epochs of a timed call: all that surrounds an epoch is counted."""


def make_spec(input_size: int, epochs: int) -> TrainSpec:
    return TrainSpec(Network("direct", input_size, 1, HIDDEN, OUTPUTS), epochs, BATCH, 1e-3, 1.0)


def make_fit(key: int, input_size: int) -> FitData:
    """Windows of one noisy random walk; every key sees the same data."""
    rng = np.random.default_rng(0)
    n = WINDOWS + input_size + OUTPUTS
    z = np.cumsum(0.1 * rng.normal(size=n)) + 0.3 * rng.normal(size=n)
    origin = np.arange(input_size, input_size + WINDOWS)
    level = np.stack([z[t - 7 : t].mean() for t in origin])[:, None]
    x = (z[origin[:, None] + np.arange(-input_size, 0)] - level)[:, :, None].astype(np.float32)
    y = (z[origin[:, None] + np.arange(OUTPUTS)] - level).astype(np.float32)
    samples = Samples(x, y, np.ones_like(y), np.zeros((WINDOWS, OUTPUTS, 0), dtype=np.float32))
    return FitData(key, samples, Samples(x[:0], y[:0], y[:0], samples.known[:0]))


class OneAtATime:
    """A plain training loop of one torch.nn.LSTM with a linear head."""

    def __init__(self, seed: int, input_size: int, device: str) -> None:
        torch.manual_seed(seed)
        self.lstm = torch.nn.LSTM(1, HIDDEN, batch_first=True).to(device)
        self.head = torch.nn.Linear(HIDDEN, OUTPUTS).to(device)
        # torch has two biases a gate, this engine one: with one of them at zero both sides start alike.
        torch.nn.init.zeros_(self.lstm.bias_ih_l0)
        self.parameters = [*self.lstm.parameters(), *self.head.parameters()]
        self.adam = torch.optim.Adam(self.parameters, lr=1e-3, fused=True)
        data = make_fit(0, input_size).train
        self.x, self.y = torch.from_numpy(data.x).to(device), torch.from_numpy(data.y).to(device)

    def epoch(self) -> float:
        total = torch.zeros((), device=self.x.device)
        for chosen in torch.randperm(WINDOWS, device=self.x.device).split(BATCH):
            self.adam.zero_grad()
            loss = (self.head(self.lstm(self.x[chosen])[0][:, -1]) - self.y[chosen]).abs().mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            self.adam.step()
            total += loss.detach()
        return float(total) / (WINDOWS // BATCH)


def clock(device: str) -> float:
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def timed(work: Callable[[], object], device: str) -> float:
    start = clock(device)
    work()
    return clock(device) - start


def torch_epoch(input_size: int, n_fits: int, device: str) -> Callable[[], object]:
    fits = [make_fit(key, input_size) for key in range(1, max(n_fits, 2) + 1)]
    spec = make_spec(input_size, EPOCHS)
    stack = torch_backend.Stack(spec, torch_backend.StackedFits.of(spec, fits, device), device)
    epochs = iter(range(1, EPOCHS + 1))

    def work() -> None:
        with torch.inference_mode():
            stack.epoch(next(epochs))

    return work


def numba_epoch(input_size: int, n_fits: int) -> Callable[[], object]:
    fits = [make_fit(key, input_size) for key in range(1, n_fits + 1)]
    return lambda: numba_backend.train(make_spec(input_size, NUMBA_EPOCHS), fits)


def peak_rate(device: str) -> float:
    """Floating-point operations a second of a large product."""
    a = torch.randn(1024, 1024, device=device)
    return max(2 * 1024**3 / timed(lambda: a @ a, device) for _ in range(5))


def lstm_operations(input_size: int) -> float:
    """Of the LSTM's products in one fit-epoch: forward, back to the inputs, and to the weights."""
    return 3.0 * 2 * 4 * HIDDEN * (HIDDEN + 2) * input_size * WINDOWS


def measure(input_size: int, fits: list[int], repeats: int, device: str) -> list[dict[str, object]]:
    reference = OneAtATime(0, input_size, device)
    contenders: dict[tuple[str, int], Callable[[], object]] = {("nn.LSTM", 1): reference.epoch}
    for n in fits:
        contenders["torch", n] = torch_epoch(input_size, n, device)
        if device == "cpu" and n <= 128:
            contenders["numba", n] = numba_epoch(input_size, n)
    seconds: dict[tuple[str, int], list[float]] = {name: [] for name in contenders}
    rates = []
    for repeat in range(repeats + 1):
        rates.append(peak_rate(device))
        for name, work in contenders.items():
            taken = timed(work, device) / name[1] / (NUMBA_EPOCHS if name[0] == "numba" else 1)
            if repeat:  # the first round warms up
                seconds[name].append(taken)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    rate = statistics.median(rates)
    return [
        {
            "backend": name,
            "input_size": input_size,
            "fits": n,
            "ms_per_fit_epoch": round(1e3 * median, 3),
            "fit_epochs_per_second": round(1.0 / median, 1),
            "speed_up": round(medians["nn.LSTM", 1] / median, 2),
            "peak": round(lstm_operations(input_size) / median / rate, 3),
        }
        for (name, n), median in medians.items()
    ]


def compare_losses(input_size: int, device: str) -> dict[str, object]:
    """Mean and spread of the training loss of the last epoch over the seeds, of each side."""
    sides: dict[str, list[float]] = {"nn.LSTM": []}
    for seed in range(SEEDS):
        one = OneAtATime(seed, input_size, device)
        sides["nn.LSTM"].append([one.epoch() for _ in range(EPOCHS)][-1])
    fits, spec = [make_fit(key, input_size) for key in range(1, SEEDS + 1)], make_spec(input_size, EPOCHS)
    sides["torch"] = [float(r.train_loss[-1]) for r in torch_backend.train(spec, fits, device)]
    if device == "cpu":
        sides["numba"] = [float(r.train_loss[-1]) for r in numba_backend.train(spec, fits)]
    spread = {name: statistics.stdev(values) for name, values in sides.items()}
    means = {name: statistics.fmean(values) for name, values in sides.items()}
    noise = {name: ((s**2 + spread["nn.LSTM"] ** 2) / SEEDS) ** 0.5 for name, s in spread.items()}
    agree = all(abs(means[name] - means["nn.LSTM"]) < 3 * noise[name] for name in sides)
    rounded = {name: {"mean": round(means[name], 5), "sd": round(spread[name], 5)} for name in sides}
    return {"input_size": input_size, "epochs": EPOCHS, "seeds": SEEDS, **rounded, "agree": agree}


@njit
def repeat_products(n, buffers, back):
    for _ in range(n):
        microkernel.product(buffers.gates[0], buffers.scaled, buffers.rows[0], 0)
        microkernel.product(buffers.d_lstm, buffers.gates[0], buffers.rows_t[0], 0)
        microkernel.product(buffers.d_hidden, back, buffers.gates[0], 0)


@njit
def repeat_tanh(n, values, cells):
    for _ in range(n):
        kernel.tanh_in_place(values)
        kernel.tanh_in_place(cells)


@njit
def repeat_adam(n, moments):
    for _ in range(n):
        kernel.adam(moments, 0, np.float32(1.0))


def profile_kernel(input_size: int, repeats: int = 300) -> dict[str, float]:
    """Share of a mini-batch of the numba kernel: products, tanh and Adam timed by themselves on numbers of a usual
    size."""
    network = Network("direct", input_size, 1, HIDDEN, OUTPUTS)
    buffers, data = kernel.Buffers.of(network, BATCH), kernel.Data(*vars(make_fit(1, input_size).train).values())
    rng = np.random.default_rng(0)
    ready = [np.abs(rng.normal(0.0, 0.1, size=network.size)).astype(np.float32) for _ in range(4)]
    moments = kernel.Moments(*ready, np.full(1, 1e-3, np.float32), np.ones(1, np.float32))
    matrix = network.unflatten(moments.parameters)["lstm"]
    order, masks = np.arange(BATCH)[None, :], np.zeros((1, 0, 0), dtype=np.float32)

    def cost(work: Callable[[int], object]) -> float:
        work(1)
        return min(timed(lambda: work(repeats), "cpu") for _ in range(7)) / repeats

    def whole(n: int) -> None:
        for _ in range(n):
            kernel.epoch(buffers, data, moments, order, masks, 0, np.float32(1.0), 0)

    total = cost(whole)
    buffers.gates[...] = rng.normal(size=buffers.gates.shape)
    parts = {
        "products": input_size * cost(lambda n: repeat_products(n, buffers, matrix[:, :HIDDEN].T)),
        "tanh": input_size * cost(lambda n: repeat_tanh(n, buffers.gates[0].reshape(-1), buffers.cell[1].reshape(-1))),
        "adam": cost(lambda n: repeat_adam(n, moments)),
    }
    shares = {name: round(value / total, 3) for name, value in parts.items()}
    return {"us_per_batch": round(1e6 * total, 1), **shares, "gates_and_rest": round(1.0 - sum(shares.values()), 3)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--fits", type=int, nargs="+", default=[1, 16, 128, 512])
    parser.add_argument("--input-size", type=int, nargs="+", default=[7, 15, 30])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [
        row for t in arguments.input_size for row in measure(t, arguments.fits, arguments.repeats, arguments.device)
    ]
    losses = [compare_losses(t, arguments.device) for t in arguments.input_size]
    memory = {t: memory_per_fit(make_spec(t, 1).network, BATCH) for t in arguments.input_size}
    result: dict[str, object] = {
        "device": arguments.device,
        "cpu": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "rows": rows,
        "losses": losses,
        "memory": [{"input_size": t, "bytes_per_fit": m, "fits_in_2_GB": 2 * 10**9 // m} for t, m in memory.items()],
    }
    if arguments.profile:
        result["profile"] = {t: profile_kernel(t) for t in arguments.input_size}
    missed = [
        row
        for row in rows
        if arguments.device == "cpu"
        and row["backend"] in TARGETS
        and (row["backend"] == "numba" or int(str(row["fits"])) >= 16)
        and float(str(row["speed_up"])) < TARGETS[str(row["backend"])].get(int(str(row["input_size"])), 0.0)
    ]
    result["missed"] = missed
    if arguments.json:
        print(json.dumps(result, indent=1))
    else:
        for row in rows:
            print("  ".join(f"{name} {value}" for name, value in row.items()))
        for name in ("losses", "memory", "profile"):
            print(name, result.get(name, ""))
        print("missed:", missed or "nothing")
    return int(bool(missed) or not all(bool(loss["agree"]) for loss in losses))


if __name__ == "__main__":
    sys.exit(main())
