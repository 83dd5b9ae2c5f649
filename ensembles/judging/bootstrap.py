"""Block bootstrap of days: how far a mean over the backtest could have come out otherwise.

Errors of neighbouring days are alike, so whole blocks of days are drawn, each within one window.

References
----------
Künsch (1989), The jackknife and the bootstrap for general stationary observations.
"""

from __future__ import annotations

import numpy as np

from forecasting.schema import FloatArray, IntArray
from forecasting.seeding import generator

__all__ = ["BLOCK", "CONFIDENCE", "draw_blocks", "interval", "resampled_days"]

BLOCK = 7
"""Days in a block: errors repeat by weekday and last for days."""
CONFIDENCE = 0.9
RESAMPLES = 1000


def resampled_days(horizons: IntArray) -> IntArray:
    """Days drawn, ``[RESAMPLES, n_days]``: places in the row of all windows' days, one window after the other.

    The same draws for the same horizons, so that two methods are compared on the same days.
    """
    return draw_blocks(horizons, int(sum(horizons)), RESAMPLES, generator(0, "block-bootstrap"))


def draw_blocks(horizons: IntArray, n_days: int, n_draws: int, rng: np.random.Generator) -> IntArray:
    """Blocks of days put one after the other, ``[n_draws, n_days]``: places in the row of all windows' days.

    A block has `BLOCK` days, or as many as the shortest window.
    """
    starts = []
    offset = 0
    for horizon in horizons:
        starts += [offset + i for i in range(max(int(horizon) - BLOCK, 0) + 1)]
        offset += int(horizon)
    length = min(BLOCK, int(min(horizons)))
    drawn = rng.choice(np.array(starts), size=(n_draws, -(-n_days // length)))
    days: IntArray = (drawn[..., None] + np.arange(length)).reshape(n_draws, -1)[:, :n_days]
    return days


def interval(value: float, resampled: FloatArray) -> tuple[float, float]:
    """Interval around `value`, at `CONFIDENCE`, from resampled values ``[RESAMPLES]`` of the same mean."""
    known = resampled[~np.isnan(resampled)]
    if len(known) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known - known.mean(), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return value + float(low), value + float(high)
