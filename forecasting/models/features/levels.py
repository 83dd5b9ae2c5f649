"""Robust levels of a series: medians whose days fade with age.

A median that halves its weights every `half_life` days follows a level like exponential smoothing, and does not
move for single odd days.
"""

from __future__ import annotations

import numpy as np

from forecasting.schema import FloatArray

__all__ = ["fading_median", "fading_medians", "fading_weights", "level_around", "pulled_in"]

LOOK_BACK = 8
"""Half-lives after which a day no longer counts; its weight is 0.4% by then."""

NEIGHBOURS = 7
"""Days on either side among which a day is judged odd."""


def fading_weights(n: int, half_life: float) -> FloatArray:
    """Weights ``[n]`` that halve every `half_life` days back from the last, which has weight 1."""
    return np.asarray(0.5 ** (np.arange(n)[::-1] / half_life))


def fading_medians(values: FloatArray, half_life: float) -> FloatArray:
    """Level as of each day, ``[n]``: the median of the days up to it, weighted by `fading_weights`."""
    look_back = min(len(values), int(np.ceil(LOOK_BACK * half_life)))
    padded = np.concatenate([np.full(look_back - 1, np.nan), values])
    return _weighted_medians(np.lib.stride_tricks.sliding_window_view(padded, look_back), half_life)


def fading_median(values: FloatArray, half_life: float) -> float:
    """Level as of the last day: ``fading_medians(values, half_life)[-1]``."""
    look_back = min(len(values), int(np.ceil(LOOK_BACK * half_life)))
    return float(_weighted_medians(values[None, -look_back:], half_life)[0])


def level_around(values: FloatArray, days: int) -> FloatArray:
    """Level at each day with hindsight, ``[n]``: the median of up to `days` days on either side of it."""
    pad = np.full(days, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([pad, values, pad]), 2 * days + 1)
    return np.asarray(np.nanmedian(windows, axis=1))


def pulled_in(values: FloatArray, clip: float) -> FloatArray:
    """Values ``[n]``; those far from the median of their `NEIGHBOURS` are pulled in to `clip` robust scales."""
    padded = np.pad(values, NEIGHBOURS, mode="reflect")
    centre = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1), axis=1)
    odd = values - centre
    bound = clip * 1.4826 * float(np.median(np.abs(odd)))
    return np.asarray(centre + np.clip(odd, -bound, bound))


def _weighted_medians(windows: FloatArray, half_life: float) -> FloatArray:
    """Weighted median of each row of ``[n, look_back]``, the last column newest, NaN = no day; linear between days."""
    order = np.argsort(windows, axis=1, kind="stable")
    ranked = np.take_along_axis(windows, order, axis=1)
    weights = np.where(np.isnan(ranked), 0.0, fading_weights(windows.shape[1], half_life)[order])
    middle = np.cumsum(weights, axis=1) - 0.5 * weights
    half = 0.5 * weights.sum(axis=1, keepdims=True)
    known = np.count_nonzero(~np.isnan(ranked), axis=1)
    upper = np.clip(np.count_nonzero(middle < half, axis=1), 0, known - 1)
    lower = np.maximum(upper - 1, 0)
    rows = np.arange(len(windows))
    gap = np.maximum(middle[rows, upper] - middle[rows, lower], 1e-300)
    share = np.clip((half[:, 0] - middle[rows, lower]) / gap, 0.0, 1.0)
    return np.asarray(ranked[rows, lower] + share * (ranked[rows, upper] - ranked[rows, lower]))
