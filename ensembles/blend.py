"""The blend: one combination per target, chosen together, with the scores it earned honestly.

In: the targets' out-of-fold cubes and weights. Out: a `Blend` that turns the members' final forecasts into the
submission's, and knows what the same procedure scored on every backtest window when it could look at earlier
windows only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ensembles.best_single import BestSingle, follow_best_single
from ensembles.combine import BASELINE, Candidate, Fitted, FittingRules, Method, parse_candidate
from ensembles.oof import MemberInfo, OofCube, known_before
from ensembles.prequential import Track, choose, choosing_windows, track_candidates
from ensembles.selection import Ranking
from forecasting.errors import TooManyFailures
from forecasting.schema import FloatArray, IntArray
from forecasting.scoring import Surrogate

__all__ = ["Blend", "BlendSpec", "Pair", "Prequential", "fit_blend"]

ALL_METHODS: tuple[Method, ...] = ("mean", "median", "trimmed-mean", "best-single", "simplex", "greedy")


class BlendSpec(BaseModel):
    """How members are combined."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidates: tuple[str, ...] = Field(
        ALL_METHODS,
        description="combinations tried for each target: a method over families and over settings, or over one as in "
        "greedy/families; the mean over families is always among them",
    )
    tie: float = Field(0.1, ge=0, description="points within which the simplest combination wins over the best")
    shrinkage: float = Field(
        3.0, ge=0, description="windows of evidence that equal weights count for against fitted simplex weights"
    )

    @field_validator("candidates")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            parse_candidate(name)
        return names

    def parsed(self) -> tuple[Candidate, ...]:
        """The candidates without repetition, simplest first, the family-equal mean among them."""
        found = {candidate for name in self.candidates for candidate in parse_candidate(name)} | {BASELINE}
        return tuple(sorted(found, key=lambda candidate: candidate.complexity))


@dataclass(frozen=True)
class Pair:
    """One candidate per target, judged by the windows that choose.

    `score` is the prequential total over those windows (None where there are none), `by_surrogate` the same
    under the surrogate's family, `score_in_sample` the total over all windows of weights fitted on all of them;
    `out`: further below the family-equal mean than tolerated under some surrogate.
    """

    candidates: Mapping[str, Candidate]
    score: float | None
    by_surrogate: Mapping[str, float]
    score_in_sample: float
    out: bool
    chosen: bool

    @property
    def label(self) -> str:
        labels = {candidate.label for candidate in self.candidates.values()}
        return labels.pop() if len(labels) == 1 else ", ".join(f"{t}: {c.label}" for t, c in self.candidates.items())


@dataclass(frozen=True)
class Prequential:
    """The blend's forecasts of the backtest windows, each by what was known at its cutoff.

    `y_hat` per target ``[n_series, n_windows, horizon]``; `scores` per target ``[n_windows]``; `choices`
    ``[n_windows]`` the candidate of each target; `real` ``[n_windows]`` whether there was anything to choose
    by.
    """

    y_hat: Mapping[str, FloatArray]
    scores: Mapping[str, FloatArray]
    per_window: FloatArray
    choices: tuple[Mapping[str, Candidate], ...]
    real: tuple[bool, ...]

    @property
    def score(self) -> float:
        """Mean of the windows' weighted totals."""
        return float(self.per_window.mean())


@dataclass(frozen=True)
class Blend:
    """What `fit_blend` found.

    `fitted` per target the combination in use, `tracks` per target every candidate's honest course, `pairs` the
    ranking of the final choice, `score_in_sample` the total of the blend on the windows it was fitted on,
    `best_single` None when no member has all targets.
    """

    surrogate: Surrogate
    weights: Mapping[str, float]
    fitted: Mapping[str, Fitted]
    prequential: Prequential
    score_in_sample: float
    pairs: tuple[Pair, ...]
    tracks: Mapping[str, tuple[Track, ...]]
    best_single: BestSingle | None

    def members(self, target: str) -> tuple[MemberInfo, ...]:
        """Members whose forecasts `apply` needs, in its order."""
        return self.fitted[target].members

    def apply(self, target: str, y_hat: FloatArray) -> FloatArray:
        """Blend members' forecasts ``[n_series, ..., n_members]`` of a target into ``[n_series, ...]``."""
        return self.fitted[target].apply(y_hat)


def fit_blend(
    cubes: Mapping[str, OofCube], weights: Mapping[str, float], spec: BlendSpec, surrogate: Surrogate
) -> Blend:
    """Choose and fit the blend.

    Parameters
    ----------
    cubes
        One per target, over the same windows.
    weights
        Of each target in the total; they sum to 1.

    Raises
    ------
    TooManyFailures
        When a target has no member with a complete set of forecasts.
    """
    for target, cube in cubes.items():
        if not cube.members:
            raise TooManyFailures(f"no member has a complete set of forecasts of {target}: see their reasons")
    rules = FittingRules(surrogate, spec.shrinkage)
    tracks = {target: track_candidates(cube, spec.parsed(), rules) for target, cube in cubes.items()}
    first = next(iter(cubes.values()))
    course = _Course(tracks, np.array([weights[t] for t in cubes]), spec.tie, surrogate)
    before = known_before(first.cutoffs, first.horizons)
    prequential = course.follow([choosing_windows(before, past) for past in before])
    pairs = course.final(choosing_windows(before, np.arange(len(before))))
    chosen = next(pair for pair in pairs if pair.chosen)
    baseline = {target: course.track(target, BASELINE).y_hat for target in cubes}
    return Blend(
        surrogate=surrogate,
        weights={target: weights[target] for target in cubes},
        fitted={target: course.track(target, candidate).final for target, candidate in chosen.candidates.items()},
        prequential=prequential,
        score_in_sample=chosen.score_in_sample,
        pairs=pairs,
        tracks=tracks,
        best_single=follow_best_single(cubes, weights, surrogate, baseline),
    )


@dataclass(frozen=True)
class _Course:
    """The choice at every cutoff, over all targets."""

    tracks: Mapping[str, tuple[Track, ...]]
    weights: FloatArray
    tie: float
    surrogate: Surrogate

    def track(self, target: str, candidate: Candidate) -> Track:
        return next(track for track in self.tracks[target] if track.candidate == candidate)

    def _rank(self, windows: IntArray) -> Ranking:
        rows = list(self.tracks.values())
        return choose(rows, self.weights, windows, surrogate=self.surrogate, tie=self.tie)

    def _named(self, choice: Sequence[int]) -> dict[str, Candidate]:
        return {target: row[i].candidate for (target, row), i in zip(self.tracks.items(), choice, strict=True)}

    def follow(self, choosing: Sequence[IntArray]) -> Prequential:
        """`choosing`: for every window, the windows whose scores may choose for it."""
        standing = dict.fromkeys(self.tracks, BASELINE)
        choices = tuple(self._named(self._rank(w).chosen.choice) if len(w) else standing for w in choosing)
        y_hat, scores = {}, {}
        for target in self.tracks:
            used = [self.track(target, choice[target]) for choice in choices]
            y_hat[target] = np.stack([track.y_hat[:, k] for k, track in enumerate(used)], axis=1)
            scores[target] = np.array([track.scores[self.surrogate][k] for k, track in enumerate(used)])
        per_window = _weighted(self.weights, list(scores.values()))
        return Prequential(y_hat, scores, per_window, choices, tuple(len(windows) > 0 for windows in choosing))

    def final(self, windows: IntArray) -> tuple[Pair, ...]:
        if not len(windows):
            standing = dict.fromkeys(self.tracks, BASELINE)
            return (Pair(standing, None, {}, self._in_sample(standing), out=False, chosen=True),)
        ranking = self._rank(windows)
        pairs = []
        for ranked in ranking.listed:
            named = self._named(ranked.choice)
            score = self._in_sample(named)
            pairs.append(Pair(named, ranked.score, ranked.by_surrogate, score, ranked.out, ranked is ranking.chosen))
        return tuple(pairs)

    def _in_sample(self, named: Mapping[str, Candidate]) -> float:
        scores = [self.track(target, candidate).in_sample for target, candidate in named.items()]
        return float(_weighted(self.weights, scores).mean())


def _weighted(weights: FloatArray, scores: Sequence[FloatArray]) -> FloatArray:
    total = np.zeros(len(scores[0]))
    for weight, values in zip(weights, scores, strict=True):
        total += weight * values
    return total
