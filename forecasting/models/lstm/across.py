"""`lstm-global`: one network for all series of a target, on ratios to each series' own level.

    inputs   log ratios of the last `input_size` days to the level as of the origin, and whether each is a work day
    outputs  log y_{T+h} − level_T(type of T+h)        for h = 1 … horizon

A linear term in what is known of each day ahead is added to the network's output: its calendar, the last known days of
its weekday, and the recent averages. Windows of all series that can teach are shuffled together, so the network learns
from all of them what follows a burst, a holiday or a quiet week. See `ratios` for the level.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from forecasting.errors import TrialError
from forecasting.models.base import DamagedState, PanelTask, Settings, State
from forecasting.models.features.ratios import Ratios, age_of, first_origin, stride_for, teachers_of
from forecasting.models.lstm.engine.arrays import Array
from forecasting.models.lstm.engine.network import Network, forward
from forecasting.models.lstm.engine.samples import FitData, Samples
from forecasting.models.lstm.engine.training import resolve, train
from forecasting.models.lstm.engine_model import check_trained, horizon_of
from forecasting.models.lstm.settings import (
    Backends,
    BatchSize,
    EngineSettings,
    Epochs,
    InputSize,
    LearningRate,
    Loss,
)
from forecasting.models.states import array_of, check_training
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, IntArray

__all__ = ["LstmGlobal", "LstmGlobalSettings"]

LARGEST = 3.0
"""Log ratios beyond this are cut to it: a day of nothing must not drown the others."""


class LstmGlobalSettings(EngineSettings):
    """Settings of `lstm-global`."""

    input_size: InputSize = 14
    epochs: Epochs = Field(8, description="passes over the training windows of all series")
    batch_size: BatchSize = 64
    learning_rate: LearningRate = 2e-3
    loss: Loss = "l1"
    half_life: float = Field(180.0, gt=0, description="days after which a training day counts half")
    level_days: int = Field(14, ge=1, le=366, description="days of a type whose median is its level")
    backend: Backends = Field(
        "auto", description="what trains, on a CPU; auto: numba where it is installed, else torch"
    )


class LstmGlobal:
    """See the module's text."""

    name: ClassVar[str] = "lstm-global"
    family: ClassVar[str] = "lstm"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "torch", "numba", "holidays")
    seeded: ClassVar[bool] = True
    on_log: ClassVar[bool] = True
    settings_type: ClassVar[type[Settings]] = LstmGlobalSettings

    def __init__(self, settings: LstmGlobalSettings) -> None:
        self.settings = settings

    @property
    def seconds_per_fit(self) -> float:
        """As the numba kernel takes on a year of one series."""
        return 0.002 * (self.settings.input_size + 2) * self.settings.epochs / 8

    def fit_all(self, task: PanelTask) -> State:
        """Train the network. Raises TrialError when no series has windows, or training diverged."""
        s = self.settings
        teachers = teachers_of(task.histories)
        last = max(h.cutoff for h in teachers)
        stride = stride_for(teachers, task.horizon)
        parts = [self._windows(h, task.horizon, stride, last) for h in teachers]
        samples = Samples(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
        none = Samples(samples.x[:0], samples.y[:0], samples.weight[:0], samples.known[:0])
        spec = s.spec(self._network(task.horizon, samples.known.shape[-1]), loss=s.loss)
        backend = resolve(s.backend, "cpu")
        (result,) = train(spec, [FitData(task.key, samples, none)], backend)
        check_trained(result)
        meta = {"horizon": task.horizon, "backend": backend, "epoch": result.epoch}
        return State({"parameters": result.parameters}, {**meta, "train_loss": result.train_loss.tolist()})

    def check(self, state: State) -> None:
        """See `ChecksState`. How much is known of each day ahead, and so the exact size, depends on the data."""
        check_training(state.meta)
        parameters = array_of(state.arrays, "parameters", np.float32, None)
        if len(parameters) < self._network(horizon_of(state), 0).size:
            raise DamagedState("parameters are too few for the network")

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, see `Model`.

        Raises TrialError when the series has no level, or more days are asked for than the network has outputs.
        """
        horizon = horizon_of(state)
        step = history.steps(ds)
        if len(ds) and not (step.min() >= 1 and step.max() <= horizon):
            raise TrialError(f"lstm-global was fitted for 1 to {horizon} days ahead, not {step.min()} to {step.max()}")
        ratios = Ratios(history, self.settings.level_days, horizon, ds)
        last = np.array([len(history.y) - 1])
        x, known = self._inputs(ratios, last, horizon)
        network = self._network(horizon, known.shape[-1])
        parameters = array_of(state.arrays, "parameters", np.float32, network.size)
        out = forward(network, network.unflatten(parameters), x, known)[0].astype(np.float64)
        return np.asarray(np.exp(ratios.level(np.repeat(last, len(step)), last + step) + out[step - 1]))

    def _network(self, horizon: int, n_known: int) -> Network:
        return Network("direct", self.settings.input_size, 2, self.settings.hidden_size, horizon, n_known)

    def _windows(
        self, history: History, horizon: int, stride: int, last: np.datetime64
    ) -> tuple[Array, Array, Array, Array]:
        """Inputs, targets, weights and what is known, of every origin with a day ahead that is known."""
        n = len(history.y)
        ratios = Ratios(history, self.settings.level_days, horizon)
        origin = np.arange(n - 2, first_origin(history) - 2, -stride)[::-1]
        x, known = self._inputs(ratios, origin, horizon)
        day = origin[:, None] + np.arange(1, horizon + 1)
        exists, day = day < n, np.minimum(day, n - 1)
        ratio = ratios.departure(np.repeat(origin, horizon), day.ravel()).reshape(day.shape)
        age = age_of(history, day, last)
        weight = exists * 0.5 ** (age / self.settings.half_life)
        return x, _bounded(np.where(exists, ratio, 0.0)), weight.astype(np.float32), known

    def _inputs(self, ratios: Ratios, origin: IntArray, horizon: int) -> tuple[Array, Array]:
        """What it looks back on ``[n, input_size, 2]``, and what is known of the days ahead ``[n, horizon, C]``."""
        size = self.settings.input_size
        day = origin[:, None] + np.arange(1 - size, 1)
        past = ratios.departure(np.repeat(origin, size), day.ravel()).reshape(day.shape)
        x = np.stack([past, ratios.works[np.maximum(day, 0)]], axis=2)
        step = np.tile(np.arange(1, horizon + 1), len(origin))
        start = np.repeat(origin, horizon)
        known = np.hstack(
            [ratios.calendar[start + step], ratios.weeks(start, step), ratios.usual(start, step), ratios.recent(start)]
        )
        return _bounded(x), _bounded(known.reshape(len(origin), horizon, -1))


def _bounded(values: FloatArray) -> Array:
    """Single precision within ±LARGEST, 0 where there is no value."""
    return np.ascontiguousarray(np.clip(np.nan_to_num(values), -LARGEST, LARGEST), dtype=np.float32)
