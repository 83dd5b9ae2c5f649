"""`lstm-classic`: the network of a widely read write-up on this fund, as a forecaster.

The series itself, scaled to [0, 1]; windows of `input_size` days, each step labelled with the next day; two LSTM
layers with peepholes, the second projected to one unit. It stops when training and validation loss sum to
`target_loss`. The write-up goes no further than one day ahead. Here the network goes on over its own output, as its
readers do next.

The write-up scales by the whole series, validation days included, so its stop knows them. `as_published: true` does the
same; the default takes the range of the training days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.errors import TrialError
from forecasting.models.base import DamagedState, Settings, State
from forecasting.models.lstm.engine.network import forward
from forecasting.models.lstm.engine.samples import FitData, FitResult, TrainSpec
from forecasting.models.lstm.engine.training import memory_per_fit
from forecasting.models.lstm.engine_model import EngineModel
from forecasting.models.lstm.settings import ClipNorm, PublishedSettings
from forecasting.models.lstm.windows import LabelledDays, require_window
from forecasting.models.states import array_of, check_training
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, iso

__all__ = ["LstmClassic", "LstmClassicSettings"]

CLAIM = "scaled by the validation days too"


class LstmClassicSettings(PublishedSettings):
    """Settings of `lstm-classic`."""

    clip_norm: ClipNorm = 15.0
    target_loss: float | None = Field(
        0.045, gt=0, description="stop when training and validation loss sum to this; null: train all epochs"
    )
    as_published: bool = Field(False, description=f"true: the write-up's scaling, which is a leak: {CLAIM}")
    backend: Literal["auto", "torch"] = Field("auto", description="what trains this network; auto: torch")


@dataclass(frozen=True)
class ClassicData:
    """Windows of one history, smallest value and spread of the days that scale, and the first day of each part."""

    days: LabelledDays
    scaling: tuple[float, float]
    starts: dict[str, str]

    def fit(self, key: int) -> FitData:
        """See `TrainingData`."""
        return self.days.fit(key)


class LstmClassic(EngineModel[ClassicData]):
    """See the module's text."""

    name: ClassVar[str] = "lstm-classic"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "torch")
    settings_type: ClassVar[type[Settings]] = LstmClassicSettings

    def __init__(self, settings: LstmClassicSettings) -> None:
        self.settings = settings
        self.network = settings.network(1)

    @property
    def seconds_per_fit(self) -> float:
        """As torch takes on half a year of days; every day of the window is a step of the recurrence."""
        return 0.02 * self.settings.input_size * self.settings.epochs / 25

    def bytes_per_fit(self, n_periods: int, horizon: int) -> int:  # noqa: ARG002 - part of `StackedModel`
        """See `StackedModel`."""
        days = min(n_periods, self.settings.history_days or n_periods)
        return memory_per_fit(self.network, self.settings.batch_size, days)

    def data(self, history: History, horizon: int) -> ClassicData:  # noqa: ARG002 - part of `EngineModel`
        """Windows labelled with the next day. Raises TrialError when none is left to train on."""
        y, steps, held = _used(history, self.settings), self.settings.input_size, self.settings.validation_days
        n, split = len(y), len(y) - held
        if split <= steps:
            raise TrialError(
                f"{history.unique_id} has {n} {history.axis.noun} up to {history.cutoff}: windows of {steps} and "
                f"{held} of validation need at least {held + steps + 1}"
            )
        low, spread = _range(history, self.settings)
        scaled, ds = ((y - low) / spread).astype(np.float32), history.ds[-n:]
        days = LabelledDays(scaled[:, None], scaled, steps, 1, split, n)
        return ClassicData(days, (low, spread), {"train": iso(ds[1]), "valid": iso(ds[split])})

    def spec(self, data: ClassicData) -> TrainSpec:  # noqa: ARG002 - part of `EngineModel`
        """See `EngineModel`."""
        return self.settings.spec(self.network)

    def state(self, data: ClassicData, result: FitResult, backend: str) -> State:
        """See `EngineModel`."""
        arrays = {"parameters": result.parameters, "scaling": np.array(data.scaling)}
        losses = {"train_loss": result.train_loss.tolist(), "valid_loss": result.valid_loss.tolist()}
        return State(arrays, {"epoch": result.epoch, "backend": backend, "days": data.starts, **losses})

    def check(self, state: State) -> None:
        """See `ChecksState`."""
        check_training(state.meta, days=True)
        array_of(state.arrays, "parameters", np.float32, self.network.size)
        if array_of(state.arrays, "scaling", np.float64, 2)[1] <= 0:
            raise DamagedState("scaling has no spread")

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, day by day from the end of `history`.

        Raises TrialError when the history is shorter than a window.
        """
        steps = self.settings.input_size
        require_window(history, steps)
        low, spread = state.arrays["scaling"]
        parameters = self.network.unflatten(state.arrays["parameters"])
        ahead = history.steps(ds)
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
