"""Signals: which way an amount is forecast to go, and how often that is right on days no forecast had seen.

    signal = +1 where ŷ / last − 1 > beyond,  −1 where it is below −beyond,  else 0

`last` is the last amount known at the cutoff. A signal is right when the amount then lies on its side of `last`. The
hit rate is the share of signals that are right, with the interval of all means over a backtest (see `intervals`).
Nothing is said of what trading on them would earn: that takes costs and fills, which a daily table does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ensembles.judging.intervals import CONFIDENCE, Parts
from forecasting.panel import Series
from forecasting.schema import DateArray, FloatArray, IntArray

__all__ = ["FEWEST", "SignalQuality", "judge_signals", "signals_ahead", "signals_of"]

FEWEST = 30
"""Signals that a hit rate takes."""


@dataclass(frozen=True)
class SignalQuality:
    """Of `n_days` with a forecast and an actual amount, a day of each series counting, `n_up` and `n_down` had a
    signal, `n_right` of them on the right side. `low` and `high` are the ends of the hit rate's interval, NaN where the
    backtest is too short for one.
    """

    n_days: int
    n_up: int
    n_down: int
    n_right: int
    low: float
    high: float

    @property
    def n_signals(self) -> int:
        return self.n_up + self.n_down

    @property
    def too_few(self) -> bool:
        """Whether there are too few signals to judge."""
        return self.n_signals < FEWEST

    @property
    def hit_rate(self) -> float:
        """Share of signals that are right; NaN without any."""
        return self.n_right / self.n_signals if self.n_signals else float("nan")

    @property
    def sentence(self) -> str:
        """For people."""
        counted = f"{self.n_signals} on {self.n_days} unseen days"
        if self.too_few:
            return f"{counted}: too few to judge (it takes {FEWEST})"
        ends = f"{CONFIDENCE:.0%} interval {self.low:.0%} to {self.high:.0%}"
        return f"{counted}, {self.hit_rate:.0%} right ({'no interval' if np.isnan(self.low) else ends})"


def signals_of(y_hat: FloatArray, last: FloatArray, beyond: float) -> IntArray:
    """Signals of forecasts, in their shape: -1, 0 or +1; 0 where the last amount is unknown or not positive.

    Parameters
    ----------
    last
        Last amount known at the cutoff, broadcast against `y_hat`.
    beyond
        Least change that is a signal, as a share of `last`.
    """
    change = np.where(last > 0, y_hat - last, 0.0)
    return np.where(np.abs(change) > beyond * last, np.sign(change), 0.0).astype(np.int64)


def signals_ahead(
    y_hat: Mapping[Series, FloatArray], last: Mapping[Series, float], beyond: float
) -> dict[Series, IntArray]:
    """Signals ``[horizon]`` of forecasts ``[horizon]``, by the last amount that was known."""
    return {series: signals_of(values, np.array(last[series]), beyond) for series, values in y_hat.items()}


def judge_signals(y_hat: FloatArray, y: FloatArray, last: FloatArray, ds: DateArray, beyond: float) -> SignalQuality:
    """Hold the signals of a backtest against what came.

    Parameters
    ----------
    y_hat, y
        Forecasts and actual amounts ``[n_series, n_windows, horizon]``, NaN where there is none.
    last
        Last amount known at each cutoff, ``[n_series, n_windows]``.
    ds
        Dates ``[n_windows, horizon]``, NaT where a window is padded.
    """
    before = last[..., None]
    counted = ~np.isnan(y) & ~np.isnan(y_hat) & (before > 0)
    signal = np.where(counted, signals_of(y_hat, before, beyond), 0)
    right = (signal != 0) & (np.sign(np.nan_to_num(y - before)) == signal)
    n_signals, n_right = int((signal != 0).sum()), int(right.sum())
    low = high = float("nan")
    if n_signals:
        rate = n_right / n_signals
        added = np.where(signal != 0, right - rate, 0.0).sum(axis=0) / n_signals
        low, high = Parts.of(ds).interval(rate, added)
    ends = (float(np.clip(end, 0.0, 1.0)) for end in (low, high))
    return SignalQuality(int(counted.sum()), int((signal > 0).sum()), int((signal < 0).sum()), n_right, *ends)
