"""The solver of the calendar regression, compiled: one series after another on a design that many share.

Minimised over effects b and level knots l, with r = y − E b − H l:

    Σ_t d_t ρ(r_t / s)  +  (b, l)ᵀ P (b, l) / 2,    s = 1.4826 · weighted median of |r|

ρ is Huber's function, d the decay, P the prior precision. A step solves the normal equations for the weights of the
residuals before it. Two kinds of steps alternate:

* *safe*: iteratively reweighted least squares. Each comes nearer, by a constant share that may be small.
* *Newton*: the days within Huber's bound count squared, the others pull with a constant force, and the scale moves by
  the secant of its own map s → s. Near the solution a few of these end it. If some do not come nearer, the last safe
  step is taken up again and twice as many safe ones follow.

H has two neighbouring knots a day, so the level's block is tridiagonal and is eliminated first. Sums run over days and
columns in a fixed order, and no product is taken across series: a fit has the same bits whatever is fitted beside it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forecasting.models.features.compiled import compiled
from forecasting.schema import FloatArray, IntArray

__all__ = ["Design", "solve"]

START_SCALE = 0.2
"""A usual day-to-day scatter in log units; replaced after the first step."""
LEAST_SCALE = 1e-3
CLOSE = 1e-8
"""A step that moves no residual, nor the scale, by more than this is the last one."""
SAFE_STEPS, NEWTON_STEPS = 2, 8
MOST_STEPS = 40
STEEPEST = 0.95
"""Slope of the scale's map at which its secant is taken to be no steeper: it goes at most 20 times as far."""


class Design(NamedTuple):
    """What fits on the same days share.

    `effects` ``[n, m]`` and the same as `columns` ``[m, n]``; `knot` ``[n]`` the earlier of the two knots around each
    day and `share` ``[n]`` its part; `decay` ``[n]``; the prior's `precision` ``[m]`` of effects, and that of the level
    ``[k]`` on the diagonal and ``[k - 1]`` beside it.
    """

    effects: FloatArray
    columns: FloatArray
    knot: IntArray
    share: FloatArray
    decay: FloatArray
    precision: FloatArray
    level_diagonal: FloatArray
    level_beside: FloatArray


class _Equations(NamedTuple):
    """Normal equations: effects `corner` ``[m, m]``, `cross` ``[k, m]``, the level's tridiagonal block, right sides."""

    corner: FloatArray
    cross: FloatArray
    diagonal: FloatArray
    beside: FloatArray
    right: FloatArray
    level_right: FloatArray


@compiled()
def solve(design: Design, y: FloatArray, huber: float) -> tuple[FloatArray, float]:
    """Effects ``[m]`` and the scale of residuals for log amounts y ``[n]``."""
    n, m, k = len(y), len(design.precision), len(design.level_diagonal)
    equations = _Equations(np.empty((m, m)), np.empty((k, m)), np.empty(k), np.empty(k - 1), np.empty(m), np.empty(k))
    effects, level, kept_effects = np.zeros(m), np.zeros(k), np.zeros(m)
    residual, kept_residual, weight, pull = np.zeros(n), np.zeros(n), design.decay.copy(), design.decay * y
    scale = kept_scale = START_SCALE
    safe = turn = SAFE_STEPS  # safe steps of a round, and those left of it; at 0 and below, Newton steps
    before, gap_before, distance_before = 0.0, 0.0, np.inf
    for _ in range(MOST_STEPS):
        _gather(design, weight / scale**2, pull / scale**2, equations)
        _eliminate(equations, effects, level)
        moved = _update_residual(design, y, effects, level, residual)
        found = max(1.4826 * _weighted_median(np.abs(residual), design.decay.copy()), LEAST_SCALE)
        gap = found - scale
        distance = max(moved, abs(gap))
        if distance < CLOSE:
            return effects, found
        turn -= 1
        if turn >= 0:
            scale = found
            kept_effects[:], kept_residual[:], kept_scale = effects, residual, scale
            distance_before = distance
        else:
            slope = 0.0 if turn == -1 or scale == before else 1.0 + (gap - gap_before) / (scale - before)
            before, gap_before = scale, gap
            scale = max(scale + gap / (1.0 - min(max(slope, -1.0), STEEPEST)), LEAST_SCALE)
            if turn == -NEWTON_STEPS and distance <= 0.1 * distance_before:
                turn, distance_before = 0, distance
            elif turn == -NEWTON_STEPS:
                residual[:], scale, safe = kept_residual, kept_scale, 2 * safe
                turn = safe
        _weigh(design.decay, residual, y, huber * scale, turn <= 0, weight, pull)
    return kept_effects, kept_scale


@compiled()
def _weigh(
    decay: FloatArray,
    residual: FloatArray,
    y: FloatArray,
    bound: float,
    newton: bool,
    weight: FloatArray,
    pull: FloatArray,
) -> None:
    """Each day's weight in the normal equations and its pull on the right side, both ``[n]``."""
    for t in range(len(y)):
        size = abs(residual[t])
        if newton and size > bound:
            weight[t] = 0.0
            pull[t] = decay[t] * bound * np.sign(residual[t])
        else:
            weight[t] = decay[t] if size <= bound else decay[t] * bound / size
            pull[t] = weight[t] * y[t]


@compiled()
def _gather(design: Design, weight: FloatArray, pull: FloatArray, equations: _Equations) -> None:
    """Sum up the normal equations."""
    corner, cross, diagonal, beside, right, level_right = equations
    corner[:], cross[:], right[:], level_right[:] = 0.0, 0.0, 0.0, 0.0
    diagonal[:], beside[:] = design.level_diagonal, design.level_beside
    m = len(right)
    for i in range(m):
        corner[i, i] = design.precision[i]
    for t in range(len(weight)):
        k, left, row, w, p = design.knot[t], design.share[t], design.effects[t], weight[t], pull[t]
        level_right[k] += left * p
        level_right[k + 1] += (1.0 - left) * p
        for i in range(m):
            right[i] += p * row[i]
        if w == 0.0:
            continue
        diagonal[k] += w * left * left
        diagonal[k + 1] += w * (1.0 - left) * (1.0 - left)
        beside[k] += w * left * (1.0 - left)
        for i in range(m):
            cross[k, i] += w * left * row[i]
            cross[k + 1, i] += w * (1.0 - left) * row[i]
        for i in range(m):
            if row[i] != 0.0:
                product = w * row[i]
                for j in range(m):
                    corner[i, j] += product * row[j]


@compiled()
def _eliminate(equations: _Equations, effects: FloatArray, level: FloatArray) -> None:
    """Solve the normal equations, which are overwritten: L D Lᵀ of the level's block, then Gauss on what is left."""
    corner, cross, diagonal, beside, right, level_right = equations
    k, m = cross.shape
    for i in range(1, k):
        factor = beside[i - 1] / diagonal[i - 1]
        diagonal[i] -= factor * beside[i - 1]
        level_right[i] -= factor * level_right[i - 1]
        for j in range(m):
            cross[i, j] -= factor * cross[i - 1, j]
    for i in range(k):
        for a in range(m):
            factor = cross[i, a] / diagonal[i]
            right[a] -= factor * level_right[i]
            for b in range(m):
                corner[a, b] -= factor * cross[i, b]
    for i in range(m):
        for a in range(i + 1, m):
            factor = corner[a, i] / corner[i, i]
            right[a] -= factor * right[i]
            for b in range(i + 1, m):
                corner[a, b] -= factor * corner[i, b]
    for i in range(m - 1, -1, -1):
        effects[i] = (right[i] - _dot(corner[i, i + 1 :], effects[i + 1 :])) / corner[i, i]
    for i in range(k - 1, -1, -1):
        level[i] = (level_right[i] - _dot(cross[i], effects)) / diagonal[i]
        if i < k - 1:
            level[i] -= beside[i] / diagonal[i] * level[i + 1]


@compiled()
def _dot(one: FloatArray, other: FloatArray) -> float:
    total = 0.0
    for i in range(len(one)):
        total += one[i] * other[i]
    return total


@compiled()
def _update_residual(
    design: Design, y: FloatArray, effects: FloatArray, level: FloatArray, residual: FloatArray
) -> float:
    """Put what is left over into `residual` ``[n]``; the largest change of one."""
    rest, moved = y.copy(), 0.0
    for i in range(len(effects)):
        for t in range(len(y)):
            rest[t] -= design.columns[i, t] * effects[i]
    for t in range(len(y)):
        k, left = design.knot[t], design.share[t]
        rest[t] -= left * level[k] + (1.0 - left) * level[k + 1]
        moved = max(moved, abs(rest[t] - residual[t]))
        residual[t] = rest[t]
    return moved


@compiled()
def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    """The least value up to which lies half of the weight; both arrays ``[n]`` are put in another order."""
    low, high = 0, len(values) - 1
    half, below = 0.5 * _sum(weights, low, high), 0.0
    while low < high:  # Hoare's quickselect
        first, middle, last = values[low], values[(low + high) // 2], values[high]
        pivot = max(min(first, middle), min(max(first, middle), last))
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                weights[i], weights[j] = weights[j], weights[i]
                i += 1
                j -= 1
        if below + _sum(weights, low, j) >= half:
            high = j
        elif below + _sum(weights, low, i - 1) >= half:
            return float(pivot)
        else:
            below += _sum(weights, low, i - 1)
            low = i
    return float(values[low])


@compiled()
def _sum(values: FloatArray, first: int, last: int) -> float:
    total = 0.0
    for i in range(first, last + 1):
        total += values[i]
    return total
