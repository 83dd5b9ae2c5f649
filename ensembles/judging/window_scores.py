"""Scores of many forecasts at once: the arithmetic of `forecasting.score.points`, one value per window.

Forecasts are rounded as a submission holds them before they are judged. A window's score pools all series and days with
an actual value.
"""

from __future__ import annotations

import numpy as np

from forecasting.schema import FloatArray
from forecasting.score.points import FULL_MARK, POINTWISE_FAMILY, Surrogate, points, round_submission

__all__ = ["member_scores", "surrogate_family", "window_scores"]


def surrogate_family(surrogate: Surrogate) -> tuple[Surrogate, ...]:
    """The scores a blend must hold under: all that the unpublished formula may be, or `wape` alone."""
    return ("wape",) if surrogate == "wape" else POINTWISE_FAMILY


def window_scores(y_hat: FloatArray, y: FloatArray, surrogate: Surrogate) -> FloatArray:
    """Score of each window.

    Parameters
    ----------
    y_hat
        Shape ``[..., n_series, n_windows, horizon]``; leading axes are compared forecasts.
    y
        Shape ``[n_series, n_windows, horizon]``, NaN on days that do not count.

    Returns
    -------
    FloatArray
        Shape ``[..., n_windows]``; NaN for a window without any day that counts.
    """
    known = ~np.isnan(y)
    y_hat, y = np.where(known, round_submission(y_hat), 0.0), np.where(known, y, 0.0)
    with np.errstate(invalid="ignore"):  # 0/0: a window without a day
        if surrogate == "wape":
            return _wape(_pooled(np.abs(y_hat - y)), _pooled(y), _pooled(known.astype(float)))
        earned = np.where(known, points(y_hat, y, surrogate), 0.0)
        score: FloatArray = _pooled(earned) / _pooled(known.astype(float))
        return score


def _pooled(values: FloatArray) -> FloatArray:
    """Sums over series and days, ``[..., n_windows]``."""
    by_window = np.ascontiguousarray(np.moveaxis(values, -3, -2))
    total: FloatArray = by_window.reshape(*by_window.shape[:-2], -1).sum(axis=-1)
    return total


def _wape(missed: FloatArray, total: FloatArray, n_days: FloatArray) -> FloatArray:
    share = missed / np.where(total == 0, 1.0, total)
    score = np.where(total == 0, np.where(missed == 0, FULL_MARK, 0.0), FULL_MARK * (1.0 - share))
    return np.where(n_days == 0, np.nan, score)


def member_scores(y_hat: FloatArray, y: FloatArray, surrogate: Surrogate) -> FloatArray:
    """Score of each member on each window.

    Forecasts ``[n_series, n_windows, horizon, n_members]`` give scores ``[n_members, n_windows]``.
    """
    if y_hat.shape[-1] == 0:
        return np.empty((0, y.shape[1]))
    # One member at a time: thousands of them on a panel would not fit in memory several times over.
    return np.stack([window_scores(y_hat[..., i], y, surrogate) for i in range(y_hat.shape[-1])])
