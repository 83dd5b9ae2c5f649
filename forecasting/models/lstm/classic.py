"""`lstm-classic`: the network of a widely read write-up on this fund, as a forecaster.

The series itself, scaled to [0, 1]; windows of `input_size` days, each step labelled with the next day; two LSTM
layers with peepholes, the second projected to one unit. It stops when training and validation loss sum to
`target_loss`. The write-up goes no further than one day ahead; here the network rolls on over its own output, which
is what its readers do next.

The write-up scales by the whole series, validation days included, so that its stop knows them: `as_published: true`
does so too; the default reads the training days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.errors import TrialError
from forecasting.models.base import FitTask, Settings, State
from forecasting.models.lstm.engine.network import Array, Network, forward
from forecasting.models.lstm.engine.samples import FitData, FitResult, Samples, TrainSpec
from forecasting.models.lstm.engine.training import Backend, fits_per_batch, train
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, IntArray, iso

__all__ = ["LstmClassic", "LstmClassicSettings"]

CLAIM = "scaled by the validation days too"


class LstmClassicSettings(Settings):
    """Settings of `lstm-classic`."""

    input_size: int = Field(15, ge=2, le=366, description="days of a window")
    hidden_size: int = Field(30, ge=1, le=512, description="units of the dense and the LSTM layers")
    epochs: int = Field(25, ge=1, le=10_000, description="most passes over the training windows")
    batch_size: int = Field(32, ge=1, le=4096, description="windows per step of the optimizer")
    batches: Literal["shuffled", "sliding"] = Field(
        "shuffled", description="mini-batches: shuffled, or consecutive windows moved on by one window a step"
    )
    learning_rate: float = Field(1e-3, gt=0, le=1, description="step size of Adam")
    clip_norm: float = Field(15.0, gt=0, description="gradients longer than this are cut to it")
    dropout: float = Field(0.5, ge=0, lt=1, description="share of the first layer's outputs dropped in training")
    target_loss: float | None = Field(
        0.045, gt=0, description="stop when training and validation loss sum to this; null: train all epochs"
    )
    validation_days: int = Field(20, ge=1, description="last days kept from training to validate on")
    as_published: bool = Field(False, description=f"true: the write-up's scaling, which is a leak: {CLAIM}")
    start: Literal["scaled", "unit"] = Field(
        "scaled", description="deviation of the weights at the start: 1/sqrt(inputs), or 1 as the write-up has it"
    )
    history_days: int | None = Field(184, ge=30, description="most recent days that are used; null: all")
    backend: Literal["auto", "torch"] = Field("auto", description="what trains this network; auto: torch")


class LstmClassic:
    """See the module's text."""

    family: ClassVar[str] = "lstm"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "torch")
    seeded: ClassVar[bool] = True
    settings_type: ClassVar[type[Settings]] = LstmClassicSettings

    def __init__(self, settings: LstmClassicSettings) -> None:
        self.settings = settings
        steps = settings.input_size
        self.network = Network("classic", steps, 1, settings.hidden_size, steps, start=settings.start)

    @property
    def seconds_per_fit(self) -> float:
        """As torch takes on half a year of days; every day of the window is a step of the recurrence."""
        return 0.02 * self.settings.input_size * self.settings.epochs / 25

    def backend(self, device: str) -> Backend:  # noqa: ARG002  # part of the protocol
        """Torch, on every device."""
        return "torch"

    def fits_per_batch(self, device: str) -> int:
        """How many fits are computed together on this device."""
        return fits_per_batch(self.network, self.settings.batch_size, device)

    def fit_many(self, tasks: Sequence[FitTask], device: str) -> list[State | TrialError]:
        """Train all tasks as one program."""
        s = self.settings
        spec = TrainSpec(
            network=self.network,
            epochs=s.epochs,
            batch_size=s.batch_size,
            learning_rate=s.learning_rate,
            clip_norm=s.clip_norm,
            loss="mse",
            dropout=s.dropout,
            target_loss=s.target_loss,
            batches=s.batches,
        )
        prepared = [_prepare(task, s) for task in tasks]
        fits = [p.fit for p in prepared if isinstance(p, Prepared)]
        results = iter(train(spec, fits, self.backend(device), device))
        return [p if isinstance(p, TrialError) else _state(p, next(results)) for p in prepared]

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, day by day from the end of `history`.

        Raises TrialError when the history is shorter than a window.
        """
        steps = self.settings.input_size
        if len(history.y) < steps:
            raise TrialError(
                f"{history.unique_id} has {len(history.y)} days up to {history.cutoff}: a window is {steps}"
            )
        low, spread = state.arrays["scaling"]
        parameters = self.network.unflatten(state.arrays["parameters"])
        ahead = (ds - history.cutoff).astype(np.int64)
        values = list(((history.y[-steps:] - low) / spread).astype(np.float32))
        known = np.zeros((1, steps, 0), dtype=np.float32)
        for _ in range(int(ahead.max(initial=0))):
            x = np.array(values[-steps:], dtype=np.float32)[None, :, None]
            values.append(forward(self.network, parameters, x, known)[0, -1])
        return np.asarray(low + spread * np.array(values, dtype=np.float64)[steps - 1 + ahead])

    def update(self, state: State, history: History) -> State:
        """The range that days are scaled by, from a newer history; the network stays."""
        return replace(state, arrays={**state.arrays, "scaling": np.array(_range(history, self.settings))})


def _used(history: History, settings: LstmClassicSettings) -> FloatArray:
    return history.y[-settings.history_days :] if settings.history_days else history.y


def _range(history: History, settings: LstmClassicSettings) -> tuple[float, float]:
    """Smallest value and spread of the days that scale."""
    y = _used(history, settings)
    seen = y if settings.as_published else y[: len(y) - settings.validation_days]
    return float(seen.min()), float(seen.max() - seen.min()) or 1.0


class Prepared:
    """Samples of one task, and the scaling that leads back to y."""

    def __init__(self, task: FitTask, settings: LstmClassicSettings) -> None:
        y = _used(task.history, settings)
        n, steps = len(y), settings.input_size
        split = n - settings.validation_days
        if split <= steps:
            raise TrialError(
                f"{task.history.unique_id} has {n} days up to {task.history.cutoff}: windows of {steps} days and "
                f"{settings.validation_days} days of validation need at least {settings.validation_days + steps + 1}"
            )
        self.low, self.spread = _range(task.history, settings)
        scaled = ((y - self.low) / self.spread).astype(np.float32)
        ds = task.history.ds[-n:]
        self.days = {"train": iso(ds[1]), "valid": iso(ds[split])}
        self.fit = FitData(
            key=task.key,
            train=_windows(scaled, np.arange(split - steps), steps, 0),
            valid=_windows(scaled, side_by_side(split - 1, n - 1 - steps, steps), steps, split),
            check=_windows(scaled, side_by_side(0, split - 1 - steps, steps), steps, 0),
        )


def side_by_side(first: int, last: int, steps: int) -> IntArray:
    """Starts of windows that do not overlap, from `first`; the last window starts at `last`, reaching back if need
    be.
    """
    return np.unique(np.append(np.arange(first, last, steps), last))


def _windows(scaled: Array, starts: IntArray, steps: int, from_day: int) -> Samples:
    """Windows whose labels are the days after their inputs; labels before `from_day` do not count."""
    day = starts[:, None] + np.arange(steps)
    weight = (day + 1 >= from_day).astype(np.float32)
    return Samples(
        scaled[day][:, :, None], scaled[day + 1], weight, np.zeros((len(starts), steps, 0), dtype=np.float32)
    )


def _prepare(task: FitTask, settings: LstmClassicSettings) -> Prepared | TrialError:
    try:
        return Prepared(task, settings)
    except TrialError as error:
        return error


def _state(prepared: Prepared, result: FitResult) -> State | TrialError:
    if not result.finite or result.epoch == 0:
        return TrialError("training diverged: use a lower learning_rate or clip_norm")
    arrays = {"parameters": result.parameters, "scaling": np.array([prepared.low, prepared.spread])}
    losses = {"train_loss": result.train_loss.tolist(), "valid_loss": result.valid_loss.tolist()}
    return State(arrays, {"epoch": result.epoch, "backend": "torch", "days": prepared.days, **losses})
