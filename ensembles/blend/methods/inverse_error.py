"""Weights by the inverse of the squared error, pooled over targets and held toward equal weights.

References
----------
Bates and Granger (1969), The combination of forecasts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.blend.methods.base import FittingRules, Weighted
from ensembles.blend.relative_errors import RelativeErrors
from forecasting.schema import FloatArray

__all__ = ["InverseError"]

DECIMALS = 9


@dataclass(frozen=True)
class InverseError(Weighted):
    """Equal weights over the squared error relative to the other units', by days of all series and targets."""

    name = "inverse-error"
    place = 3
    words = "weights by squared error on"

    def fit(self, y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
        held, by_size = rules.held_days(y), rules.score.pooled
        pooled = [RelativeErrors.of(x, actual, by_size=by_size) for x, actual in rules.pool or ((y_hat, y),)]
        common = _held([_relative(found, equal) for found in pooled], np.ones(len(equal)), held)
        own = _held([_relative(RelativeErrors.of(y_hat, y, by_size=by_size), equal)], common, held)
        weights = equal / own
        rounded = np.round(weights / weights.sum(), DECIMALS)
        kept: FloatArray = rounded / rounded.sum()
        return kept


def _relative(found: RelativeErrors, equal: FloatArray) -> tuple[FloatArray, float]:
    """Squared errors by their mean over units, and the independent days behind them; ones where none are known."""
    squared = found.squared()
    mean = squared.mean()
    if not mean > 0:
        return np.ones(len(squared)), 0.0
    return np.maximum(squared / mean, 10.0**-DECIMALS), found.n_days / found.alike(equal)


def _held(evidence: list[tuple[FloatArray, float]], toward: FloatArray, held: float) -> FloatArray:
    """Mean of relative errors by their days, `toward` counting for `held` days more."""
    days = sum(n for _, n in evidence) + held
    if days == 0:
        return toward
    total = held * toward
    for errors, n in evidence:
        total = total + n * errors
    mean: FloatArray = total / days
    return mean
