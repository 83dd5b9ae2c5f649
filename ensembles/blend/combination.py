"""Ways to combine members: a method over a level, fitted on some windows and applied to any forecasts.

Seeds are averaged before anything else. Level `families` then averages the settings of each family, so that
many settings of one family cannot outvote another; level `settings` combines the settings themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ensembles.blend.methods.base import FittingRules, Method, all_methods, method_named, weighted_sum
from ensembles.oof import LEVELS, Level, MemberInfo, OofCube, average, member_shares
from forecasting.schema import FloatArray, IntArray

__all__ = [
    "BASELINE",
    "Candidate",
    "Combination",
    "Layered",
    "equal_weights",
    "fit_weights",
    "method_words",
    "parse_candidate",
]


@dataclass(frozen=True, order=True)
class Candidate:
    """A method over a level; its label is ``method/level``."""

    method: str
    level: Level

    @property
    def label(self) -> str:
        return f"{self.method}/{self.level}"

    @property
    def rule(self) -> Method:
        """The method of that name."""
        method = method_named(self.method)
        if method is None:
            raise ValueError(f"{self.method!r} is none of {_known_methods()}")
        return method

    @property
    def complexity(self) -> int:
        """Rank by how much is fitted, 0 for the simplest."""
        return self.rule.place * len(LEVELS) + LEVELS.index(self.level)


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
    found = tuple(Candidate(m.name, v) for m in all_methods() for v in LEVELS if m.name == method and level in ("", v))
    if not found or name.endswith("/"):
        raise ValueError(f"{name!r} is none of {_known_methods()}, each with or without /{' or /'.join(LEVELS)}")
    return found


def _known_methods() -> str:
    return ", ".join(method.name for method in all_methods())


def method_words(method: str, level: str) -> str:
    """What a candidate does, as ``fitted weights on families``; an unknown method goes by its name."""
    known = method_named(method)
    return f"{method if known is None else known.words} {level}"


@dataclass(frozen=True)
class Combination:
    """A candidate with its weights: turns the members' forecasts of a target into one.

    `members` ``[n_members]`` in the order their forecasts must come in; `unit_weights` ``[n_units]``, or
    ``[n_series, n_units]`` where each series has its own; None for methods that weigh by rank.
    """

    candidate: Candidate
    members: tuple[MemberInfo, ...]
    unit_weights: FloatArray | None

    @cached_property
    def units(self) -> tuple[MemberInfo, ...]:
        """What is combined, ``[n_units]``: means of the members."""
        return average(np.empty((0, len(self.members))), self.members, self.candidate.level)[1]

    def apply(self, y_hat: FloatArray) -> FloatArray:
        """Combine members' forecasts ``[n_series, ..., n_members]`` into ``[n_series, ...]``; NaN stays NaN."""
        return self.combine(average(y_hat, self.members, self.candidate.level)[0])

    def combine(self, y_hat: FloatArray) -> FloatArray:
        """Combine units' forecasts ``[n_series, ..., n_units]`` into ``[n_series, ...]``."""
        return self.candidate.rule.combine(y_hat, self.unit_weights)

    @property
    def mean_unit_weights(self) -> FloatArray | None:
        """Weights ``[n_units]``, the mean over series where each has its own."""
        weights = self.unit_weights
        return weights.mean(axis=0) if weights is not None and weights.ndim == 2 else weights

    @property
    def equal(self) -> FloatArray:
        """Equal weights of the units, ``[n_units]``: what stands beside those in use."""
        return equal_weights(self.units)

    @property
    def moved(self) -> float | None:
        """Share of the weight that lies elsewhere than in equal weights, 0 to 1; None for methods that weigh by
        rank.
        """
        weights = self.mean_unit_weights
        return None if weights is None else float(np.abs(weights - self.equal).sum()) / 2.0

    @property
    def member_weights(self) -> FloatArray | None:
        """Each member's share in the combination, ``[n_members]``; None for methods that weigh by rank."""
        if self.mean_unit_weights is None:
            return None
        shares: FloatArray = (member_shares(self.members, self.candidate.level) * self.mean_unit_weights).sum(axis=1)
        return shares


@dataclass(frozen=True)
class Layered(Combination):
    """A combination of combinations of the same units: `parts` with their shares `part_weights` ``[n_parts]``.

    `unit_weights` are those of all parts together; None if a part that has a share weighs by rank.
    """

    parts: tuple[Combination, ...] = ()
    part_weights: FloatArray = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, candidate: Candidate, parts: tuple[Combination, ...], part_weights: FloatArray) -> Layered:
        used = [(part.mean_unit_weights, w) for part, w in zip(parts, part_weights, strict=True) if w > 0]
        known = [w * found for found, w in used if found is not None]
        together = np.sum(known, axis=0) if len(known) == len(used) else None
        return cls(candidate, parts[0].members, together, parts, part_weights)

    @property
    def moved(self) -> float | None:
        """Share of the weight that lies elsewhere than on the simplest part."""
        return 1.0 - float(self.part_weights[0])

    def combine(self, y_hat: FloatArray) -> FloatArray:
        return weighted_sum(np.stack([part.combine(y_hat) for part in self.parts], axis=-1), self.part_weights)


def fit_weights(
    rule: Method,
    units: OofCube,
    windows: IntArray,
    start: FloatArray,
    rules: FittingRules,
    targets: Sequence[OofCube] = (),
) -> FloatArray | None:
    """What a method learns from some windows, None for a method that weighs by rank.

    Parameters
    ----------
    units
        The cube of the candidate's level.
    windows
        Indices of the windows to fit on.
    start
        Weights ``[n_units]`` where these are too few.
    targets
        Cubes like `units` of all targets, for methods that pool them.
    """
    if len(windows) < rule.fewest:
        return start
    names = [unit.name for unit in units.members]
    alike = [cube for cube in targets if [unit.name for unit in cube.members] == names]
    pool = tuple(_evidence(cube, windows, rules) for cube in alike)
    return rule.fit(*_evidence(units, windows, rules), start, replace(rules, pool=pool))


def _evidence(units: OofCube, windows: IntArray, rules: FittingRules) -> tuple[FloatArray, FloatArray]:
    """Forecasts and actual values of some windows, of one size in all units where the score adds them up."""
    y_hat, y = units.y_hat[:, windows], units.y[:, windows]
    if units.unit_factors is None or not rules.score.pooled:
        return y_hat, y
    factors = units.unit_factors[:, windows]
    return y_hat * factors[..., None], y * factors


def equal_weights(units: tuple[MemberInfo, ...]) -> FloatArray:
    """Equal over families, then over the settings of each, ``[n_units]``."""
    families = [u.family for u in units]
    return np.array([1.0 / (len(set(families)) * families.count(f)) for f in families])
