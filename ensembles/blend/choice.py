"""The choice at every cutoff, over all targets together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.blend.combination import BASELINE, Candidate
from ensembles.blend.pair import Choice, Pair
from ensembles.blend.tracks import Track
from ensembles.judging.judge import Judge
from ensembles.judging.ranking import Ranking
from forecasting.schema import FloatArray, IntArray

__all__ = ["Chooser"]


@dataclass(frozen=True)
class Chooser:
    """Chooses one candidate per target by their scores on some windows.

    `tracks` per target, the same candidates in the same order.
    """

    tracks: Mapping[str, tuple[Track, ...]]
    judge: Judge
    tie: float

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
        """Rank tuples of candidates by their mean scores over `windows`, at least one."""
        first = next(iter(self.tracks.values()))
        candidates = [track.candidate for track in first]
        scores = {
            name: {target: self._means(target, name, windows) for target in self.tracks} for name in first[0].scores
        }
        return self.judge.rank(
            scores,
            np.array([candidate.complexity for candidate in candidates]),
            baseline=candidates.index(BASELINE),
            tie=self.tie,
        )

    def _means(self, target: str, score: str, windows: IntArray) -> FloatArray:
        return np.array([track.scores[score][windows].mean() for track in self.tracks[target]])

    def _named(self, choice: Sequence[int]) -> dict[str, Candidate]:
        return {target: row[i].candidate for (target, row), i in zip(self.tracks.items(), choice, strict=True)}

    def _in_sample(self, named: Choice) -> float:
        return self.judge.total({t: float(self.track(t, named[t]).in_sample.mean()) for t in named})
