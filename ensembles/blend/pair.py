"""One candidate per target, chosen together: a pair, for two targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ensembles.blend.combination import Candidate

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
    def label(self) -> str:
        labels = {candidate.label for candidate in self.candidates.values()}
        return labels.pop() if len(labels) == 1 else ", ".join(f"{t}: {c.label}" for t, c in self.candidates.items())
