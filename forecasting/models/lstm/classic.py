"""`lstm-classic`: the network of a widely read write-up on this fund, as a forecaster.

The series itself, scaled to [0, 1]; windows of `input_size` days, each step labelled with the next day; two LSTM
layers with peepholes, the second projected to one unit. The write-up goes no further than one day ahead. Here the
network goes on over its own output, as its readers do next.

The write-up scales by the whole series, the days that it validates and tests on among them, and stops as soon as
training and validation loss sum to 0.045. `as_published: true` repeats that inside the history, whose last `test_days`
are the write-up's test, and keeps the fit in the state. By default the range comes from the training days, and a fit
stops for lack of a better validation loss. The write-up's sum says little: a constant forecast can pass it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from forecasting.errors import TrialError
from forecasting.models.base import LATER, DamagedState, Settings, State
from forecasting.models.lstm.engine.network import forward
from forecasting.models.lstm.engine.samples import FitData, FitResult, TrainSpec
from forecasting.models.lstm.engine.training import memory_per_fit
from forecasting.models.lstm.engine_model import EngineModel
from forecasting.models.lstm.settings import ClipNorm, PublishedSettings, TestDays
from forecasting.models.lstm.windows import LabelledDays, MinMax, require_window
from forecasting.models.states import array_of, check_training
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray

__all__ = ["LstmClassic", "LstmClassicSettings"]

CLAIM = "scaled by the days it validates and tests on"
TARGET_LOSS = 0.045
"""The write-up's stop."""
PATIENCE = 20
"""Epochs without a better validation loss, where nothing is said of the stop."""


class LstmClassicSettings(PublishedSettings):
    """Settings of `lstm-classic`."""

    clip_norm: ClipNorm = 15.0
    target_loss: float | None = Field(
        None,
        gt=0,
        description=f"stop when training and validation loss sum to this; null: keep the best epoch. Left out: "
        f"{TARGET_LOSS} as published; else null, with patience {PATIENCE}",
    )
    as_published: bool = Field(False, description=f"true: the write-up's scaling and stop, which is a leak: {CLAIM}")
    test_days: TestDays = Field(10, json_schema_extra=LATER)
    backend: Literal["auto", "torch"] = Field("auto", description="what trains this network; auto: torch")

    @model_validator(mode="before")
    @classmethod
    def _usual_stop(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.keys() & {"target_loss", "patience"}:
            return values
        return values | ({"target_loss": TARGET_LOSS} if values.get("as_published") else {"patience": PATIENCE})


@dataclass(frozen=True)
class ClassicData:
    """Windows of one history, the scaling that leads back to y, and the first day of each part."""

    days: LabelledDays
    scaling: MinMax
    starts: dict[str, str]

    def fit(self, key: int) -> FitData:
        """See `TrainingData`."""
        return self.days.fit(key)


class LstmClassic(EngineModel[ClassicData]):
    """See the module's text."""

    name: ClassVar[str] = "lstm-classic"
    version: ClassVar[int] = 2
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
        s, y = self.settings, _used(history, self.settings)
        end = len(y) - (s.test_days if s.as_published else 0)
        split = end - s.validation_days
        if split <= s.input_size:
            tested = f" and {s.test_days} to test on" if s.as_published else ""
            raise TrialError(
                f"{history.unique_id} has {len(y)} {history.axis.noun} up to {history.cutoff}: windows of "
                f"{s.input_size} and {s.validation_days} of validation{tested} need at least "
                f"{len(y) - split + s.input_size + 1}"
            )
        scaling = _scaling(history, s)
        scaled = scaling.apply(y[:, None]).astype(np.float32)
        days = LabelledDays(scaled, scaled[:, 0], s.input_size, 1, split, end, once=s.as_published)
        return ClassicData(days, scaling, days.starts(history.ds[-len(y) :]))

    def spec(self, data: ClassicData) -> TrainSpec:  # noqa: ARG002 - part of `EngineModel`
        """See `EngineModel`."""
        return self.settings.spec(self.network)

    def state(self, data: ClassicData, result: FitResult, backend: str) -> State:
        """See `EngineModel`; as published with the write-up's own test."""
        arrays = {"parameters": result.parameters, "scaling": _pair(data.scaling)}
        losses = {"train_loss": result.train_loss.tolist(), "valid_loss": result.valid_loss.tolist()}
        state = State(arrays, {"epoch": result.epoch, "backend": backend, "days": data.starts, **losses})
        if not self.settings.as_published:
            return state
        return data.days.published(state, self.network, data.scaling, CLAIM)

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
        return replace(state, arrays={**state.arrays, "scaling": _pair(_scaling(history, self.settings))})


def _used(history: History, settings: LstmClassicSettings) -> FloatArray:
    return history.y[-settings.history_days :] if settings.history_days else history.y


def _scaling(history: History, settings: LstmClassicSettings) -> MinMax:
    """The range of the days that scale: those to train on, as published all."""
    y = _used(history, settings)
    return MinMax.of((y if settings.as_published else y[: len(y) - settings.validation_days])[:, None])


def _pair(scaling: MinMax) -> FloatArray:
    """Smallest value and spread, ``[2]``."""
    return np.array([scaling.low[0], scaling.spread[0]])
