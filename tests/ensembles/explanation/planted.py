"""Series with effects that are known: what the calendar did to every day, and in which order it is told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.calendar import Calendar
from forecasting.panel import History, Series
from forecasting.schema import DateArray, FloatArray

__all__ = ["WEEK", "Planted", "planted"]

WEEK = np.log([1.3, 1.15, 1.0, 1.0, 1.2, 0.6, 0.5])
"""Factors of weekdays, Monday first."""
HORIZON = 31


@dataclass(frozen=True)
class Planted:
    """A history, the days that follow it, and the truth of these days ``[HORIZON]``: the sum on the log scale after the
    level, the weekday, the holiday and the event.
    """

    history: History
    ds: DateArray
    steps: tuple[FloatArray, ...]
    is_holiday: np.ndarray
    is_event: np.ndarray


def planted(
    seed: int,
    *,
    holiday: float = 0.5,
    event: float = 1.6,
    noise: float = 0.05,
    end: str = "2026-04-10",
    level: float = 11.5,
    signed: bool = False,
) -> Planted:
    """Three years of days in Germany with holidays, an event on the 20th and a slow level.

    Parameters
    ----------
    holiday, event
        Factors, against an ordinary day of the same weekday.
    noise
        Standard deviation on the log scale.
    signed
        Amounts are sinh of what they would be the exponential of, times 1000.
    """
    last = np.datetime64(end)
    ds = np.arange(last - 3 * 365, last + HORIZON + 1)
    calendar = Calendar("DE", tuple((str(day), "promotion") for day in ds if str(day).endswith("-20")))
    facts, rng = calendar.days(ds), np.random.default_rng(seed)
    is_holiday, is_event = (np.array([bool(name) for name in names]) for names in (facts.holiday, facts.event))
    walk = np.cumsum(rng.normal(0, 0.003, len(ds)))
    week = WEEK[facts.weekday]
    middle = np.log(np.exp(WEEK).mean())
    n = len(ds) - HORIZON
    start = np.full(len(ds), level + walk[n - 1] + middle)
    parts = (week - middle, is_holiday * np.log(holiday), is_event * np.log(event))
    seen = level + walk + week + parts[1] + parts[2] + rng.normal(0, noise, len(ds))
    y = 1000.0 * np.sinh(seen) if signed else np.exp(seen)
    history = History(Series("y"), ds[:n], y[:n], np.empty((n, 0)), (), calendar)
    steps = tuple(step[n:] for step in np.cumsum([start, *parts], axis=0))
    return Planted(history, ds[n:], steps, is_holiday[n:], is_event[n:])
