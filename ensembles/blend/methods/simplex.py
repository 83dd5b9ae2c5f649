r"""Weights on the simplex that maximise the true score, shrunk toward equal weights.

The score of :math:`Xw` is neither smooth nor concave in w: a day missed by more than the tolerance earns
nothing whichever way the weights move. So the ascent is run three times — from equal weights along the slope of
the score; from equal weights along the slope of the absolute relative error, which also pulls at hopeless days;
and from where that ended along the score again — and the weights kept are those of all iterates whose score,
the real one on forecasts as they are judged, was best.

References
----------
Kivinen and Warmuth (1997), Exponentiated gradient versus gradient descent for linear predictors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.blend.methods.base import FittingRules, Weighted
from ensembles.blend.relative_errors import RelativeErrors
from forecasting.schema import FloatArray
from forecasting.score.base import Score
from forecasting.score.points import FULL_MARK, TOLERANCE, round_submission

__all__ = ["Simplex", "shrink", "shrunk_weights", "simplex_weights"]

MAX_ITERATIONS = 150
PATIENCE = 40
"""Iterations without a better score after which an ascent ends."""
STEP = 0.5
WEIGHT_DECIMALS = 4
HELD_DECIMALS = 8
"""Of weights after they are held, from which those of single series start: an ascent amplifies the last bits."""
SCORE_DECIMALS = 6
RELATIVE_DECIMALS = 8
"""Of forecasts in units of the day's actual value."""


@dataclass(frozen=True)
class Simplex(Weighted):
    """One set of weights for all series of a target."""

    name = "simplex"
    place = 6
    words = "fitted weights on"

    def fit(self, y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
        return shrunk_weights(y_hat, y, equal, rules)


def shrunk_weights(y_hat: FloatArray, y: FloatArray, start: FloatArray, rules: FittingRules) -> FloatArray:
    """`simplex_weights` held toward `start`, ``[n_units]``, by the independent days they were fitted on."""
    weights = simplex_weights(y_hat, y, rules.score, start, rules.rounding)
    found = RelativeErrors.of(y_hat, y, by_size=rules.score.pooled)
    held = np.round(shrink(weights, start, found.n_days / found.alike(start), rules.held_days(y)), HELD_DECIMALS)
    kept: FloatArray = held / held.sum()
    return kept


def simplex_weights(
    predictions: FloatArray, y: FloatArray, score: Score, start: FloatArray, rounding: float | None = None
) -> FloatArray:
    """Weights that maximise the mean of the windows' scores.

    Parameters
    ----------
    predictions
        Shape ``[n_series, n_windows, horizon, n_units]``.
    y
        Shape ``[n_series, n_windows, horizon]``, NaN on days that do not count.
    score
        To be maximised.
    start
        Equal weights to begin with, ``[n_units]``, all above 0.
    rounding
        Smallest step of a submission; None: forecasts are scored as they are.

    Returns
    -------
    FloatArray
        Weights ``[n_units]``, at least 0, that sum to 1; in steps of about 0.0001.
    """
    goal = _Goal.of(predictions, y, score, rounding)
    best = (goal.value(start), start)
    best, _ = _ascend(goal, start, best, follow_score=True)
    best, end = _ascend(goal, start, best, follow_score=False)
    best, _ = _ascend(goal, end, best, follow_score=True)
    weights = np.round(best[1], WEIGHT_DECIMALS)
    weights /= weights.sum()
    return weights


def shrink(weights: FloatArray, equal: FloatArray, n_days: float, strength: float) -> FloatArray:
    r""":math:`(n w + s e) / (n + s)`: equal weights count as much as `strength` days of evidence."""
    if n_days + strength == 0.0:
        return equal
    held: FloatArray = (n_days * weights + strength * equal) / (n_days + strength)
    return held


@dataclass(frozen=True)
class _Goal:
    """The mean of the windows' scores, but for a constant, as a weighted sum over n days with an actual value.

    `x` ``[n, n_units]``, `y` ``[n]``, `mass` ``[n]`` what one unit of the day's part above the score's bar is worth.
    """

    x: FloatArray
    y: FloatArray
    mass: FloatArray
    score: Score
    rounding: float | None

    @classmethod
    def of(cls, predictions: FloatArray, y: FloatArray, score: Score, rounding: float | None) -> _Goal:
        known = ~np.isnan(y)
        _, below = score.parts(np.zeros(y.shape), np.where(known, y, 0.0))
        # Dividing the mean over windows into the sums below the bar gives the same number: a score is a fraction.
        total = np.where(known, below, 0.0).sum(axis=(0, 2), keepdims=True) * y.shape[1]
        mass = np.broadcast_to(score.worth(total), y.shape)[known]
        x, y = predictions[known], y[known]
        if rounding is None and not score.pooled:
            x, y = _relative(x, y)
        return cls(x, y, mass, score, rounding)

    def value(self, weights: FloatArray) -> float:
        above, _ = self.score.parts(round_submission(self._blend(weights), self.rounding), self.y)
        return round(float((above * self.mass).sum()), SCORE_DECIMALS)

    def gradient(self, weights: FloatArray, follow_score: bool) -> FloatArray:
        y_hat = self._blend(weights)
        # A pooled score has a slope on every day.
        slope = self.score.slope(y_hat, self.y) if follow_score or self.score.pooled else self._pull(y_hat)
        # einsum, not a BLAS product: the same sum on any number of threads.
        gradient: FloatArray = np.einsum("nm,n->m", self.x, slope * self.mass)
        return gradient

    def _pull(self, y_hat: FloatArray) -> FloatArray:
        """Slope of linear points without an end at the tolerance."""
        size = np.where(self.y == 0, np.inf, np.abs(self.y))
        pull: FloatArray = -np.sign(y_hat - self.y) * FULL_MARK / TOLERANCE / size
        return pull

    def _blend(self, weights: FloatArray) -> FloatArray:
        y_hat: FloatArray = np.einsum("nm,m->n", self.x, weights)
        return y_hat


def _relative(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Forecasts ``[n, n_units]`` and actual values ``[n]`` of days in units of the day, which earn the same points.

    They are rounded, because an ascent around the top of the points amplifies the last bits of what it is given: with
    them the weights would depend on the unit of the data. On days with y = 0 only a forecast of 0 counts.
    """
    size = np.abs(y)[:, None]
    relative = np.round(x / np.where(size == 0, 1.0, size), RELATIVE_DECIMALS)
    return np.where(size == 0, np.sign(x), relative), np.sign(y)


_Best = tuple[float, FloatArray]
"""The highest score seen, and its weights."""


def _ascend(goal: _Goal, start: FloatArray, best: _Best, *, follow_score: bool) -> tuple[_Best, FloatArray]:
    """Exponentiated-gradient ascent; returns the best seen so far, and the weights where the ascent ended."""
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
