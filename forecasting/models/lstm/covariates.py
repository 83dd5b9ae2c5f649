"""`lstm-covariates`: the network of `lstm-classic` with rates and other columns among its inputs.

Two ways to label a window of `input_size` days:

    forecast       inputs (y_t, covariates of day t)    label y_{t+1}
    as_published   inputs (covariates of day t)         label y_t

The second is what the write-up does: it explains a day by the rates and the income of the same day, which nobody
knows in advance, and scales by all days, those it is tested on included. `as_published: true` repeats that inside the
history — its last `test_days` are the write-up's test — and keeps the fit in the state. To forecast, such a network
can only be given the last known covariates again.

Covariates of days ahead are the last ones known. A day without one takes the median of the days that scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.errors import TrialError
from forecasting.models.base import FitTask, Settings, State
from forecasting.models.lstm.classic import side_by_side
from forecasting.models.lstm.engine.network import Array, Network, forward
from forecasting.models.lstm.engine.samples import FitData, FitResult, Samples, TrainSpec
from forecasting.models.lstm.engine.training import Backend, fits_per_batch, train
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, IntArray, iso

__all__ = ["LstmCovariates", "LstmCovariatesSettings"]

CLAIM = "uses same-day covariates, not a forecast"


class LstmCovariatesSettings(Settings):
    """Settings of `lstm-covariates`."""

    covariates: tuple[str, ...] | None = Field(
        None, description="past covariates among the inputs; null: all there are"
    )
    as_published: bool = Field(False, description=f"true: the write-up's labels and scaling, which is a leak: {CLAIM}")
    input_size: int = Field(15, ge=2, le=366, description="days of a window")
    hidden_size: int = Field(40, ge=1, le=512, description="units of the dense and the LSTM layers")
    epochs: int = Field(25, ge=1, le=10_000, description="most passes over the training windows")
    batch_size: int = Field(32, ge=1, le=4096, description="windows per step of the optimizer")
    batches: Literal["shuffled", "sliding"] = Field(
        "shuffled", description="mini-batches: shuffled, or consecutive windows moved on by one window a step"
    )
    learning_rate: float = Field(1e-3, gt=0, le=1, description="step size of Adam")
    clip_norm: float = Field(5.0, gt=0, description="gradients longer than this are cut to it")
    dropout: float = Field(0.5, ge=0, lt=1, description="share of the first layer's outputs dropped in training")
    target_loss: float | None = Field(
        None, gt=0, description="stop when training and validation loss sum to this; null: keep the best epoch"
    )
    validation_days: int = Field(21, ge=1, description="last days kept from training to validate on")
    test_days: int = Field(10, ge=1, description="as_published: days after those that the write-up tests on")
    start: Literal["scaled", "unit"] = Field(
        "scaled", description="deviation of the weights at the start: 1/sqrt(inputs), or 1 as the write-up has it"
    )
    history_days: int | None = Field(184, ge=30, description="most recent days that are used; null: all")


class LstmCovariates:
    """See the module's text."""

    family: ClassVar[str] = "lstm"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "torch")
    seeded: ClassVar[bool] = True
    seconds_per_fit: ClassVar[float] = 1.5
    settings_type: ClassVar[type[Settings]] = LstmCovariatesSettings

    def __init__(self, settings: LstmCovariatesSettings) -> None:
        self.settings = settings

    def network(self, n_inputs: int) -> Network:
        """The network for so many inputs a day."""
        s = self.settings
        return Network("classic", s.input_size, n_inputs, s.hidden_size, s.input_size, start=s.start)

    def backend(self, device: str) -> Backend:  # noqa: ARG002  # part of the protocol
        """Torch, on every device."""
        return "torch"

    def fits_per_batch(self, device: str) -> int:
        """How many fits are computed together on this device."""
        return fits_per_batch(self.network(len(self.settings.covariates or ()) + 8), self.settings.batch_size, device)

    def fit_many(self, tasks: Sequence[FitTask], device: str) -> list[State | TrialError]:
        """Train all tasks as one program; they have the same covariates."""
        s = self.settings
        prepared = [_prepare(task, s) for task in tasks]
        usable = [p for p in prepared if isinstance(p, Prepared)]
        if not usable:
            return list(prepared)  # type: ignore[arg-type]  # errors alone
        spec = TrainSpec(
            network=self.network(usable[0].fit.train.x.shape[2]),
            epochs=s.epochs,
            batch_size=s.batch_size,
            learning_rate=s.learning_rate,
            clip_norm=s.clip_norm,
            loss="mse",
            dropout=s.dropout,
            target_loss=s.target_loss,
            batches=s.batches,
        )
        results = iter(train(spec, [p.fit for p in usable], self.backend(device), device))
        return [p if isinstance(p, TrialError) else self._state(p, next(results)) for p in prepared]

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, day by day from the end of `history`, on its last known covariates.

        Raises TrialError when the history is shorter than a window.
        """
        s, steps = self.settings, self.settings.input_size
        if len(history.y) < steps:
            raise TrialError(
                f"{history.unique_id} has {len(history.y)} days up to {history.cutoff}: a window is {steps}"
            )
        scaling = Scaling(state.arrays["low"], state.arrays["spread"], state.arrays["usual"])
        rows = list(scaling.apply(_columns(history, s)[-steps:]))
        network = self.network(len(rows[0]) - (1 if s.as_published else 0))
        parameters = network.unflatten(state.arrays["parameters"])
        ahead = (ds - history.cutoff).astype(np.int64)
        known = np.zeros((1, steps, 0), dtype=np.float32)
        values = []
        for _ in range(int(ahead.max(initial=0))):
            if s.as_published:
                rows.append(rows[-1])
            x = np.array(rows[-steps:], dtype=np.float32)[None]
            out = forward(network, parameters, x[:, :, 1:] if s.as_published else x, known)[0, -1]
            values.append(float(out))
            if not s.as_published:
                rows.append(np.concatenate([[out], rows[-1][1:]]))
        return np.asarray(scaling.low[0] + scaling.spread[0] * np.array(values)[ahead - 1])

    def _state(self, prepared: Prepared, result: FitResult) -> State | TrialError:
        if not result.finite or result.epoch == 0:
            return TrialError("training diverged: use a lower learning_rate or clip_norm")
        scaling = prepared.scaling
        arrays = {"parameters": result.parameters, "low": scaling.low, "spread": scaling.spread, "usual": scaling.usual}
        meta = {
            "epoch": result.epoch,
            "backend": "torch",
            "days": prepared.days,
            "train_loss": result.train_loss.tolist(),
            "valid_loss": result.valid_loss.tolist(),
        }
        if not self.settings.as_published:
            return State(arrays, meta)
        parameters = self.network(prepared.inputs.shape[1]).unflatten(result.parameters)
        explained = _explain(self.network(prepared.inputs.shape[1]), parameters, prepared.inputs)
        tested = slice(-self.settings.test_days, None)
        error = float(np.mean((explained[tested] - prepared.labels[tested]) ** 2))
        published = scaling.low[0] + scaling.spread[0] * explained
        return State({**arrays, "published": published}, {**meta, "claim": CLAIM, "test_loss": error})


@dataclass(frozen=True)
class Scaling:
    """MinMax to [0, 1] by column, y first: smallest value, spread, and what stands for a value that is missing."""

    low: FloatArray
    spread: FloatArray
    usual: FloatArray

    @classmethod
    def of(cls, columns: FloatArray) -> Scaling:
        known = np.where(np.isnan(columns).all(axis=0), 0.0, columns)
        low = np.nanmin(known, axis=0)
        spread = np.nanmax(known, axis=0) - low
        return cls(low, np.where(spread > 0, spread, 1.0), np.nanmedian(known, axis=0))

    def apply(self, columns: FloatArray) -> FloatArray:
        """Scaled columns, without gaps."""
        return (np.where(np.isnan(columns), self.usual, columns) - self.low) / self.spread


class Prepared:
    """Samples of one task, and the scaling that leads back to y."""

    def __init__(self, task: FitTask, settings: LstmCovariatesSettings) -> None:
        columns = _columns(task.history, settings)[-(settings.history_days or 0) :]
        steps, lead = settings.input_size, 0 if settings.as_published else 1
        n = len(columns) - (settings.test_days if settings.as_published else 0)
        split = n - settings.validation_days
        if split <= steps:
            least = len(columns) - split + steps + 1
            raise TrialError(
                f"{task.history.unique_id} has {len(columns)} days up to {task.history.cutoff}: windows of {steps} "
                f"days, and those to validate and test on, need at least {least}"
            )
        self.scaling = Scaling.of(columns if settings.as_published else columns[:split])
        scaled = self.scaling.apply(columns).astype(np.float32)
        self.inputs, self.labels = scaled[:, 1:] if settings.as_published else scaled, scaled[:, 0]
        ds = task.history.ds[-len(columns) :]
        self.days = {"train": iso(ds[lead]), "valid": iso(ds[split])}
        if settings.as_published:
            self.days["test"] = iso(ds[n])

        def samples(starts: IntArray, from_day: int) -> Samples:
            day = starts[:, None] + np.arange(steps)
            weight = (day + lead >= from_day).astype(np.float32)
            known = np.zeros((len(starts), steps, 0), dtype=np.float32)
            return Samples(self.inputs[day], self.labels[day + lead], weight, known)

        last = split - lead - steps
        self.fit = FitData(
            key=task.key,
            train=samples(np.arange(last + 1), 0),
            valid=samples(side_by_side(split - lead, n - lead - steps, steps), split),
            check=samples(side_by_side(0, last, steps), 0),
        )


def _columns(history: History, settings: LstmCovariatesSettings) -> FloatArray:
    """The series and the covariates asked for, ``[n, 1 + n_covariates]``.

    Raises TrialError when one is not there, or none is.
    """
    names = history.past_names if settings.covariates is None else settings.covariates
    missing = [name for name in names if name not in history.past_names]
    if missing or not names:
        there = ", ".join(history.past_names) or "none"
        raise TrialError(f"lstm-covariates has no column {missing or ''}: the past covariates are {there}")
    chosen = history.past[:, [history.past_names.index(name) for name in names]]
    return np.column_stack([history.y, chosen])


def _explain(network: Network, parameters: dict[str, Array], inputs: Array) -> FloatArray:
    """What the network says of each day, given that day's covariates, ``[n]``; the first days from a short past."""
    steps = network.input_size
    starts = np.arange(len(inputs) - steps + 1)
    windows = inputs[starts[:, None] + np.arange(steps)]
    out = forward(network, parameters, windows, np.zeros((len(windows), steps, 0), dtype=np.float32))
    return np.concatenate([out[0, :-1], out[:, -1]]).astype(np.float64)


def _prepare(task: FitTask, settings: LstmCovariatesSettings) -> Prepared | TrialError:
    try:
        return Prepared(task, settings)
    except TrialError as error:
        return error
