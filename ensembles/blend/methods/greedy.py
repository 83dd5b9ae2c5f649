"""Greedy selection with replacement.

References
----------
Caruana, Niculescu-Mizil, Crew and Ksikes (2004), Ensemble selection from libraries of models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ensembles.blend.methods.base import FittingRules, Weighted
from ensembles.judging.scores import window_scores
from forecasting.schema import FloatArray

__all__ = ["MAX_STEPS", "Greedy", "greedy_weights"]

MAX_STEPS = 40
"""Selections at most: weights are multiples of 1/40 or coarser."""

DECIMALS = 6
"""Scores are compared after rounding, so that floating-point noise decides nothing."""


@dataclass(frozen=True)
class Greedy(Weighted):
    """Weights of the selection that scores best over the windows."""

    name = "greedy"
    place = 7
    words = "fitted selection of"
    by_default = False

    def fit(self, y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
        def score(candidates: FloatArray, y: FloatArray) -> FloatArray:
            mean: FloatArray = window_scores(candidates, y, rules.score, rules.rounding).mean(axis=-1)
            return mean

        del equal  # the selection starts from nothing
        return greedy_weights(np.ascontiguousarray(np.moveaxis(y_hat, -1, 0)), y, score)


def greedy_weights(
    predictions: FloatArray,
    y: FloatArray,
    score_fn: Callable[[FloatArray, FloatArray], FloatArray],
    max_steps: int = MAX_STEPS,
) -> FloatArray:
    """Start from nothing; add, with replacement, the member that raises the score of the running mean most.

    Among equals, members already chosen come first, then the first in order. The weights are those of the prefix of
    the selection that scored best (the shortest such).

    Parameters
    ----------
    predictions
        Shape ``[n_members, ...]``.
    y
        Actual values, shape ``[...]``.
    score_fn
        ``(candidates [n_members, ...], y [...]) -> scores [n_members]``, higher is better.

    Returns
    -------
    FloatArray
        Weights ``[n_members]``, at least 0, that sum to 1.
    """
    total = np.zeros(predictions.shape[1:])
    counts = np.zeros(len(predictions))
    best_score, best_counts = -np.inf, counts
    for size in range(1, max_steps + 1):
        scores = np.round(score_fn((total + predictions) / size, y), DECIMALS)
        tied = scores == scores.max()
        again = tied & (counts > 0)
        pick = int(np.argmax(again if again.any() else tied))
        counts[pick] += 1
        total = total + predictions[pick]
        if scores[pick] > best_score:
            best_score, best_counts = scores[pick], counts.copy()
    weights: FloatArray = best_counts / best_counts.sum()
    return weights
