r"""Weights by a ridge regression toward equal ones, on logarithms.

With e the errors of equal weights and D the departures of the units from them, the weights are :math:`w_0 + d`, and d
is the most likely deviation when a weight is believed to lie within half of its equal weight:

.. math:: \min_d \frac{\|e - Dd\|^2}{σ^2 c} + \sum_i \left(\frac{d_i}{w_{0i}/2}\right)^2, \quad \sum_i d_i = 0, w ≥ 0

σ is the size of e. c is how many days of a window say the same: errors of a window share a level error, which says
little about the next window, so a month missed as a whole counts as one day and not as thirty. Evidence is pooled over
series, windows and targets; then each target's own weights are held toward the pooled ones in the same way.

References
----------
Granger and Ramanathan (1984), Improved methods of combining forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.blend.methods.base import FittingRules, Weighted
from ensembles.blend.relative_errors import RelativeErrors
from forecasting.schema import BoolArray, FloatArray

__all__ = ["Ridge", "held_weights"]

DOUBT = 0.5
"""Standard deviation of a weight, as a share of its equal weight, before anything is seen, at the usual shrinkage."""
USUAL_SHRINKAGE = 3.0
OWN_DOUBT = 0.5
"""Doubt that a target's weights are the pooled ones, as a share of the doubt that the pooled ones are equal: the
target's evidence has had its say in those already.
"""
NO_HOLD = 1e-6
"""Smallest hold there can be: units that never differ need one."""
DECIMALS = 9
MOST_ROUNDS = 10
"""Of the search for weights, by unit."""
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Ridge(Weighted):
    """Equal weights, moved as far as the evidence of all targets and then the target's own says."""

    name = "ridge"
    place = 4
    words = "weights held close to equal on"

    def fit(self, y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
        return held_weights(y_hat, y, equal, DOUBT * equal, rules)


def held_weights(
    y_hat: FloatArray, y: FloatArray, toward: FloatArray, doubt: FloatArray, rules: FittingRules
) -> FloatArray:
    """Weights ``[n_units]`` held toward some, pooled over the targets and then the target's own.

    Parameters
    ----------
    y_hat, y
        As in `Method.fit`.
    toward
        The weights to be held toward, ``[n_units]``.
    doubt
        Standard deviation of each weight before anything is seen, ``[n_units]``.
    """
    by_size = rules.score.pooled
    pooled = [RelativeErrors.of(x, actual, by_size=by_size) for x, actual in rules.pool or ((y_hat, y),)]
    hold = np.diag(max(rules.hold * rules.shrinkage / USUAL_SHRINKAGE, NO_HOLD) / doubt**2)
    common = _most_likely(pooled, toward, hold)
    weights = common
    if len(pooled) > 1:
        weights = _most_likely([RelativeErrors.of(y_hat, y, by_size=by_size)], common, hold / OWN_DOUBT**2)
    weights = np.round(weights, DECIMALS)
    kept: FloatArray = weights / weights.sum()
    return kept


def _most_likely(evidence: Sequence[RelativeErrors], toward: FloatArray, hold: FloatArray) -> FloatArray:
    """Minimise the sum of squares over weights of at least 0 that sum to 1, by following the active set.

    From `toward` on, weights move to the least of the plane that the units in use span, as far as none falls below 0;
    the first that does is left out. Where the least is reached, the unit that pulls most is taken in again.
    """
    told = [_moments(found, toward) for found in evidence]
    slope = sum((gram for gram, _ in told), hold)
    pull = sum((vector for _, vector in told), np.zeros(len(toward)))
    weights, active = toward.copy(), toward > 0
    for _ in range(MOST_ROUNDS * len(toward)):
        least, price = _on_plane(slope, pull, toward, active)
        short = active & (least < 0)
        if short.any():
            steps = np.where(short, weights / np.where(short, weights - least, 1.0), np.inf)
            first = int(np.argmin(steps))
            weights = np.maximum(weights + steps[first] * (least - weights), 0.0)
            active[first] = False
            weights[first] = 0.0
            continue
        weights = least
        pulls = np.where(active, 0.0, pull - (slope * (weights - toward)).sum(axis=1) - price)
        strongest = int(np.argmax(pulls))
        if pulls[strongest] <= TOLERANCE * np.abs(hold).max():
            break
        active[strongest] = True
    return weights


def _moments(found: RelativeErrors, center: FloatArray) -> tuple[FloatArray, FloatArray]:
    """D'D and D'e in units of the variance of e, a window's days counted as often as they differ."""
    errors, mass = found.of_blend(center), found.mass
    squares = float((mass * errors**2).sum())
    if squares == 0.0:  # nothing is known, or nothing was missed
        return np.zeros((len(center), len(center))), np.zeros(len(center))
    unit = squares / found.n_days * found.alike(center)
    departures = errors[..., None] - found.errors
    gram = np.einsum("swh,swhi,swhj->ij", mass, departures, departures) / unit
    return gram, np.einsum("swh,swhi,swh->i", mass, departures, errors) / unit


def _on_plane(slope: FloatArray, pull: FloatArray, toward: FloatArray, active: BoolArray) -> tuple[FloatArray, float]:
    """Weights that solve ``slope·d = pull`` among the active units, the others at 0, and sum to 1; and the price of
    that sum: what an active unit pulls.
    """
    inside, n = np.flatnonzero(active), int(active.sum())
    moved = np.where(active, 0.0, -toward)
    system = np.ones((n + 1, n + 1))
    system[:n, :n], system[n, n] = slope[np.ix_(inside, inside)], 0.0
    right = np.append((pull - (slope * moved).sum(axis=1))[inside], -moved.sum())
    solved = np.linalg.solve(system, right)
    moved[inside] = solved[:n]
    return np.where(active, toward + moved, 0.0), float(solved[n])
