"""The one unit that scored best so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.blend.methods.base import FittingRules, Weighted
from ensembles.judging.scores import member_scores
from forecasting.schema import FloatArray

__all__ = ["BestUnit"]

DECIMALS = 6
"""Scores are compared after rounding; the first of equals is taken."""


@dataclass(frozen=True)
class BestUnit(Weighted):
    """All weight on one unit."""

    name = "best-single"
    place = 5
    words = "best single one of"
    by_default = False

    def fit(self, y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
        scores = np.round(member_scores(y_hat, y, rules.score, rules.rounding).mean(axis=1), DECIMALS)
        weights = np.zeros(len(equal))
        weights[int(np.argmax(scores))] = 1.0
        return weights
