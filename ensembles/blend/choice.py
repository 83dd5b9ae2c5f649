"""The choice at every cutoff, over all targets together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.blend.combination import BASELINE, Candidate
from ensembles.blend.pair import Choice, Pair
from ensembles.blend.tracks import Track
from ensembles.judging.judge import Judge
from ensembles.judging.ranking import Field, Ranking
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
        """The choice for each window, given the windows that were known at its cutoff."""
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

    def _rank(self, known: IntArray) -> Ranking:
        """Rank tuples of candidates by their mean scores over the windows among `known`, at least one, that judged
        them.

        Two candidates are compared over the windows that judged both. The more windows a candidate needs to be fitted,
        the fewer judge it, and those that judge it judge the simpler ones too. So the best of those that need none is
        found first, on all windows; then those that need one meet it on the windows that judged them; and so on.
        """
        ranking = None
        for windows, eligible, newcomers in self._rounds(known):
            standing = None if ranking is None else ranking.chosen.choice
            ranking = self._round(windows, eligible, Field(standing, newcomers))
        assert ranking is not None
        return ranking

    def _rounds(self, known: IntArray) -> Iterator[tuple[IntArray, list[int], frozenset[int]]]:
        """The windows that judge in each round, the candidates that they judged, and those judged by no others."""
        judging = [tuple(int(k) for k in known if track.judged[k]) for track in self._first]
        for windows in sorted(set(judging) - {()}, key=len, reverse=True):
            eligible = [i for i, mine in enumerate(judging) if len(mine) >= len(windows)]
            yield np.array(windows), eligible, frozenset(i for i in eligible if judging[i] == windows)

    def _round(self, windows: IntArray, eligible: Sequence[int], field: Field) -> Ranking:
        """Rank tuples of the eligible candidates over `windows`."""
        names = self._first[0].scores
        place = {candidate: i for i, candidate in enumerate(eligible)}
        standing = None if field.standing is None else tuple(place[i] for i in field.standing)
        ranking = self.judge.rank(
            {name: {t: self._means(t, name, windows)[list(eligible)] for t in self.tracks} for name in names},
            np.array([self._first[i].candidate.complexity for i in eligible]),
            baseline=next(place[i] for i in eligible if self._first[i].candidate == BASELINE),
            tie=self.tie,
            field=Field(standing, frozenset(place[i] for i in field.newcomers)),
        )
        return ranking.renumbered(eligible)

    @property
    def _first(self) -> tuple[Track, ...]:
        """The candidates on the first target: which windows judged them is the same for all."""
        return next(iter(self.tracks.values()))

    def _means(self, target: str, score: str, windows: IntArray) -> FloatArray:
        return np.array([track.scores[score][windows].mean() for track in self.tracks[target]])

    def _named(self, choice: Sequence[int]) -> dict[str, Candidate]:
        return {target: row[i].candidate for (target, row), i in zip(self.tracks.items(), choice, strict=True)}

    def _in_sample(self, named: Choice) -> float:
        return self.judge.total({t: float(self.track(t, named[t]).in_sample.mean()) for t in named})
