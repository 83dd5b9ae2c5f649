"""Scores of many forecasts at once, one value per window.

A window's score pools all series and days with an actual value.
"""

from __future__ import annotations

import numpy as np

from forecasting.schema import FloatArray
from forecasting.score.base import Score
from forecasting.score.points import round_submission

__all__ = ["member_scores", "window_scores"]


def window_scores(y_hat: FloatArray, y: FloatArray, score: Score, rounding: float | None = None) -> FloatArray:
    """Score of each window.

    Parameters
    ----------
    y_hat
        Shape ``[..., n_series, n_windows, horizon]``; leading axes are compared forecasts.
    y
        Shape ``[n_series, n_windows, horizon]``, NaN on days that do not count.
    rounding
        Smallest step of a submission, to which forecasts are rounded first; None: they are scored as they are.

    Returns
    -------
    FloatArray
        Shape ``[..., n_windows]``; NaN for a window without any day that counts.
    """
    known = ~np.isnan(y)
    submitted = round_submission(y_hat, rounding)
    above, below = score.parts(np.where(known, submitted, 0.0), np.where(known, y, 0.0))
    sums = (_over_days(np.where(known, part, 0.0)) for part in (above, below))
    return np.where(_over_days(known.astype(float)) == 0, np.nan, score.value(*sums))


def _over_days(values: FloatArray) -> FloatArray:
    """Sums over series and days, ``[..., n_windows]``."""
    by_window = np.ascontiguousarray(np.moveaxis(values, -3, -2))
    total: FloatArray = by_window.reshape(*by_window.shape[:-2], -1).sum(axis=-1)
    return total


def member_scores(y_hat: FloatArray, y: FloatArray, score: Score, rounding: float | None = None) -> FloatArray:
    """Score of each member on each window, as `window_scores`.

    Forecasts ``[n_series, n_windows, horizon, n_members]`` give scores ``[n_members, n_windows]``.
    """
    if y_hat.shape[-1] == 0:
        return np.empty((0, y.shape[1]))
    # One member at a time: thousands of them on a panel would not fit in memory several times over.
    return np.stack([window_scores(y_hat[..., i], y, score, rounding) for i in range(y_hat.shape[-1])])
