"""`lstm-covariates`: the network of `lstm-classic` with rates and other columns among its inputs.

Two ways to label a window of `input_size` days:

    forecast       inputs (y_t, covariates of day t)    label y_{t+1}
    as_published   inputs (covariates of day t)         label y_t

The second is what the write-up does. It explains a day by the rates and the income of the same day, which nobody
knows in advance, and scales by all days, including those it is tested on. `as_published: true` repeats that inside the
history, whose last `test_days` are the write-up's test, and keeps the fit in the state. To forecast, such a network
gets the last known covariates again.

Covariates of days ahead are the last ones known. A day without one takes the median of the days that scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from forecasting.errors import TrialError
from forecasting.models.base import Settings, State
from forecasting.models.lstm.engine.arrays import Array
from forecasting.models.lstm.engine.network import Network, forward
from forecasting.models.lstm.engine.samples import FitData, FitResult, TrainSpec
from forecasting.models.lstm.engine.training import memory_per_fit
from forecasting.models.lstm.engine_model import EngineModel
from forecasting.models.lstm.settings import ClipNorm, Covariates, HiddenSize, PublishedSettings, ValidationDays
from forecasting.models.lstm.windows import LabelledDays, MinMax, past_columns, require_window
from forecasting.models.states import array_of, check_training
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, iso

__all__ = ["LstmCovariates", "LstmCovariatesSettings"]

CLAIM = "uses same-day covariates, not a forecast"


class LstmCovariatesSettings(PublishedSettings):
    """Settings of `lstm-covariates`."""

    covariates: Covariates = None
    hidden_size: HiddenSize = Field(40, description="units of the dense and the LSTM layers")
    clip_norm: ClipNorm = 5.0
    as_published: bool = Field(False, description=f"true: the write-up's labels and scaling, which is a leak: {CLAIM}")
    validation_days: ValidationDays = 21
    test_days: int = Field(10, ge=1, description="as_published: days after those that the write-up tests on")


@dataclass(frozen=True)
class CovariateData:
    """Windows of one history, the scaling that leads back to y, and the first day of each part."""

    days: LabelledDays
    scaling: MinMax
    starts: dict[str, str]

    def fit(self, key: int) -> FitData:
        """See `TrainingData`."""
        return self.days.fit(key)


class LstmCovariates(EngineModel[CovariateData]):
    """See the module's text."""

    name: ClassVar[str] = "lstm-covariates"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "torch")
    seconds_per_fit: ClassVar[float] = 1.5
    settings_type: ClassVar[type[Settings]] = LstmCovariatesSettings

    def __init__(self, settings: LstmCovariatesSettings) -> None:
        self.settings = settings

    def bytes_per_fit(self, n_periods: int, horizon: int) -> int:  # noqa: ARG002 - part of `StackedModel`
        """See `StackedModel`."""
        network = self.settings.network(len(self.settings.covariates or ()) + 8)
        days = min(n_periods, self.settings.history_days or n_periods)
        return memory_per_fit(network, self.settings.batch_size, days)

    def data(self, history: History, horizon: int) -> CovariateData:  # noqa: ARG002 - part of `EngineModel`
        """Windows with covariates, labelled as the settings say. Raises TrialError when none is left to train on."""
        s = self.settings
        columns = _columns(history, s)[-(s.history_days or 0) :]
        end = len(columns) - (s.test_days if s.as_published else 0)
        split, lead = end - s.validation_days, 0 if s.as_published else 1
        if split <= s.input_size:
            least = len(columns) - split + s.input_size + 1
            raise TrialError(
                f"{history.unique_id} has {len(columns)} {history.axis.noun} up to {history.cutoff}: windows of "
                f"{s.input_size}, and those to validate and test on, need at least {least}"
            )
        scaling = MinMax.of(columns if s.as_published else columns[:split])
        scaled = scaling.apply(columns).astype(np.float32)
        inputs = scaled[:, 1:] if s.as_published else scaled
        days = LabelledDays(inputs, scaled[:, 0], s.input_size, lead, split, end)
        return CovariateData(days, scaling, _starts(history.ds[-len(columns) :], days))

    def spec(self, data: CovariateData) -> TrainSpec:
        """See `EngineModel`."""
        return self.settings.spec(self._network(data))

    def state(self, data: CovariateData, result: FitResult, backend: str) -> State:
        """See `EngineModel`; as published with the write-up's own test."""
        arrays = {"parameters": result.parameters, **data.scaling.to_arrays()}
        losses = {"train_loss": result.train_loss.tolist(), "valid_loss": result.valid_loss.tolist()}
        meta = {"epoch": result.epoch, "backend": backend, "days": data.starts, **losses}
        if not self.settings.as_published:
            return State(arrays, meta)
        explained = _explain(self._network(data), result.parameters, data.days.inputs)
        tested = slice(-self.settings.test_days, None)
        error = float(np.mean((explained[tested] - data.days.labels[tested]) ** 2))
        published = data.scaling.undo(explained, 0)
        return State({**arrays, "published": published}, {**meta, "claim": CLAIM, "test_loss": error})

    def check(self, state: State) -> None:
        """See `ChecksState`."""
        check_training(state.meta, days=True)
        n_inputs = len(MinMax.from_arrays(state.arrays).low) - (1 if self.settings.as_published else 0)
        array_of(state.arrays, "parameters", np.float32, self.settings.network(n_inputs).size)
        if self.settings.as_published:
            array_of(state.arrays, "published", np.float64, None)

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, day by day from the end of `history`, on its last known covariates.

        Raises TrialError when the history is shorter than a window.
        """
        s, steps = self.settings, self.settings.input_size
        require_window(history, steps)
        scaling = MinMax.from_arrays(state.arrays)
        rows = list(scaling.apply(_columns(history, s)[-steps:]))
        network = s.network(len(rows[0]) - (1 if s.as_published else 0))
        parameters = network.unflatten(state.arrays["parameters"])
        ahead = history.steps(ds)
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
        return scaling.undo(np.array(values)[ahead - 1], 0)

    def _network(self, data: CovariateData) -> Network:
        return self.settings.network(data.days.inputs.shape[1])


def _columns(history: History, settings: LstmCovariatesSettings) -> FloatArray:
    """The series and the covariates asked for, ``[n, 1 + n_covariates]``.

    Raises TrialError when one is not there, or none is.
    """
    names = history.past_names if settings.covariates is None else settings.covariates
    if not names:
        there = ", ".join(history.past_names) or "none"
        raise TrialError(f"lstm-covariates has no column to learn from: the past covariates are {there}")
    return np.column_stack([history.y, past_columns(history, names, "lstm-covariates")])


def _starts(ds: DateArray, days: LabelledDays) -> dict[str, str]:
    """First day of training, validation and, if days are left after that, test."""
    starts = {"train": iso(ds[days.lead]), "valid": iso(ds[days.split])}
    return starts | ({"test": iso(ds[days.end])} if days.end < len(ds) else {})


def _explain(network: Network, flat: Array, inputs: Array) -> FloatArray:
    """What the network says of each day, given that day's covariates, ``[n]``; the first days from a short past."""
    steps, parameters = network.input_size, network.unflatten(flat)
    starts = np.arange(len(inputs) - steps + 1)
    windows = inputs[starts[:, None] + np.arange(steps)]
    out = forward(network, parameters, windows, np.zeros((len(windows), steps, 0), dtype=np.float32))
    return np.concatenate([out[0, :-1], out[:, -1]]).astype(np.float64)
