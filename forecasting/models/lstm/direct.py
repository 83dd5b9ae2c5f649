"""`lstm-direct`: all days ahead at once, on the logarithm of y with the calendar taken out.

    z_t = log y_t − effect(calendar of t)        level_t = fading median of z up to t
    inputs   (z_s − level_t) / scale             of the last `input_size` days s ≤ t
    outputs  (z_{t+h} − base) / scale            for h = 1 … horizon

The base decides what is learned. `shape`: the base is the median of z on both sides of the day t + h. The network
learns how days lie around the level of their time, and not how levels move; one that sees a single year of a growing
fund would learn that funds grow. `change`: the base is level_t plus the usual change over h days of the past. The
network learns moves beyond the usual.

A linear term in the known calendar of each day ahead is added to the network's output. Days after the history's end
have weight zero, so the newest windows train on the days they have. Forecasts are exp(level + scale · output + effect).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.errors import TrialError
from forecasting.models.base import Settings, State
from forecasting.models.features.calendar_effects import CalendarFit, calendar_columns, fit_calendar, safe_log
from forecasting.models.features.levels import fading_median, fading_medians, level_around
from forecasting.models.lstm.engine.arrays import Array
from forecasting.models.lstm.engine.network import Network, forward
from forecasting.models.lstm.engine.samples import FitData, FitResult, Samples, TrainSpec
from forecasting.models.lstm.engine.training import Backend, memory_per_fit, resolve
from forecasting.models.lstm.engine_model import EngineModel, horizon_of
from forecasting.models.lstm.settings import Backends, EngineSettings, LearningRate, Loss
from forecasting.models.states import array_of, check_training
from forecasting.panel import History
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["LstmDirect", "LstmDirectSettings"]

MIN_WINDOWS = 8
"""Fewest windows with a day to learn from."""
LEVEL_DAYS = 14
"""Fewest days that make a level."""


class LstmDirectSettings(EngineSettings):
    """Settings of `lstm-direct`."""

    learning_rate: LearningRate = 5e-4
    loss: Loss = "l1"
    level_half_life: float = Field(
        42.0, gt=0, description="days after which a day counts half in the level that forecasts start from"
    )
    learn: Literal["shape", "change"] = Field(
        "shape",
        description="shape: days around the level of their time; change: moves away from the level at the origin",
    )
    shape_days: int = Field(
        45, ge=1, le=366, description="shape: days on either side whose median is the level of a day's time"
    )
    half_life: float | None = Field(
        None, gt=0, description="days after which a training window counts half; null: none fades"
    )
    validation_days: int = Field(0, ge=0, description="last days kept from training to stop early by; 0: none")
    patience: int = Field(5, ge=1, description="epochs without a better validation loss before a fit stops")
    backend: Backends = "auto"

    @property
    def look_back(self) -> int:
        """Days before an origin that are needed."""
        return max(self.input_size, LEVEL_DAYS)


@dataclass(frozen=True)
class DirectData:
    """Scaled training and validation windows of one history; the scale and the calendar that lead back to y."""

    horizon: int
    calendar: CalendarFit
    scale: float
    train: Samples
    valid: Samples

    def fit(self, key: int) -> FitData:
        """See `TrainingData`."""
        return FitData(key, self.train, self.valid)


class LstmDirect(EngineModel[DirectData]):
    """See the module's text."""

    name: ClassVar[str] = "lstm-direct"
    version: ClassVar[int] = 3
    on_log: ClassVar[bool] = True
    settings_type: ClassVar[type[Settings]] = LstmDirectSettings

    def __init__(self, settings: LstmDirectSettings) -> None:
        self.settings = settings

    @property
    def seconds_per_fit(self) -> float:
        """As the numba kernel takes on a year of days; every day of the window is a step of the recurrence."""
        return 0.005 * (self.settings.input_size + 2) * self.settings.epochs / 25

    def backend(self, device: str) -> Backend:
        """What trains on this device: the setting, with `auto` resolved."""
        return resolve(self.settings.backend, device)

    def bytes_per_fit(self, n_periods: int, horizon: int) -> int:
        """See `StackedModel`; a calendar has about twenty columns."""
        return memory_per_fit(self._network(horizon, 20), self.settings.batch_size, n_periods)

    def data(self, history: History, horizon: int) -> DirectData:
        """Windows of the adjusted level, with all days ahead as labels. Raises TrialError when there are too few."""
        s = self.settings
        _require_days(history, s)
        calendar = fit_calendar(history)
        z = safe_log(history.y) - calendar.effect(history.calendar, history.ds)
        origin = _origins(history, s)
        day = origin[:, None] + 1 + np.arange(horizon)
        exists = day < len(z)
        level = fading_medians(z, s.level_half_life)[origin]
        departure = _departure(z, level, np.minimum(day, len(z) - 1), exists, s)
        scale = max(1.4826 * float(np.median(np.abs(departure[exists]))), 1e-3)
        x = z[origin[:, None] + 1 + np.arange(-s.input_size, 0)] - level[:, None]
        known = calendar_columns(history.calendar, history.span(horizon))[day]
        parts = (x[:, :, None] / scale, departure / scale, known)
        split = len(z) - s.validation_days
        train = _samples(*parts, (exists & (day < split)) * _fade(origin, len(z), s.half_life))
        if not train.weight.any():
            raise TrialError(
                f"{history.unique_id} has {len(z)} {history.axis.noun} up to {history.cutoff}, and nothing to train "
                "on is left of them: use fewer validation_days, or a longer half_life"
            )
        valid = _samples(*parts, (exists & (day >= split)).astype(np.float64))
        return DirectData(horizon, calendar, scale, train, valid)

    def spec(self, data: DirectData) -> TrainSpec:
        """See `EngineModel`."""
        network = self._network(data.horizon, data.train.known.shape[-1])
        return self.settings.spec(network, loss=self.settings.loss, patience=self.settings.patience)

    def state(self, data: DirectData, result: FitResult, backend: str) -> State:
        """See `EngineModel`."""
        arrays = {"parameters": result.parameters, "scale": np.array([data.scale]), **data.calendar.to_arrays()}
        meta = {
            "horizon": data.horizon,
            "backend": backend,
            "epoch": result.epoch,
            "train_loss": result.train_loss.tolist(),
            "valid_loss": [float(v) for v in result.valid_loss if np.isfinite(v)],
        }
        return State(arrays, meta)

    def check(self, state: State) -> None:
        """See `ChecksState`."""
        check_training(state.meta)
        calendar, horizon = CalendarFit.from_arrays(state.arrays), horizon_of(state)
        array_of(state.arrays, "scale", np.float64, 1)
        network = self._network(horizon, len(calendar.coefficients))
        array_of(state.arrays, "parameters", np.float32, network.size)

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]`` from the end of `history`.

        Raises TrialError when more days are asked for than the network has outputs, or the history is too short.
        """
        s = self.settings
        horizon = horizon_of(state)
        ahead = history.steps(ds)
        if len(ds) and not (ahead.min() >= 1 and ahead.max() <= horizon):
            raise TrialError(
                f"lstm-direct was fitted for 1 to {horizon} days ahead, not {ahead.min()} to {ahead.max()}"
            )
        calendar = CalendarFit.from_arrays(state.arrays)
        scale = float(state.arrays["scale"][0])
        z = safe_log(history.y) - calendar.effect(history.calendar, history.ds)
        _require_days(history, s)
        level = fading_median(z, s.level_half_life)
        x = ((z[-s.input_size :] - level) / scale).astype(np.float32)[None, :, None]
        known = _single(calendar_columns(history.calendar, history.ahead(horizon, ds)))[None]
        network = self._network(horizon, known.shape[-1])
        out = forward(network, network.unflatten(state.arrays["parameters"]), x, known)[0].astype(np.float64)
        return np.asarray(np.exp(level + scale * out[ahead - 1] + calendar.effect(history.calendar, ds)))

    def _network(self, horizon: int, n_known: int) -> Network:
        return Network("direct", self.settings.input_size, 1, self.settings.hidden_size, horizon, n_known)


def _require_days(history: History, settings: LstmDirectSettings) -> None:
    if len(history.y) < settings.look_back:
        raise TrialError(
            f"{history.unique_id} has {len(history.y)} {history.axis.noun} up to {history.cutoff}: this LSTM looks "
            f"back {settings.look_back}"
        )


def _origins(history: History, settings: LstmDirectSettings) -> IntArray:
    """Positions of the days that windows end with. Raises TrialError when there are too few."""
    origin = np.arange(settings.look_back - 1, len(history.y) - 1)
    if len(origin) < MIN_WINDOWS:
        raise TrialError(
            f"{history.unique_id} has {len(history.y)} {history.axis.noun} up to {history.cutoff}: an LSTM with "
            f"input_size {settings.input_size} needs at least {settings.look_back + MIN_WINDOWS}"
        )
    return origin


def _departure(
    z: FloatArray, level: FloatArray, day: IntArray, exists: BoolArray, settings: LstmDirectSettings
) -> FloatArray:
    """What is to be learned ``[n_windows, horizon]``, 0 where `exists` is False."""
    if settings.learn == "shape":
        return np.asarray(np.where(exists, (z - level_around(z, settings.shape_days))[day], 0.0))
    change = z[day] - level[:, None]
    usual = np.ma.median(np.ma.masked_array(change, ~exists), axis=0).filled(0.0)
    return np.where(exists, change - usual, 0.0)


def _fade(origin: IntArray, n: int, half_life: float | None) -> FloatArray:
    """Weight of each window by its age ``[n_windows, 1]``."""
    age = n - 1 - origin[:, None]
    return np.ones(age.shape) if half_life is None else np.asarray(0.5 ** (age / half_life))


def _samples(x: FloatArray, y: FloatArray, known: FloatArray, weight: FloatArray) -> Samples:
    """Windows that have a weight, in single precision."""
    used = weight.any(axis=1)
    return Samples(*(_single(part[used]) for part in (x, y, weight, known)))


def _single(values: FloatArray) -> Array:
    return np.ascontiguousarray(values, dtype=np.float32)
