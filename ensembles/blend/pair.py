"""One candidate per target, chosen together: a pair, for two targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ensembles.blend.combination import Candidate, method_words

__all__ = ["Choice", "Pair"]

Choice = Mapping[str, Candidate]
"""One candidate per target."""


@dataclass(frozen=True)
class Pair:
    """One candidate per target, judged by the windows that choose, before any calibration.

    `score` is the prequential total over those windows (None where there are none), `by_surrogate` the same by every
    score that a blend must hold under, `score_in_sample` the total over all windows of weights fitted on all of them;
    `out`: further below the family-equal mean than tolerated by one of those scores.
    """

    candidates: Choice
    score: float | None
    by_surrogate: Mapping[str, float]
    score_in_sample: float
    out: bool
    chosen: bool

    @property
    def words(self) -> str:
        """What the candidates do, as ``plain mean of families``; for each target where they differ."""
        words = {target: method_words(c.method, c.level) for target, c in self.candidates.items()}
        if len(set(words.values())) == 1:
            return next(iter(words.values()))
        return ", ".join(f"{target}: {said}" for target, said in words.items())
