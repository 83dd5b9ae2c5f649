"""The choice at every cutoff, over all targets together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.blend.combination import BASELINE, Candidate
from ensembles.blend.ranking import Ranking
from ensembles.blend.tracks import Track, choose
from forecasting.schema import FloatArray, IntArray

__all__ = ["Course", "Pair"]

Choice = Mapping[str, Candidate]
"""One candidate per target."""


@dataclass(frozen=True)
class Pair:
    """One candidate per target, judged by the windows that choose, before any calibration.

    `score` is the prequential total over those windows (None where there are none), `by_surrogate` the same
    under the surrogate's family, `score_in_sample` the total over all windows of weights fitted on all of them;
    `out`: further below the family-equal mean than tolerated under some surrogate.
    """

    candidates: Choice
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
class Course:
    """Candidates of all targets on their way through the windows.

    `tracks` per target, the same candidates in the same order; `weights` of the targets, ``[n_targets]``.
    """

    tracks: Mapping[str, tuple[Track, ...]]
    weights: FloatArray
    tie: float
    surrogate: str

    def track(self, target: str, candidate: Candidate) -> Track:
        """One candidate on one target."""
        return next(track for track in self.tracks[target] if track.candidate == candidate)

    def choices(self, choosing: Sequence[IntArray]) -> tuple[Choice, ...]:
        """The choice for each window, given the windows whose scores may choose for it."""
        return tuple(self._named(self._rank(w).chosen.choice) if len(w) else self._standing() for w in choosing)

    def forecasts(self, choices: Sequence[Choice]) -> dict[str, FloatArray]:
        """Per target what the chosen candidates forecast, ``[n_series, n_windows, horizon]``."""
        return {
            target: np.stack([self.track(target, c[target]).y_hat[:, k] for k, c in enumerate(choices)], axis=1)
            for target in self.tracks
        }

    def pairs(self, windows: IntArray) -> tuple[Pair, ...]:
        """The ranking over `windows`, with the one chosen."""
        if not len(windows):
            standing = self._standing()
            return (Pair(standing, None, {}, self._in_sample(standing), out=False, chosen=True),)
        ranking = self._rank(windows)
        pairs = []
        for ranked in ranking.listed:
            named = self._named(ranked.choice)
            in_sample = self._in_sample(named)
            chosen = ranked is ranking.chosen
            pairs.append(Pair(named, ranked.score, ranked.by_surrogate, in_sample, ranked.out, chosen))
        return tuple(pairs)

    def _standing(self) -> dict[str, Candidate]:
        return dict.fromkeys(self.tracks, BASELINE)

    def _rank(self, windows: IntArray) -> Ranking:
        rows = list(self.tracks.values())
        return choose(rows, self.weights, windows, surrogate=self.surrogate, tie=self.tie)

    def _named(self, choice: Sequence[int]) -> dict[str, Candidate]:
        return {target: row[i].candidate for (target, row), i in zip(self.tracks.items(), choice, strict=True)}

    def _in_sample(self, named: Choice) -> float:
        scores = [self.track(target, candidate).in_sample.mean() for target, candidate in named.items()]
        return float(sum(weight * score for weight, score in zip(self.weights, scores, strict=True)))
