"""The last value, carried on along the line from the first value to the last."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from forecasting.models.base import FitTask, Settings, State
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray

__all__ = ["Drift"]


class Drift:
    r"""ŷ_{T+h} = y_T + h (y_T - y_1) / (T - 1)."""

    name: ClassVar[str] = "drift"
    family: ClassVar[str] = "drift"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    seeded: ClassVar[bool] = False
    seconds_per_fit: ClassVar[float] = 0.001
    settings_type: ClassVar[type[Settings]] = Settings

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def fit(self, task: FitTask) -> State:
        """Nothing is estimated before the forecast."""
        del task
        return State()

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]``, see `Model`."""
        del state
        slope = (history.y[-1] - history.y[0]) / max(len(history.y) - 1, 1)
        ahead = (ds - history.cutoff).astype(np.int64)
        y_hat: FloatArray = history.y[-1] + slope * ahead
        return y_hat
