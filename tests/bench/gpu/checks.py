"""Whether the engine computes on a device what it should. Each check answers one question in a sentence of figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from forecasting.models.base import FitTask, PanelTask
from forecasting.models.lstm.engine import torch_backend, torch_graph
from forecasting.models.lstm.engine.network import initial_parameters
from forecasting.models.lstm.engine.philox import DROPOUT, split_key, words
from forecasting.models.lstm.engine.samples import FitResult
from forecasting.registry import found_in
from tests.bench import lstm
from tests.forecasting.histories import days_after, noisy_week
from tests.forecasting.models.lstm.common import classic_spec, direct_spec, make_fit, make_samples
from tests.forecasting.models.lstm.engine import references, tape

__all__ = ["CHECKS", "Check", "rehearsed"]

GRADIENTS = 1e-5
ROUNDING = 1e-3
"""Largest difference of a weight or a loss after some epochs between programs that round differently."""
FORECASTS = 0.02
"""Largest relative difference of a forecast between devices, after three epochs."""
TOO_MUCH = 1 << 48
"""Bytes that no machine has."""

Answer = tuple[bool, str]


@dataclass(frozen=True)
class Check:
    """A question, and what answers it on a device: whether it passed, and its figures."""

    name: str
    question: str
    answer: Callable[[str], Answer]


@contextmanager
def rehearsed(device: str) -> Iterator[None]:
    """On a CPU, replay mini-batches from a tape, as a GPU replays them from a graph."""
    original = torch_backend.recorder
    if device == "cpu":
        torch_backend.recorder = lambda _: tape.record
    try:
        yield
    finally:
        torch_backend.recorder = original


def apart(a: list[FitResult], b: list[FitResult]) -> float:
    """Largest difference of a weight or a training loss; infinite when fits stopped at different epochs."""
    pairs = list(zip(a, b, strict=True))
    if any(len(x.train_loss) != len(y.train_loss) for x, y in pairs):
        return float("inf")
    parts = [(getattr(x, name), getattr(y, name)) for x, y in pairs for name in ("parameters", "train_loss")]
    return max(float(np.abs(x - y).max()) for x, y in parts)


def same_bits(a: list[FitResult], b: list[FitResult]) -> bool:
    return all(
        getattr(x, name).tobytes() == getattr(y, name).tobytes()
        for x, y in zip(a, b, strict=True)
        for name in ("parameters", "train_loss", "valid_loss")
    )


def fits_for(spec: Any, n: int = 8) -> list[Any]:
    return [make_fit(key, spec.network, n=50 + key) for key in range(1, n + 1)]


def random_numbers(device: str) -> Answer:
    spec = direct_spec()
    stack = torch_backend.Stack(spec, torch_backend.StackedFits.of(spec, fits_for(spec), device), device)
    keys = np.array([split_key(fit.key) for fit in fits_for(spec)], dtype=np.int64)
    found = stack._words(DROPOUT, 1000, 3, 7).cpu().numpy()
    wrong = int((found != words(keys, DROPOUT, 1000, 3, 7)).sum())
    return wrong == 0, f"{wrong} of {found.size:,} numbers differ"


def gradients(device: str) -> Answer:
    worst = []
    samples = make_samples(np.random.default_rng(1), 32, references.NETWORK)
    flat = initial_parameters(references.NETWORK, 11)
    for loss in ("l1", "huber", "mse"):
        out, found = references.torch_pass(flat, samples, loss, device)
        wanted_out, wanted = references.reference(references.NETWORK.unflatten(flat), samples, loss)
        worst += [
            np.abs(out - wanted_out).max(),
            *(np.abs(found[name] - value).max() for name, value in wanted.items()),
        ]
    for n_inputs in (1, 3):
        (out, found), (wanted_out, wanted), _ = references.classic_passes(n_inputs, device)
        worst.append(float((out - wanted_out).abs().max()))
        for name, value in wanted.items():
            worst.append(float((found[name] - value).abs().max()) / max(1.0, float(value.abs().max())))
    return max(worst) < GRADIENTS, f"largest difference {max(worst):.1e} (limit {GRADIENTS:.0e})"


def losses(device: str) -> Answer:
    """Of 16 seeds after 25 epochs, beside those of one torch.nn.LSTM at a time."""
    found: dict[str, Any] = lstm.compare_losses(7, device)
    ours, one = found["torch"], found["nn.LSTM"]
    text = f"mean {ours['mean']:.4f} (sd {ours['sd']:.4f}), nn.LSTM {one['mean']:.4f} (sd {one['sd']:.4f})"
    return bool(found["agree"]), text


def as_on_a_cpu(device: str) -> Answer:
    """Each network with its own loss and dropout, after some epochs."""
    found = {}
    for spec in (direct_spec(patience=None), classic_spec()):
        plain = torch_backend.train(spec, fits_for(spec))
        with rehearsed(device):
            found[spec.network.topology] = apart(plain, torch_backend.train(spec, fits_for(spec), device))
    text = ", ".join(f"{name} {value:.1e}" for name, value in found.items())
    return max(found.values()) < ROUNDING, f"largest difference {text} (limit {ROUNDING:.0e})"


def two_mini_batches(device: str) -> Answer:
    """Two epochs through one recording, beside the same mini-batches run one by one."""
    spec = direct_spec()

    def weights(replayed: bool) -> Any:
        stack = torch_backend.Stack(spec, torch_backend.StackedFits.of(spec, fits_for(spec), device), device)
        stack.replays = stack.replays if replayed else {}
        for epoch in (1, 2):
            stack.epoch(epoch)
        return stack.fits.parameters.clone(), bool(stack.replays)

    with torch_graph.on_device(device), torch.inference_mode(), rehearsed(device):
        (replayed, recorded), (plain, _) = weights(True), weights(False)
    difference = float((replayed - plain).abs().max())
    same = "same bits" if torch.equal(replayed, plain) else f"largest difference {difference:.1e}"
    return recorded and difference < ROUNDING, f"{same} after {2 * spec.steps(58)} mini-batches"


def repeats(device: str) -> Answer:
    same = []
    for spec in (direct_spec(), classic_spec()):
        with rehearsed(device):
            same.append(same_bits(*(torch_backend.train(spec, fits_for(spec), device) for _ in range(2))))
    return all(same), "same bits" if all(same) else "different bits: two equal runs do not give equal files"


def split(device: str) -> Answer:
    spec = direct_spec(patience=None)
    fits = fits_for(spec, 32)
    whole = torch_backend.train(spec, fits, device)
    parts = [result for part in (fits[:5], fits[5:]) for result in torch_backend.train(spec, part, device)]
    return _as_promised(whole, parts, device)


def compaction(device: str) -> Answer:
    """Fits that stop early leave the program as soon as one has, or never."""
    spec = direct_spec(patience=1, epochs=8, learning_rate=3e-2)
    original, made = torch_backend.worth_compacting, []

    def always(running: Any, steps_left: int, device: str) -> bool:
        made.append(len(running) > 2 and not running.all())
        return made[-1]

    try:
        torch_backend.worth_compacting = always
        with rehearsed(device):
            smaller = torch_backend.train(spec, fits_for(spec), device)
        torch_backend.worth_compacting = lambda running, steps_left, device: False
        whole = torch_backend.train(spec, fits_for(spec), device)
    finally:
        torch_backend.worth_compacting = original
    passed, text = _as_promised(whole, smaller, device)
    return passed and any(made), f"{text}; {sum(made)} times smaller"


def _as_promised(a: list[FitResult], b: list[FitResult], device: str) -> Answer:
    """Bits on a CPU, rounding on a GPU."""
    if same_bits(a, b):
        return True, "same bits"
    difference = apart(a, b)
    return device != "cpu" and difference < ROUNDING, f"largest difference {difference:.1e} (limit {ROUNDING:.0e})"


def out_of_memory(device: str) -> Answer:
    """An allocation that cannot be met, in the very run that is captured."""
    spec, step, runs = direct_spec(), torch_backend.Stack._train_step, []

    def greedy(stack: Any) -> None:
        runs.append(step(stack))
        if len(runs) == torch_graph.WARM_UPS + 1:
            torch.empty(TOO_MUCH, dtype=torch.uint8, device=device)

    with rehearsed(device):
        before = torch_backend.train(spec, fits_for(spec), device)
        held = torch.cuda.memory_allocated() if device != "cpu" else 0
        torch_backend.Stack._train_step = greedy
        try:
            torch_backend.train(spec, fits_for(spec), device)
            return False, "no MemoryError"
        except MemoryError:
            pass
        finally:
            torch_backend.Stack._train_step = step
        left = (torch.cuda.memory_allocated() if device != "cpu" else 0) - held
        same = same_bits(before, torch_backend.train(spec, fits_for(spec), device))
    return same and left <= 0, f"MemoryError; {left:,} bytes left behind; the next batch gives {_bits(same)}"


def _bits(same: bool) -> str:
    return "the same bits" if same else "other bits"


def models(device: str) -> Answer:
    """Every LSTM model on a year of days: forecasts that are amounts, and close to those of a CPU."""
    history = noisy_week(365)
    rates = np.random.default_rng(1).normal(3.0, 0.1, size=(365, 1))
    history = replace(history, past=rates, past_names=("rate",))
    found: dict[str, float] = {}
    for cls in found_in("forecasting.models.lstm", _is_model):
        model = cls(cls.settings_type(epochs=3))
        forecasts = [_forecast(model, history, where) for where in ("cpu", device)[: 1 + hasattr(model, "fit_many")]]
        amounts = all(np.isfinite(f).all() and (f > 0.0).all() for f in forecasts)
        found[cls.name] = float(np.abs(forecasts[-1] / forecasts[0] - 1.0).max()) if amounts else float("inf")
    text = ", ".join(f"{name} {100 * value:.2g}%" for name, value in found.items())
    return len(found) >= 5 and max(found.values()) < FORECASTS, f"differ by {text} (limit {100 * FORECASTS:.0f}%)"


def _forecast(model: Any, history: Any, device: str) -> np.ndarray:
    """31 days ahead; only a model that trains many fits at a time uses the device."""
    if hasattr(model, "fit_many"):
        state, _ = model.fit_many([FitTask(history, 31, key) for key in (7, 8)], device)
    elif hasattr(model, "fit_all"):
        state = model.fit_all(PanelTask((history,), 31, 7))
    else:
        state = model.fit(FitTask(history, 31, 7))
    return np.asarray(model.predict(state, history, days_after(history, 31)))


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and isinstance(vars(value).get("name"), str)


CHECKS = (
    Check("random numbers", "Are shuffles and dropout masks drawn from the same numbers as on a CPU?", random_numbers),
    Check("gradients", "Are outputs and gradients those of float64 autograd?", gradients),
    Check("losses", "Do losses after 25 epochs agree with torch.nn.LSTM's, over 16 seeds?", losses),
    Check("as on a CPU", "Do trained weights and losses agree with those of the CPU program?", as_on_a_cpu),
    Check("one graph", "Does one recorded graph serve every mini-batch and epoch?", two_mini_batches),
    Check("repeat", "Does the same batch give the same bits twice?", repeats),
    Check("split batches", "Does a fit come to the same in a batch of other size?", split),
    Check("compaction", "Does a batch that sheds stopped fits give the same results?", compaction),
    Check("out of memory", "Is lack of memory while a graph is recorded survived?", out_of_memory),
    Check("models", "Does every LSTM model train and predict?", models),
)
