"""What a forecast is worth: points of 0 to 10 a day, higher is better.

The competition pays by the relative error e = |ŷ - y| / y of a day: 10 points at e = 0, none above 0.3, decreasing
between. Its formula is unpublished, so it is a *surrogate* here:

    linear    10·(1 - e / 0.3)
    convex    10·(1 - e / 0.3)²
    concave   10·(1 - (e / 0.3)²)
    wape      10·(1 - Σ|ŷ - y| / Σy), pooled over days and series; may be negative

A day with y = 0 counts 10 if ŷ = 0, and 0 otherwise.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from forecasting.schema import FloatArray

__all__ = [
    "FULL_MARK",
    "POINTWISE_FAMILY",
    "TOLERANCE",
    "PointwiseSurrogate",
    "Surrogate",
    "points",
    "round_submission",
    "window_score",
]

PointwiseSurrogate = Literal["linear", "convex", "concave"]
Surrogate = Literal["linear", "convex", "concave", "wape"]

POINTWISE_FAMILY: tuple[PointwiseSurrogate, ...] = ("linear", "convex", "concave")
"""The surrogates a blend is checked against: what holds under all of them holds under the unpublished formula."""

FULL_MARK = 10.0
TOLERANCE = 0.3
"""Relative error from which a day earns nothing."""


def round_submission(y_hat: FloatArray) -> FloatArray:
    """Forecasts as a submission holds them: whole units, never negative; NaN stays NaN. Any shape."""
    return np.maximum(np.rint(y_hat), 0.0)


def points(y_hat: FloatArray, y: FloatArray, surrogate: Surrogate = "linear") -> FloatArray:
    """Points of each day, 0 to 10; NaN where `y` or `y_hat` is NaN.

    Parameters
    ----------
    y_hat, y
        Forecasts and actual values in the same unit, of shapes that broadcast. The score is defined on submission
        values: see `round_submission`.
    surrogate
        One of `POINTWISE_FAMILY`.

    Raises
    ------
    ValueError
        For `wape`, which has no points per day: see `window_score`.
    """
    if surrogate not in POINTWISE_FAMILY:
        raise ValueError(f"{surrogate} is a pooled score without points per day: use window_score")
    missed = np.abs(y_hat - y)
    zero_day = y == 0
    e = missed / np.where(zero_day, 1.0, y)
    share = np.minimum(e / TOLERANCE, 1.0)
    if surrogate == "linear":
        earned = 1.0 - share
    elif surrogate == "convex":
        earned = np.square(1.0 - share)
    else:
        earned = 1.0 - np.square(share)
    on_zero = np.where(np.isnan(missed), np.nan, missed == 0)
    return FULL_MARK * np.where(zero_day, on_zero, earned)


def window_score(y_hat: FloatArray, y: FloatArray, surrogate: Surrogate = "linear") -> float:
    """Score of one target on one window: mean points per day, or pooled `wape`.

    Parameters
    ----------
    y_hat, y
        Shape ``[..., horizon]``, leading axes series if any. Days where either is NaN are padding and left out.

    Returns
    -------
    float
        Higher is better; NaN when no day is left.
    """
    y_hat, y = np.broadcast_arrays(y_hat, y)
    known = ~(np.isnan(y_hat) | np.isnan(y))
    if not known.any():
        return float("nan")
    y_hat, y = y_hat[known], y[known]
    if surrogate != "wape":
        return float(points(y_hat, y, surrogate).mean())
    missed, total = float(np.abs(y_hat - y).sum()), float(y.sum())
    if total == 0:
        return FULL_MARK if missed == 0 else 0.0
    return FULL_MARK * (1.0 - missed / total)
