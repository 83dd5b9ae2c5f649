"""`lstm-covariates`: the network of `lstm-classic` with rates and other columns among its inputs.

Two ways to label a window of `input_size` days:

    forecast       inputs (y_t, covariates of day t)    label y_{t+1}
    as_published   inputs (covariates of day t)         label y_t

The second is what the write-up does. It explains a day by the rates and the income of the same day, which nobody
knows in advance, and scales by all days, including those it is tested on. `as_published: true` repeats that inside the
history, whose last `test_days` are the write-up's test, and keeps the fit in the state. To forecast, such a network
gets the last known covariates again.

A rate that has no value on a day, such as Shibor at weekends, is the last one known. As published it is the median of
all days, which is a leak as well. Covariates of days ahead are the last ones known. What was never known up to a day
takes the median of the days that scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from forecasting.errors import TrialError
from forecasting.models.base import Settings, State
from forecasting.models.lstm.engine.network import Network, forward
from forecasting.models.lstm.engine.samples import FitData, FitResult, TrainSpec
from forecasting.models.lstm.engine.training import memory_per_fit
from forecasting.models.lstm.engine_model import EngineModel
from forecasting.models.lstm.settings import (
    ClipNorm,
    Covariates,
    HiddenSize,
    PublishedSettings,
    TestDays,
    ValidationDays,
)
from forecasting.models.lstm.windows import LabelledDays, MinMax, past_columns, require_window
from forecasting.models.states import array_of, check_training
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray

__all__ = ["LstmCovariates", "LstmCovariatesSettings"]

CLAIM = "uses same-day covariates, not a forecast"


class LstmCovariatesSettings(PublishedSettings):
    """Settings of `lstm-covariates`."""

    covariates: Covariates = None
    hidden_size: HiddenSize = Field(40, description="units of the dense and the LSTM layers")
    clip_norm: ClipNorm = 5.0
    as_published: bool = Field(False, description=f"true: the write-up's labels and scaling, which is a leak: {CLAIM}")
    validation_days: ValidationDays = 21
    test_days: TestDays = 10


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
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "torch")
    seconds_per_fit: ClassVar[float] = 1.5
    settings_type: ClassVar[type[Settings]] = LstmCovariatesSettings

    def __init__(self, settings: LstmCovariatesSettings) -> None:
        self.settings = settings

    @property
    def reads_gaps(self) -> bool:
        """See `forecasting.models.base`."""
        return self.settings.as_published

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
        days = LabelledDays(inputs, scaled[:, 0], s.input_size, lead, split, end, once=s.as_published)
        return CovariateData(days, scaling, days.starts(history.ds[-len(columns) :]))

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
        return data.days.published(State(arrays, meta), self._network(data), data.scaling, CLAIM)

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
        last = scaling.apply(_columns(history, s, with_gaps=False)[-1:])[0]
        network = s.network(len(last) - (1 if s.as_published else 0))
        parameters = network.unflatten(state.arrays["parameters"])
        ahead = history.steps(ds)
        known = np.zeros((1, steps, 0), dtype=np.float32)
        values = []
        for _ in range(int(ahead.max(initial=0))):
            if s.as_published:
                rows.append(last)
            x = np.array(rows[-steps:], dtype=np.float32)[None]
            out = forward(network, parameters, x[:, :, 1:] if s.as_published else x, known)[0, -1]
            values.append(float(out))
            if not s.as_published:
                rows.append(np.concatenate([[out], rows[-1][1:]]))
        return scaling.undo(np.array(values)[ahead - 1], 0)

    def _network(self, data: CovariateData) -> Network:
        return self.settings.network(data.days.inputs.shape[1])


def _columns(history: History, settings: LstmCovariatesSettings, *, with_gaps: bool | None = None) -> FloatArray:
    """The series and the covariates asked for, ``[n, 1 + n_covariates]``; as published `with_gaps` unless told.

    Raises TrialError when one is not there, or none is.
    """
    names = history.past_names if settings.covariates is None else settings.covariates
    if not names:
        there = ", ".join(history.past_names) or "none"
        raise TrialError(f"lstm-covariates has no column to learn from: the past covariates are {there}")
    gaps = settings.as_published if with_gaps is None else with_gaps
    return np.column_stack([history.y, past_columns(history, names, "lstm-covariates", with_gaps=gaps)])
