"""Ways to combine members: a method over a level, fitted on some windows and applied to any forecasts.

Seeds are averaged before anything else. Level `families` then averages the settings of each family, so that
many settings of one family cannot outvote another; level `settings` combines the settings themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ensembles.blend.methods.greedy import greedy_weights
from ensembles.blend.methods.simplex import shrink, simplex_weights
from ensembles.judging.window_scores import member_scores, window_scores
from ensembles.oof import LEVELS, Level, MemberInfo, OofCube, average, member_shares
from forecasting.schema import FloatArray, IntArray
from forecasting.score.points import Surrogate

__all__ = ["BASELINE", "Candidate", "Fitted", "FittingRules", "Method", "fit_candidate", "parse_candidate"]

Method = Literal["mean", "median", "trimmed-mean", "best-single", "simplex", "greedy", "simplex-by-series"]
"""Simplest first: nothing fitted, one thing chosen, weights held close to equal, weights free, weights by series."""

METHODS: tuple[Method, ...] = get_args(Method)
ORDER_STATISTICS: tuple[Method, ...] = ("median", "trimmed-mean")
TRIM = 0.2
"""Share of units the trimmed mean leaves out on each side (one at least, where three are left)."""


@dataclass(frozen=True, order=True)
class Candidate:
    """A method over a level; its label is ``method/level``."""

    method: Method
    level: Level

    @property
    def label(self) -> str:
        return f"{self.method}/{self.level}"

    @property
    def complexity(self) -> int:
        """Rank by how much is fitted, 0 for the simplest."""
        return METHODS.index(self.method) * len(LEVELS) + LEVELS.index(self.level)


BASELINE = Candidate("mean", "families")
"""Equal over families, then over settings, then over seeds: what stands where nothing could be chosen."""


def parse_candidate(name: str) -> tuple[Candidate, ...]:
    """Candidates a name stands for: ``greedy`` both levels, ``greedy/families`` one.

    Raises
    ------
    ValueError
        For an unknown name, with the known ones.
    """
    method, _, level = name.partition("/")
    found = tuple(Candidate(m, v) for m in METHODS for v in LEVELS if m == method and level in ("", v))
    if not found or name.endswith("/"):
        raise ValueError(f"{name!r} is none of {', '.join(METHODS)}, each with or without /{' or /'.join(LEVELS)}")
    return found


@dataclass(frozen=True)
class FittingRules:
    """What the fitted methods aim at, and how strongly simplex weights are held to equal ones."""

    surrogate: Surrogate
    shrinkage: float


@dataclass(frozen=True)
class Fitted:
    """A candidate with its weights: turns the members' forecasts of a target into one.

    `members` ``[n_members]`` in the order their forecasts must come in; `units` ``[n_units]`` what is combined;
    `unit_weights` ``[n_units]``, or ``[n_series, n_units]`` where each series has its own; None for median and
    trimmed mean, which weigh by rank.
    """

    candidate: Candidate
    members: tuple[MemberInfo, ...]
    units: tuple[MemberInfo, ...]
    unit_weights: FloatArray | None

    def apply(self, y_hat: FloatArray) -> FloatArray:
        """Combine members' forecasts ``[n_series, ..., n_members]`` into ``[n_series, ...]``; NaN stays NaN."""
        return self.combine(average(y_hat, self.members, self.candidate.level)[0])

    def combine(self, y_hat: FloatArray) -> FloatArray:
        """Combine units' forecasts ``[n_series, ..., n_units]`` into ``[n_series, ...]``."""
        if self.unit_weights is None:
            return _by_rank(self.candidate.method, y_hat)
        weights = self.unit_weights
        if weights.ndim == 2:
            weights = weights.reshape(len(weights), *[1] * (y_hat.ndim - 2), -1)
        total = np.zeros(y_hat.shape[:-1])
        for i in range(y_hat.shape[-1]):  # in order: see `oof.average`
            total += weights[..., i] * y_hat[..., i]
        return total

    @property
    def mean_unit_weights(self) -> FloatArray | None:
        """Weights ``[n_units]``, the mean over series where each has its own."""
        weights = self.unit_weights
        return weights.mean(axis=0) if weights is not None and weights.ndim == 2 else weights

    def weight_of(self, member: MemberInfo) -> float | None:
        """Weight of one member; None for a yardstick, or where the combination goes by rank."""
        shares = self.member_weights
        return None if shares is None or member not in self.members else float(shares[self.members.index(member)])

    @property
    def member_weights(self) -> FloatArray | None:
        """Each member's share in the combination, ``[n_members]``; None for median and trimmed mean."""
        if self.mean_unit_weights is None:
            return None
        shares: FloatArray = (member_shares(self.members, self.candidate.level) * self.mean_unit_weights).sum(axis=1)
        return shares


def _by_rank(method: Method, y_hat: FloatArray) -> FloatArray:
    n = y_hat.shape[-1]
    ordered = np.sort(y_hat, axis=-1)
    if method == "median":
        middle: FloatArray = (ordered[..., (n - 1) // 2] + ordered[..., n // 2]) / 2.0
        return middle
    cut = max(int(n * TRIM), 1) if n >= 3 else 0
    total = ordered[..., cut].copy()
    for i in range(cut + 1, n - cut):
        total += ordered[..., i]
    kept: FloatArray = total / (n - 2 * cut)
    return kept


def fit_candidate(
    candidate: Candidate, members: tuple[MemberInfo, ...], units: OofCube, windows: IntArray, rules: FittingRules
) -> Fitted:
    """Fit a candidate on some windows.

    Parameters
    ----------
    members
        Of the cube that `units` averages.
    units
        The cube of the candidate's level.
    windows
        Indices of the windows to fit on. With none, methods that need weights take equal ones: over families,
        then settings.
    """
    equal = equal_weights(units.members)
    if candidate.method in ORDER_STATISTICS:
        weights = None
    elif candidate.method == "mean":
        weights = np.full(len(equal), 1.0 / len(equal))
    elif len(windows) == 0:
        weights = equal
    else:
        weights = _FIT[candidate.method](units.y_hat[:, windows], units.y[:, windows], equal, rules)
    return Fitted(candidate, members, units.members, weights)


def equal_weights(units: tuple[MemberInfo, ...]) -> FloatArray:
    """Equal over families, then over the settings of each, ``[n_units]``."""
    families = [u.family for u in units]
    return np.array([1.0 / (len(set(families)) * families.count(f)) for f in families])


def _best_single(y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
    scores = np.round(member_scores(y_hat, y, rules.surrogate).mean(axis=1), 6)
    weights = np.zeros(len(equal))
    weights[int(np.argmax(scores))] = 1.0
    return weights


def _simplex(y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
    weights = simplex_weights(y_hat, y, rules.surrogate, equal)
    return shrink(weights, equal, y.shape[1], rules.shrinkage)


def _greedy(y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
    def score(candidates: FloatArray, y: FloatArray) -> FloatArray:
        mean: FloatArray = window_scores(candidates, y, rules.surrogate).mean(axis=-1)
        return mean

    del equal  # greedy selection starts from nothing
    return greedy_weights(np.ascontiguousarray(np.moveaxis(y_hat, -1, 0)), y, score)


def _simplex_by_series(y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
    """A series' own weights, held toward the target's as those are toward equal ones."""
    common = _simplex(y_hat, y, equal, rules)
    weights = np.tile(common, (len(y), 1))
    for row in range(len(y)):
        known = ~np.isnan(y[row]).all(axis=-1)
        if known.any():
            own = simplex_weights(y_hat[[row]][:, known], y[[row]][:, known], rules.surrogate, common)
            weights[row] = shrink(own, common, int(known.sum()), rules.shrinkage)
    return weights


_FIT: dict[Method, Callable[[FloatArray, FloatArray, FloatArray, FittingRules], FloatArray]] = {
    "best-single": _best_single,
    "simplex": _simplex,
    "greedy": _greedy,
    "simplex-by-series": _simplex_by_series,
}
