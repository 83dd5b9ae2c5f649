r"""Weights on the simplex that maximise the true score, shrunk toward equal weights.

The score of :math:`Xw` is neither smooth nor concave in w: a day missed by more than the tolerance earns
nothing whichever way the weights move. So the ascent is run three times — from equal weights along the slope of
the score; from equal weights along the slope of the absolute relative error, which also pulls at hopeless days;
and from where that ended along the score again — and the weights kept are those of all iterates whose score,
the real one on rounded forecasts, was best.

References
----------
Kivinen and Warmuth (1997), Exponentiated gradient versus gradient descent for linear predictors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.schema import FloatArray
from forecasting.score.points import FULL_MARK, TOLERANCE, Surrogate, points, round_submission

__all__ = ["shrink", "simplex_weights"]

MAX_ITERATIONS = 150
PATIENCE = 40
"""Iterations without a better score after which an ascent ends."""
STEP = 0.5
SMOOTHING = 0.01
"""Half width, as a share of y, over which the slope of the score is taken."""
WEIGHT_DECIMALS = 4
SCORE_DECIMALS = 6


def simplex_weights(predictions: FloatArray, y: FloatArray, surrogate: Surrogate, start: FloatArray) -> FloatArray:
    """Weights that maximise the mean of the windows' scores.

    Parameters
    ----------
    predictions
        Shape ``[n_series, n_windows, horizon, n_units]``.
    y
        Shape ``[n_series, n_windows, horizon]``, NaN on days that do not count.
    surrogate
        Score to maximise.
    start
        Equal weights to begin with, ``[n_units]``, all above 0.

    Returns
    -------
    FloatArray
        Weights ``[n_units]``, at least 0, that sum to 1; in steps of about 0.0001.
    """
    goal = _Goal.of(predictions, y, surrogate)
    best = (goal.value(start), start)
    best, _ = _ascend(goal, start, best, follow_score=True)
    best, end = _ascend(goal, start, best, follow_score=False)
    best, _ = _ascend(goal, end, best, follow_score=True)
    weights = np.round(best[1], WEIGHT_DECIMALS)
    weights /= weights.sum()
    return weights


def shrink(weights: FloatArray, equal: FloatArray, n_windows: int, strength: float) -> FloatArray:
    r""":math:`(n w + s e) / (n + s)`: equal weights count as much as `strength` windows of evidence."""
    held: FloatArray = (n_windows * weights + strength * equal) / (n_windows + strength)
    return held


@dataclass(frozen=True)
class _Goal:
    """The mean of the windows' scores as a weighted sum over n days with an actual value.

    `x` ``[n, n_units]``, `y` ``[n]``, `mass` ``[n]`` what one point (pointwise) or one unit of absolute error
    (wape) on the day is worth.
    """

    x: FloatArray
    y: FloatArray
    mass: FloatArray
    surrogate: Surrogate

    @classmethod
    def of(cls, predictions: FloatArray, y: FloatArray, surrogate: Surrogate) -> _Goal:
        known = ~np.isnan(y)
        amount = np.where(known, y, 0.0) if surrogate == "wape" else known.astype(float)
        total = amount.sum(axis=(0, 2), keepdims=True) * y.shape[1]
        worth = (FULL_MARK if surrogate == "wape" else 1.0) / np.where(total == 0, 1.0, total)
        return cls(predictions[known], y[known], np.broadcast_to(worth, y.shape)[known], surrogate)

    def value(self, weights: FloatArray) -> float:
        y_hat = round_submission(self._blend(weights))
        wape = self.surrogate == "wape"
        earned = -np.abs(y_hat - self.y) if wape else points(y_hat, self.y, self.surrogate)
        return round(float((earned * self.mass).sum()), SCORE_DECIMALS)

    def gradient(self, weights: FloatArray, follow_score: bool) -> FloatArray:
        y_hat = self._blend(weights)
        if self.surrogate == "wape":
            slope = -np.sign(y_hat - self.y)
        elif follow_score:
            width = np.where(self.y == 0, 1.0, self.y) * SMOOTHING
            above, below = (points(y_hat + side, self.y, self.surrogate) for side in (width, -width))
            slope = (above - below) / (2.0 * width)
        else:
            slope = -np.sign(y_hat - self.y) * FULL_MARK / TOLERANCE / np.where(self.y == 0, np.inf, self.y)
        # einsum, not a BLAS product: the same sum on any number of threads.
        gradient: FloatArray = np.einsum("nm,n->m", self.x, slope * self.mass)
        return gradient

    def _blend(self, weights: FloatArray) -> FloatArray:
        y_hat: FloatArray = np.einsum("nm,m->n", self.x, weights)
        return y_hat


_Best = tuple[float, FloatArray]


def _ascend(goal: _Goal, start: FloatArray, best: _Best, *, follow_score: bool) -> tuple[_Best, FloatArray]:
    """Exponentiated-gradient ascent; returns the best (score, weights) seen so far, and where the ascent ended."""
    weights, waited = start, 0
    highest = -np.inf
    for step in range(MAX_ITERATIONS):
        gradient = goal.gradient(weights, follow_score)
        gradient = gradient - (gradient * weights).sum()
        scale = np.abs(gradient).max()
        if scale < 1e-12 or waited >= PATIENCE:
            break
        weights = weights * np.exp(STEP / np.sqrt(1.0 + step / 5.0) * gradient / scale)
        weights = weights / weights.sum()
        value = goal.value(weights)
        waited = 0 if value > highest else waited + 1
        highest = max(highest, value)
        if value > best[0]:
            best = (value, weights)
    return best, weights
