"""Daily totals that look like a young money-market fund's: growth that levels off, weekdays, holidays, shifts of
level, noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.calendar import Calendar, CalendarDays
from forecasting.schema import DateArray, FloatArray, IntArray

__all__ = ["After", "flows", "level_path"]

_PURCHASE_WEEKDAY = np.array([0.16, 0.12, 0.08, 0.04, -0.08, -0.38, -0.34])
_REDEEM_WEEKDAY = np.array([0.14, 0.10, 0.06, 0.05, 0.02, -0.34, -0.36])
_FEN_A_USER = 10_000
"""Mean purchase of a user and day once the fund has grown, fen."""


@dataclass(frozen=True)
class After:
    """Days after a sample, so that what a forecast aimed at is known: how many, and the randomness of their own."""

    n_days: int
    rng: np.random.Generator


def flows(ds: DateArray, users: int, rng: np.random.Generator, after: After | None = None) -> tuple[IntArray, IntArray]:
    """Purchases and redemptions of a fund with `users` users at the end, fen, ``[n_days]`` each.

    Logs are sums of: a growth curve, a level that jumps a few times and wanders, weekday and holiday effects, the
    position in the month, and heavy-tailed noise.

    Parameters
    ----------
    ds
        Days ``[n_days]``, the ones of `after` included; those before are the same with and without it.
    """
    n = len(ds) - (0 if after is None else after.n_days)
    days = Calendar("CN").days(ds)
    position = np.arange(len(ds)) / max(n - 1, 1)
    growth = np.log(0.06 + 0.94 / (1 + np.exp(-14 * (position - 0.42))))
    mature = np.log(0.35 + 0.62 / (1 + np.exp(-9 * (position - 0.55))))
    shared = level_path(n, rng, jumps=2, jump_sd=0.15, wander_sd=0.015, after=after)
    purchase = growth + shared + level_path(n, rng, jumps=3, jump_sd=0.2, wander_sd=0.02, after=after)
    redeem = growth + mature + shared + level_path(n, rng, jumps=2, jump_sd=0.15, wander_sd=0.02, after=after)
    purchase += _calendar_effect(days, _PURCHASE_WEEKDAY, off=-0.45, back=0.25) + 0.08 * np.exp(-(days.day - 1) / 3.0)
    redeem += _calendar_effect(days, _REDEEM_WEEKDAY, off=-0.40, back=0.15) + 0.10 * np.exp(-days.days_left / 2.0)
    scale = users * _FEN_A_USER
    return _amounts(scale, purchase + _noise(n, rng, after)), _amounts(scale, redeem + _noise(n, rng, after))


def _noise(n: int, rng: np.random.Generator, after: After | None) -> FloatArray:
    noise = 0.11 * rng.standard_t(5, n)
    return noise if after is None else np.concatenate([noise, 0.11 * after.rng.standard_t(5, after.n_days)])


def level_path(
    n: int, rng: np.random.Generator, *, jumps: int, jump_sd: float, wander_sd: float, after: After | None = None
) -> FloatArray:
    """A log level ``[n]`` that jumps at `jumps` random days and otherwise wanders, pulled back slowly; it only wanders
    in the days `after` these.
    """
    level = np.zeros(n if after is None else n + after.n_days)
    for _ in range(jumps):
        level[int(rng.integers(n)) :] += jump_sd * rng.standard_normal()
    steps = wander_sd * rng.standard_normal(n)
    if after is not None:
        steps = np.concatenate([steps, wander_sd * after.rng.standard_normal(after.n_days)])
    wander = 0.0
    for t in range(len(level)):
        wander = 0.97 * wander + steps[t]
        level[t] += wander
    return level


def _calendar_effect(days: CalendarDays, weekday: FloatArray, off: float, back: float) -> FloatArray:
    """Log effect of weekdays, holidays on weekdays, shifted work days and the first work day after a long break."""
    effect = weekday[days.weekday].copy()
    effect[~days.workday & (days.weekday < 5)] += off
    effect[days.shifted] += 0.30
    returning = np.zeros(len(effect), dtype=bool)
    returning[1:] = days.workday[1:] & (days.offday_run[:-1] >= 3)
    effect[returning] += back
    return effect


def _amounts(scale: float, log: FloatArray) -> IntArray:
    return np.rint(scale * np.exp(log)).astype(np.int64)
