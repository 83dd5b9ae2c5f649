"""`lstm-direct`: all days ahead at once, on the logarithm of y with the calendar taken out.

    z_t = log y_t − effect(calendar of t)        level_t = fading median of z up to t
    inputs   (z_s − level_t) / scale             of the last `input_size` days s ≤ t
    outputs  (z_{t+h} − base) / scale            for h = 1 … horizon

The base decides what is learned. `shape`: the median of z on both sides of the day t + h, so that the network learns
how days lie around the level of their time, and not how levels move — one that sees a single year of a growing fund
learns that funds grow. `change`: level_t plus the usual change over h days of the past, so that it learns moves
beyond the usual. Beside the network's output stands a linear one of the known calendar of each day ahead. Days that
lie after the history's end have weight zero, so the newest windows train on the days they have. Forecasts are
exp(level + scale · output + effect), and need nothing but the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from forecasting.errors import TrialError
from forecasting.models.base import FitTask, Settings, State
from forecasting.models.features.calendar_effects import CalendarFit, calendar_columns, fit_calendar, safe_log
from forecasting.models.features.levels import fading_median, fading_medians, level_around
from forecasting.models.lstm.engine.network import Array, Network, forward
from forecasting.models.lstm.engine.samples import FitData, FitResult, Samples, TrainSpec
from forecasting.models.lstm.engine.training import Backend, fits_per_batch, resolve, train
from forecasting.panel import History
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["LstmDirect", "LstmDirectSettings"]

MIN_WINDOWS = 8
"""Fewest windows with a day to learn from."""
LEVEL_DAYS = 14
"""Fewest days that make a level."""


class LstmDirectSettings(Settings):
    """Settings of `lstm-direct`."""

    input_size: int = Field(30, ge=2, le=366, description="days the network looks back")
    hidden_size: int = Field(30, ge=1, le=512, description="units of the LSTM layer")
    epochs: int = Field(25, ge=1, le=10_000, description="most passes over the training windows")
    batch_size: int = Field(32, ge=1, le=4096, description="windows per step of the optimizer")
    learning_rate: float = Field(5e-4, gt=0, le=1, description="step size of Adam")
    clip_norm: float = Field(1.0, gt=0, description="gradients longer than this are cut to it")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the last hidden state dropped in training")
    loss: Literal["l1", "huber", "mse"] = Field("l1", description="loss on the scaled adjusted level")
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
    backend: Literal["auto", "torch", "numba"] = Field(
        "auto", description="what trains; auto: numba on a CPU where it is installed, else torch"
    )


class LstmDirect:
    """See the module's text."""

    family: ClassVar[str] = "lstm"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "torch", "numba")
    seeded: ClassVar[bool] = True
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

    def fits_per_batch(self, device: str) -> int:
        """How many fits are computed together on this device."""
        return fits_per_batch(_network(self.settings, 31, 20), self.settings.batch_size, device)

    def fit_many(self, tasks: Sequence[FitTask], device: str) -> list[State | TrialError]:
        """Train all tasks as one program."""
        s = self.settings
        prepared: dict[tuple[str, str, int], Prepared | TrialError] = {}
        chosen = []
        for task in tasks:
            data_key = (task.history.unique_id, str(task.history.cutoff), task.horizon)
            if data_key not in prepared:
                prepared[data_key] = _prepare_or_error(task.history, task.horizon, s)
            chosen.append(prepared[data_key])
        usable = [(task, p) for task, p in zip(tasks, chosen, strict=True) if not isinstance(p, TrialError)]
        fits = [FitData(task.key, p.train, p.valid) for task, p in usable]
        backend = self.backend(device)
        results = iter(train(self._spec(usable[0][1]), fits, backend, device) if usable else [])
        return [p if isinstance(p, TrialError) else _state(p, next(results), backend) for p in chosen]

    def _spec(self, prepared: Prepared) -> TrainSpec:
        s = self.settings
        return TrainSpec(
            network=_network(s, prepared.horizon, prepared.known.shape[-1]),
            epochs=s.epochs,
            batch_size=s.batch_size,
            learning_rate=s.learning_rate,
            clip_norm=s.clip_norm,
            loss=s.loss,
            dropout=s.dropout,
            patience=s.patience,
        )

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]`` from the end of `history`.

        Raises TrialError when more days are asked for than the network has outputs, or the history is too short.
        """
        s = self.settings
        horizon = int(state.meta["horizon"])
        ahead = (ds - history.cutoff).astype(np.int64)
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
        known = _single(calendar_columns(history.calendar, history.cutoff + np.arange(1, horizon + 1)))[None]
        network = _network(s, horizon, known.shape[-1])
        out = forward(network, network.unflatten(state.arrays["parameters"]), x, known)[0].astype(np.float64)
        return np.asarray(np.exp(level + scale * out[ahead - 1] + calendar.effect(history.calendar, ds)))


class Prepared:
    """Samples of one history, shared by all its seeds, and what leads back from outputs to y."""

    def __init__(self, history: History, horizon: int, settings: LstmDirectSettings) -> None:
        _require_days(history, settings)
        self.horizon = horizon
        self.calendar = fit_calendar(history)
        z = safe_log(history.y) - self.calendar.effect(history.calendar, history.ds)
        n = len(z)
        origin = np.arange(_look_back(settings) - 1, n - 1)
        if len(origin) < MIN_WINDOWS:
            raise TrialError(
                f"{history.unique_id} has {n} days up to {history.cutoff}: an LSTM with input_size "
                f"{settings.input_size} needs at least {_look_back(settings) + MIN_WINDOWS}"
            )
        level = fading_medians(z, settings.level_half_life)[origin]
        target_day = origin[:, None] + 1 + np.arange(horizon)
        exists = target_day < n
        departure = self._departure(z, level, np.minimum(target_day, n - 1), exists, settings)
        self.scale = max(1.4826 * float(np.median(np.abs(departure[exists]))), 1e-3)
        self.known = calendar_columns(history.calendar, history.ds[0] + np.arange(n + horizon))[target_day]
        x = z[origin[:, None] + 1 + np.arange(-settings.input_size, 0)] - level[:, None]
        split = n - settings.validation_days
        fade = 1.0 if settings.half_life is None else 0.5 ** ((n - 1 - origin[:, None]) / settings.half_life)
        in_train, in_valid = exists & (target_day < split), exists & (target_day >= split)
        self.train = self._samples(x, departure, in_train * fade)
        self.valid = self._samples(x, departure, in_valid.astype(np.float64))
        if not self.train.weight.any():
            raise TrialError(
                f"{history.unique_id} has {n} days up to {history.cutoff}, and nothing to train on is left of them: "
                "use fewer validation_days, or a longer half_life"
            )

    @staticmethod
    def _departure(
        z: FloatArray, level: FloatArray, day: IntArray, exists: BoolArray, settings: LstmDirectSettings
    ) -> FloatArray:
        """What is to be learned ``[n_windows, horizon]``, 0 where `exists` is False."""
        if settings.learn == "shape":
            return np.asarray(np.where(exists, (z - level_around(z, settings.shape_days))[day], 0.0))
        change = z[day] - level[:, None]
        usual = np.ma.median(np.ma.masked_array(change, ~exists), axis=0).filled(0.0)
        return np.where(exists, change - usual, 0.0)

    def _samples(self, x: FloatArray, departure: FloatArray, weight: FloatArray) -> Samples:
        used = weight.any(axis=1)
        return Samples(
            _single(x[used][:, :, None] / self.scale),
            _single(departure[used] / self.scale),
            _single(weight[used]),
            _single(self.known[used]),
        )


def _single(values: FloatArray) -> Array:
    return np.ascontiguousarray(values, dtype=np.float32)


def _prepare_or_error(history: History, horizon: int, settings: LstmDirectSettings) -> Prepared | TrialError:
    try:
        return Prepared(history, horizon, settings)
    except TrialError as error:
        return error


def _require_days(history: History, settings: LstmDirectSettings) -> None:
    needed = _look_back(settings)
    if len(history.y) < needed:
        raise TrialError(
            f"{history.unique_id} has {len(history.y)} days up to {history.cutoff}: this LSTM looks back {needed}"
        )


def _look_back(settings: LstmDirectSettings) -> int:
    return max(settings.input_size, LEVEL_DAYS)


def _network(settings: LstmDirectSettings, horizon: int, n_known: int) -> Network:
    return Network("direct", settings.input_size, 1, settings.hidden_size, horizon, n_known)


def _state(prepared: Prepared, result: FitResult, backend: str) -> State | TrialError:
    if not result.finite or result.epoch == 0:
        return TrialError("training diverged: use a lower learning_rate or clip_norm")
    arrays = {"parameters": result.parameters, "scale": np.array([prepared.scale]), **prepared.calendar.to_arrays()}
    meta = {
        "horizon": prepared.horizon,
        "backend": backend,
        "epoch": result.epoch,
        "train_loss": [float(v) for v in result.train_loss],
        "valid_loss": [float(v) for v in result.valid_loss if np.isfinite(v)],
    }
    return State(arrays, meta)
