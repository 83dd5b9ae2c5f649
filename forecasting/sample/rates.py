"""Rate tables of the competition's folder: the fund's yields every day, Shibor on bank days."""

from __future__ import annotations

import numpy as np

from forecasting.calendar import Calendar
from forecasting.sample.daily import level_path
from forecasting.schema import DateArray, FloatArray

__all__ = ["SHIBOR", "annualised", "daily_yields", "shibor"]

SHIBOR = (
    "Interest_O_N",
    "Interest_1_W",
    "Interest_2_W",
    "Interest_1_M",
    "Interest_3_M",
    "Interest_6_M",
    "Interest_9_M",
    "Interest_1_Y",
)
_TENOR_LEVEL = np.array([3.0, 3.7, 4.1, 4.7, 4.8, 4.7, 4.75, 4.95])
_TENOR_SWING = np.array([1.0, 0.9, 0.8, 0.7, 0.3, 0.15, 0.1, 0.08])


def daily_yields(n: int, rng: np.random.Generator) -> FloatArray:
    """CNY per 10,000 CNY and day, ``[n]``, four decimals."""
    path = 1.3 * np.exp(level_path(n, rng, jumps=2, jump_sd=0.08, wander_sd=0.012))
    return np.asarray(np.round(path + 0.01 * rng.standard_normal(n), 4))


def annualised(yields: FloatArray) -> FloatArray:
    """Seven-day yields in % a year, ``[n]``, from daily ones ``[n]``; the first days use the days there are."""
    growth = np.cumsum(np.log1p(yields / 10_000))
    start = np.concatenate([np.zeros(7), growth])[: len(growth)]
    n_days = np.minimum(np.arange(1, len(growth) + 1), 7)
    return np.asarray(np.round(100 * np.expm1((growth - start) * 365 / n_days), 3))


def shibor(ds: DateArray, rng: np.random.Generator) -> tuple[DateArray, FloatArray]:
    """Bank days among `ds` and their rates in % a year, ``[n_bank_days, 8]``, four decimals."""
    n = len(ds)
    swing = 2.0 * level_path(n, rng, jumps=4, jump_sd=0.25, wander_sd=0.05)
    noise = 0.03 * rng.standard_normal((n, len(SHIBOR))) * _TENOR_SWING
    rates = np.maximum(_TENOR_LEVEL + swing[:, None] * _TENOR_SWING + noise, 0.5)
    bank = Calendar("CN").days(ds).workday
    return ds[bank], np.round(rates[bank], 4)
