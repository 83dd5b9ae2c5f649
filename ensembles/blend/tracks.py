"""What every candidate would have scored, window by window, had it been used: weights come from earlier windows only.

P(k) are the windows that end at or before cutoff k. A candidate's forecast of window j has weights fitted on
P(j) alone. A window judges a candidate if that left it something to fit on: a candidate with nothing to fit is judged
by every window, one with weights by the windows j with a P(j) that is not empty, a second layer by those with
windows enough before them. Scores on windows the weights were fitted on never choose: flexible candidates would win by
fit.

References
----------
Dawid (1984), Present position and potential developments: the prequential approach.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ensembles.blend.combination import BASELINE, Candidate, Combination, Layered, equal_weights, fit_weights
from ensembles.blend.methods.base import FittingRules, Method
from ensembles.judging.judge import Judge
from ensembles.oof import LEVELS, Level, MemberInfo, OofCube, average_families, average_seeds, known_before
from forecasting.schema import BoolArray, FloatArray, IntArray

__all__ = ["Track", "choosing_windows", "track_candidates"]


@dataclass(frozen=True)
class Track:
    """One candidate on one target.

    `y_hat` ``[n_series, n_windows, horizon]`` its forecasts by weights of earlier windows only, and `judged`
    ``[n_windows]`` whether there were any; `scores` theirs by name of every score that a blend must hold under,
    ``[n_windows]``; `final` the candidate fitted on all windows, and `free` the same with nothing to hold its weights,
    None for one that does not learn; `in_sample` ``[n_windows]`` the scores of `final` on the windows it was fitted on.
    """

    candidate: Candidate
    y_hat: FloatArray
    judged: BoolArray
    scores: Mapping[str, FloatArray]
    final: Combination
    free: Combination | None
    in_sample: FloatArray

    @property
    def held(self) -> float | None:
        """How far the weights are held back, 0 (not at all) to 1 (equal): by the share of weight that a free fit would
        move. None for a candidate that does not learn, or would not move anything.
        """
        free, kept = None if self.free is None else self.free.moved, self.final.moved
        return None if not free or kept is None else max(0.0, 1.0 - kept / free)


@dataclass(frozen=True)
class _Layer:
    """What the candidates of a layer combine: the same units of each target, whose forecasts saw no window before it.

    `start` per target ``[n_units]`` the weights to begin with and to be held toward; `usable` ``[n_windows]`` the
    windows to learn from.
    """

    units: Mapping[str, OofCube]
    start: Mapping[str, FloatArray]
    usable: BoolArray

    @classmethod
    def first(cls, cubes: Mapping[str, OofCube], level: Level) -> _Layer:
        """Families or settings."""
        units = {t: average_families(cube) if level == "families" else average_seeds(cube) for t, cube in cubes.items()}
        n_windows = len(next(iter(cubes.values())).cutoffs)
        return cls(units, {t: equal_weights(cube.members) for t, cube in units.items()}, np.ones(n_windows, dtype=bool))

    @classmethod
    def second(cls, cubes: Mapping[str, OofCube], parts: Mapping[str, Sequence[Track]]) -> _Layer:
        """Candidates of the first layer, the simplest first, by what they forecast of windows they had not seen."""
        names = [track.candidate.label for track in next(iter(parts.values()))]
        members = tuple(MemberInfo(f"{i:03d}", name, name, name) for i, name in enumerate(names))
        units = {
            t: replace(cube, members=members, y_hat=np.stack([track.y_hat for track in parts[t]], axis=-1))
            for t, cube in cubes.items()
        }
        simplest = np.where(np.arange(len(names)) == 0, 1.0, 0.0)
        usable = np.all([track.judged for track in next(iter(parts.values()))], axis=0)
        return cls(units, dict.fromkeys(cubes, simplest), usable)

    def fit(self, rule: Method, target: str, windows: IntArray, rules: FittingRules) -> FloatArray | None:
        """What the method learns for a target from those of some windows that it may learn from."""
        seen = windows[self.usable[windows]]
        return fit_weights(rule, self.units[target], seen, self.start[target], rules, tuple(self.units.values()))

    def judged(self, rule: Method, before: Sequence[IntArray]) -> BoolArray:
        """Whether each window had enough before it, ``[n_windows]``."""
        return np.array([np.count_nonzero(self.usable[past]) >= rule.fewest for past in before])

    def forecasts(self, rule: Method, target: str, before: Sequence[IntArray], rules: FittingRules) -> FloatArray:
        """Forecasts of every window of a target by weights of the windows before it."""
        units = self.units[target]
        y_hat = np.full(units.y.shape, np.nan)
        fitted: dict[bytes, FloatArray | None] = {}
        for window, past in enumerate(before):
            if past.tobytes() not in fitted:  # overlapping windows share what they may look at
                fitted[past.tobytes()] = self.fit(rule, target, past, rules)
            y_hat[:, window] = rule.combine(units.y_hat[:, window], fitted[past.tobytes()])
        return y_hat


def track_candidates(
    cubes: Mapping[str, OofCube], candidates: Sequence[Candidate], rules: FittingRules, judge: Judge
) -> dict[str, tuple[Track, ...]]:
    """Follow each candidate through the windows of every target; all have the same windows."""
    first = next(iter(cubes.values()))
    tracker = _Tracker(cubes, known_before(first.cutoffs, first.ends), rules, judge)
    return tracker.tracks(candidates)


@dataclass(frozen=True)
class _Tracker:
    """Follows candidates; `before` is P(k) of every window."""

    cubes: Mapping[str, OofCube]
    before: Sequence[IntArray]
    rules: FittingRules
    judge: Judge

    def tracks(self, candidates: Sequence[Candidate]) -> dict[str, tuple[Track, ...]]:
        """By target, in the order of the candidates."""
        by_target: dict[str, dict[Candidate, Track]] = {target: {} for target in self.cubes}
        for level in LEVELS:
            mine = [c for c in candidates if c.level == level]
            singles, doubles = ([c for c in mine if (c.rule.layer > 1) is above] for above in (False, True))
            if doubles:  # the simplest is what a second layer begins with, asked for or not
                singles = sorted({*singles, Candidate(BASELINE.method, level)}, key=lambda c: c.complexity)
            layer = _Layer.first(self.cubes, level)
            for target, found in by_target.items():
                found |= {c: self._single(c, target, layer) for c in singles}
            if doubles:
                parts = {target: [found[c] for c in singles] for target, found in by_target.items()}
                layer = _Layer.second(self.cubes, parts)
                for target, found in by_target.items():
                    found |= {c: self._double(c, target, layer, parts[target]) for c in doubles}
        return {target: tuple(found[c] for c in candidates) for target, found in by_target.items()}

    def _single(self, candidate: Candidate, target: str, layer: _Layer) -> Track:
        """A candidate of the first layer."""
        members = self.cubes[target].members

        def final(rules: FittingRules) -> Combination:
            return Combination(candidate, members, layer.fit(candidate.rule, target, self._everything, rules))

        return self._track(candidate, target, layer, final)

    def _double(self, candidate: Candidate, target: str, layer: _Layer, parts: Sequence[Track]) -> Track:
        """A candidate of the second layer, with those of the first that it combines."""
        combined = tuple(track.final for track in parts)

        def final(rules: FittingRules) -> Combination:
            weights = layer.fit(candidate.rule, target, self._everything, rules)
            assert weights is not None
            return Layered.of(candidate, combined, weights)

        return self._track(candidate, target, layer, final)

    def _track(
        self, candidate: Candidate, target: str, layer: _Layer, final: Callable[[FittingRules], Combination]
    ) -> Track:
        y_hat = layer.forecasts(candidate.rule, target, self.before, self.rules)
        fitted = final(self.rules)
        return Track(
            candidate=candidate,
            y_hat=y_hat,
            judged=layer.judged(candidate.rule, self.before),
            scores=self.judge.checked_scores(target, y_hat),
            final=fitted,
            free=final(replace(self.rules, shrinkage=0.0, hold=0.0)) if candidate.rule.learns else None,
            in_sample=self.judge.target_scores(target, fitted.apply(self.cubes[target].y_hat)),
        )

    @property
    def _everything(self) -> IntArray:
        return np.arange(len(self.before))


def choosing_windows(before: Sequence[IntArray], known: IntArray) -> IntArray:
    """The windows among `known` that had windows before them: those that may test what is fitted."""
    return np.array([j for j in known if len(before[j])], dtype=np.int64)
