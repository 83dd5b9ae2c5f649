"""How much past windows count: the memory that bands and cash at risk share."""

from __future__ import annotations

import numpy as np

from ensembles.oof import last_dates
from forecasting.schema import DateArray, FloatArray

__all__ = ["faded", "kish", "share_once"]


def faded(ds: DateArray, half_life: float) -> FloatArray:
    """What the errors of each window count, ``[n_windows]``: half after `half_life` calendar days, or after twice the
    longest window if that is longer.

    Parameters
    ----------
    ds
        Dates ``[n_windows, horizon]``, NaT where a window is padded.
    """
    last = last_dates(ds)
    longest = float((last - ds[:, 0]).max().astype(np.int64)) + 1.0
    age = (last.max() - last).astype(np.float64)
    return np.asarray(0.5 ** (age / max(half_life, 2.0 * longest)))


def kish(weight: FloatArray, axis: tuple[int, ...] | None = None) -> FloatArray:
    """Equal observations that weighted ones are worth along axes, 0 for none: Kish (1965), Survey Sampling."""
    squares = (weight**2).sum(axis=axis)
    return np.asarray(weight.sum(axis=axis) ** 2 / np.where(squares == 0, 1.0, squares))


def share_once(ds: DateArray) -> float:
    """Periods of the calendar in windows, as a share of the windows' periods: below 1 where windows overlap."""
    days = ds[~np.isnat(ds)]
    return len(np.unique(days)) / len(days)
