"""Histories that the models' tests share."""

from __future__ import annotations

import numpy as np

from forecasting.calendar import Calendar
from forecasting.models.base import FitTask, Model
from forecasting.panel import History, Series
from forecasting.scale import members
from forecasting.schema import DateArray, FloatArray


def history_of(y: FloatArray, start: str = "2023-01-02", calendar: Calendar | None = None) -> History:
    y = np.asarray(y, dtype=float)
    ds = np.datetime64(start, "D") + np.arange(len(y))
    past = np.zeros((len(y), 0))
    return History(Series("purchase"), ds, y, past, (), calendar or Calendar())


def noisy_week(n: int = 160, noise: float = 0.1, seed: int = 0, calendar: Calendar | None = None) -> History:
    """A level of 1e6 with a clear week and some scatter."""
    rng = np.random.default_rng(seed)
    week = np.array([0.3, 0.2, 0.1, 0.1, 0.0, -0.4, -0.3])
    log_y = np.log(1e6) + week[np.arange(n) % 7] + rng.normal(0, noise, n)
    return history_of(np.exp(log_y), calendar=calendar)


def days_after(history: History, horizon: int = 31) -> DateArray:
    return history.cutoff + np.arange(1, horizon + 1)


def forecast(model: Model, history: History, horizon: int = 31, key: int = 7) -> FloatArray:
    """As a run does it."""
    state = members.fit(model, FitTask(history, 31, key))
    return members.predict(model, state, history, days_after(history, horizon))
