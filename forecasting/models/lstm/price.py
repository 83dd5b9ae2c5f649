"""`lstm-price`: the network of a tutorial on gates, for prices: the next change from the last 30 days.

    c_t = y_{t+1} / y_t − 1       features of a day: y, its past covariates (volume), c; all MinMax to [−1, 1]
    window  days t − 30 … t − 1   label c_t: the last change in the window is known at the close of day t

LSTM 64 → LSTM 32 → dense 16, relu → one unit, tanh; the forecast is y_t·(1 + ĉ_t), and goes on over its own output
with the covariates last known. Of the samples, in order of time, the last 20% validate.

The tutorial takes the range of each feature from all days, including those it tests on. `as_published: true` repeats
that inside the history, whose last 20% are the tutorial's test, and keeps the fit in the state; recurrent dropout then
draws a mask for each gate, as the tutorial's library does. By default the range comes from the training days, and the
gates share a mask. `hidden_sizes: [64]` with `dense_size: null` is the tutorial's small variant. It suggests
to try `attention` and `cell: gru`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.errors import TrialError
from forecasting.models.base import FitTask, Settings, State
from forecasting.models.lstm.settings import BatchSize, Covariates, Dropout, Epochs, InputSize, TrainingSettings
from forecasting.models.lstm.windows import MinMax, past_columns
from forecasting.models.states import array_of, check_training
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, iso

if TYPE_CHECKING:
    from forecasting.models.lstm.engine.gated_network import GatedShape

__all__ = ["LstmPrice", "LstmPriceSettings"]

CLAIM = "scaled by the days it is tested on"
SHARE = 0.8
"""Of the samples for training, and of those for training and validation together as published."""
FEWEST = 20
"""Samples to train on at least."""


class LstmPriceSettings(TrainingSettings):
    """Settings of `lstm-price`."""

    input_size: InputSize = Field(30, description="days of a window")
    epochs: Epochs = 100
    batch_size: BatchSize = 64
    dropout: Dropout = Field(0.3, description="share dropped before the dense layer")
    covariates: Covariates = None
    as_published: bool = Field(False, description=f"true: the tutorial's scaling, which is a leak: {CLAIM}")
    cell: Literal["lstm", "gru"] = Field("lstm", description="kind of the recurrent layers")
    hidden_sizes: tuple[int, ...] = Field((64, 32), min_length=1, description="units of each recurrent layer")
    attention: bool = Field(False, description="true: attention over the last layer's outputs, not its last one alone")
    dense_size: int | None = Field(16, ge=1, le=512, description="units of the dense layer; null: none")
    recurrent_dropout: float = Field(0.2, ge=0, lt=1, description="share of the first layer's fed-back state dropped")
    dense_dropout: float = Field(0.2, ge=0, lt=1, description="share dropped before the last unit")
    patience: int = Field(15, ge=1, description="epochs without a better validation loss before a fit stops")


class LstmPrice:
    """See the module's text."""

    name: ClassVar[str] = "lstm-price"
    family: ClassVar[str] = "lstm"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "torch")
    seeded: ClassVar[bool] = True
    seconds_per_fit: ClassVar[float] = 20.0
    settings_type: ClassVar[type[Settings]] = LstmPriceSettings

    def __init__(self, settings: LstmPriceSettings) -> None:
        self.settings = settings

    def shape(self, n_inputs: int) -> GatedShape:
        """The network's sizes for so many features."""
        from forecasting.models.lstm.engine.gated_network import GatedShape

        s = self.settings
        dropped = s.recurrent_dropout, s.dropout, s.dense_dropout
        return GatedShape(n_inputs, s.cell, s.hidden_sizes, s.dense_size, s.attention, *dropped, s.as_published)

    def fit(self, task: FitTask) -> State:
        """Train on one history. Raises TrialError when it is too short, or training diverged."""
        from forecasting.models.lstm.engine.gated_network import GatedSpec, train

        s = self.settings
        data = PriceWindows.of(task.history, s)
        spec = GatedSpec(s.epochs, s.batch_size, s.learning_rate, s.patience)
        fitted, held = data.part(0, data.valid), data.part(data.valid, data.end)
        trained = train(self.shape(data.x.shape[2]), spec, fitted, held, task.key)
        if trained.epoch == 0:
            raise TrialError("training diverged: use a lower learning_rate")
        parameters = {f"parameters.{name}": value for name, value in trained.parameters.items()}
        first = task.history.ds[s.input_size + 1 :]
        days = {"train": iso(first[0]), "valid": iso(first[data.valid])}
        meta = {
            "epoch": trained.epoch,
            "compounds": True,
            "days": days,
            "train_loss": trained.train_loss,
            "valid_loss": trained.valid_loss,
        }
        state = State({**data.scaling.to_arrays(), **parameters}, meta)
        return self._with_published(state, data, task.history) if s.as_published else state

    def _with_published(self, state: State, data: PriceWindows, history: History) -> State:
        """The tutorial's own test, on the last part of the history."""
        out = self._outputs(state, data.x)
        change = change_of(data.scaling, out)
        published = np.full(len(history.y), np.nan)
        published[-len(out) :] = history.y[-len(out) - 1 : -1] * (1.0 + change)
        days = {**state.meta["days"], "test": iso(history.ds[self.settings.input_size + 1 + data.end])}
        error = float(np.mean((out[data.end :] - data.y[data.end :]) ** 2))
        facts = {**state.meta, "days": days, "claim": CLAIM, "test_loss": error}
        return State({**state.arrays, "published": published}, facts)

    def check(self, state: State) -> None:
        """See `ChecksState`."""
        from forecasting.models.lstm.engine.gated_network import parameter_shapes

        check_training(state.meta, days=True)
        n_inputs = len(MinMax.from_arrays(state.arrays).low)
        array_of(state.arrays, "parameters.layers.0.kernel", np.float32, None, n_inputs)  # before a network of any size
        for name, shape in parameter_shapes(self.shape(n_inputs)).items():
            array_of(state.arrays, f"parameters.{name}", np.float32, *shape)
        if self.settings.as_published:
            array_of(state.arrays, "published", np.float64, None, finite=False)

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, day by day from the end of `history`.

        Raises TrialError when the history is shorter than a window.
        """
        steps = self.settings.input_size
        _require(history, steps + 1)
        scaling = MinMax.from_arrays(state.arrays)
        recent = _features(history, self.settings)[-steps:]
        rows, price = list(scaled_rows(scaling, recent)), [float(history.y[-1])]
        ahead = history.steps(ds)
        for _ in range(int(ahead.max(initial=0))):
            out = self._outputs(state, np.array(rows[-steps:], dtype=np.float32)[None])
            change = float(change_of(scaling, out)[0])
            rows.append(scaled_rows(scaling, np.concatenate([[price[-1]], recent[-1, 1:-1], [change]])))
            price.append(price[-1] * (1.0 + change))
        return np.array(price)[ahead]

    def _outputs(self, state: State, windows: FloatArray) -> FloatArray:
        from forecasting.models.lstm.engine.gated_network import outputs

        prefix = "parameters."
        parameters = {k.removeprefix(prefix): v for k, v in state.arrays.items() if k.startswith(prefix)}
        return outputs(self.shape(windows.shape[2]), parameters, windows.astype(np.float32)).astype(np.float64)


def scaled_rows(scaling: MinMax, rows: FloatArray) -> FloatArray:
    """Rows scaled to [-1, 1] by column, without gaps."""
    return 2.0 * scaling.apply(rows) - 1.0


def change_of(scaling: MinMax, out: FloatArray) -> FloatArray:
    """The change that an output of the network stands for; it is the last column."""
    return scaling.undo((out + 1.0) / 2.0, -1)


@dataclass(frozen=True)
class PriceWindows:
    """Windows `x` ``[N, T, F]`` and labels `y` ``[N]`` in order; training ends before `valid`, validation before
    `end`.
    """

    x: FloatArray
    y: FloatArray
    valid: int
    end: int
    scaling: MinMax

    @classmethod
    def of(cls, history: History, settings: LstmPriceSettings) -> PriceWindows:
        """Raises TrialError when there are too few days, or a price is 0."""
        steps = settings.input_size
        _require(history, steps + 1 + int(FEWEST / SHARE**2) + 2)
        rows = _features(history, settings)
        n = len(rows) - steps
        end = int(SHARE * n) if settings.as_published else n
        valid = int(SHARE * end)
        scaling = MinMax.of(rows if settings.as_published else rows[: steps + valid])
        scaled = scaled_rows(scaling, rows)
        windows = np.arange(n)[:, None] + np.arange(steps)
        return cls(scaled[windows], scaled[steps:, -1], valid, end, scaling)

    def part(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Windows and labels of some samples, in single precision."""
        return self.x[first:last].astype(np.float32), self.y[first:last].astype(np.float32)


def _require(history: History, needed: int) -> None:
    if len(history.y) < needed:
        raise TrialError(
            f"{history.unique_id} has {len(history.y)} {history.axis.noun} up to {history.cutoff}: lstm-price needs at "
            f"least {needed}"
        )


def _features(history: History, settings: LstmPriceSettings) -> FloatArray:
    """Price, covariates and change to the next day, of every day but the last, ``[n - 1, 2 + n_covariates]``.

    Raises TrialError for a price of 0, or a covariate that is not there.
    """
    zero = np.flatnonzero(history.y[:-1] == 0)
    if len(zero):
        raise TrialError(f"{history.unique_id} is 0 on {iso(history.ds[zero[0]])}: a change from 0 has no size")
    names = history.past_names if settings.covariates is None else settings.covariates
    chosen = past_columns(history, names, "lstm-price")[:-1]
    return np.column_stack([history.y[:-1], chosen, history.y[1:] / history.y[:-1] - 1.0])
