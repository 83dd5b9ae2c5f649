"""Choosing one candidate per target together, by a weighted total.

Chosen apart, the targets' weights in the total would cancel; so what is ranked are tuples of one candidate per
target (pairs, for two targets). The best of those that no surrogate of the family objects to is found, and
among all that come within `tie` of it the simplest is taken: a difference of a tenth of a point over a few
windows is noise, and a simpler blend forgets less.

The total is a sum over targets, so tuples are produced from the best downward without building all of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from forecasting.schema import FloatArray, IntArray

__all__ = ["ANYBODY", "LISTED", "MARGIN", "Field", "Ranked", "Ranking", "rank_tuples"]

MARGIN = 0.1
"""A tuple that falls further than this below the baseline under any surrogate is out."""

LISTED = 20
"""Tuples kept in a ranking, at least."""

LIMIT = 20_000
"""Tuples looked at, at most: all of them for two targets; for many, the best so many and the baseline."""

DECIMALS = 6


@dataclass(frozen=True)
class Ranked:
    """A tuple of candidates, `choice` one index per target, with its weighted total under each surrogate."""

    choice: tuple[int, ...]
    score: float
    by_surrogate: Mapping[str, float]
    complexity: int
    out: bool


@dataclass(frozen=True)
class Field:
    """Which tuples may be chosen: the one that stands from an earlier choice, and those with a newcomer among them.

    Without `newcomers` all may.
    """

    standing: tuple[int, ...] | None = None
    newcomers: frozenset[int] = frozenset()

    def admits(self, choice: tuple[int, ...]) -> bool:
        """Whether a tuple may be chosen."""
        return not self.newcomers or choice == self.standing or not self.newcomers.isdisjoint(choice)


ANYBODY = Field()


@dataclass(frozen=True)
class Ranking:
    """The tuple chosen, and the best tuples by score: those that are out included, the chosen one and the baseline
    always.
    """

    chosen: Ranked
    listed: tuple[Ranked, ...]

    def renumbered(self, numbers: Sequence[int]) -> Ranking:
        """The same with other numbers for the candidates: `numbers` by those they have."""
        listed = tuple(replace(ranked, choice=tuple(numbers[i] for i in ranked.choice)) for ranked in self.listed)
        return Ranking(listed[self.listed.index(self.chosen)], listed)


def rank_tuples(
    scores: Mapping[str, FloatArray],
    weights: FloatArray,
    complexity: IntArray,
    *,
    surrogate: str,
    baseline: int,
    tie: float,
    field: Field = ANYBODY,
) -> Ranking:
    """Rank tuples by weighted total and choose one.

    Parameters
    ----------
    scores
        Per surrogate ``[n_targets, n_candidates]``: mean scores over the windows that choose.
    weights
        Of the targets in the total, ``[n_targets]``.
    complexity
        Of each candidate, ``[n_candidates]``; a tuple's is the sum.
    surrogate
        The one that ranks; the others may only object.
    baseline
        Index of the candidate whose tuple is the yardstick, and always survives.
    tie
        Within this much of the best, the simplest wins; then the better; then the first in order.
    field
        The tuples that may be chosen; the others are only ranked. Where all of them are out, the baseline's stands.
    """
    weighted = {name: np.asarray(weights)[:, None] * values for name, values in scores.items()}
    n_targets = len(weights)
    rows = np.arange(n_targets)

    def judge(choice: tuple[int, ...], floor: Mapping[str, float]) -> Ranked:
        totals = {name: round(float(values[rows, choice].sum()), DECIMALS) for name, values in weighted.items()}
        out = any(round(floor[name] - total, DECIMALS) > MARGIN for name, total in totals.items() if name in floor)
        return Ranked(choice, totals[surrogate], totals, int(sum(complexity[i] for i in choice)), out)

    yardstick = judge((baseline,) * n_targets, {})
    known = [yardstick] if field.standing is None else [yardstick, judge(field.standing, yardstick.by_surrogate)]
    seen = {ranked.choice: ranked for ranked in known}
    best: float | None = None
    for choice in islice(_descending(weighted[surrogate]), LIMIT):
        ranked = judge(choice, yardstick.by_surrogate)
        if best is None and not ranked.out and field.admits(choice):
            best = ranked.score
        if best is not None and round(best - ranked.score, DECIMALS) > tie and len(seen) > LISTED:
            break
        seen.setdefault(choice, ranked)
    may_win = [r for r in seen.values() if not r.out and field.admits(r.choice)] or [yardstick]
    return _choose(list(seen.values()), may_win, yardstick, tie)


def _choose(seen: Sequence[Ranked], may_win: Sequence[Ranked], yardstick: Ranked, tie: float) -> Ranking:
    best = max(r.score for r in may_win)
    tied = [r for r in may_win if round(best - r.score, DECIMALS) <= tie]
    chosen = min(tied, key=lambda r: (r.complexity, -r.score, r.choice))
    ordered = sorted(seen, key=lambda r: (-r.score, r.complexity, r.choice))
    return Ranking(chosen, tuple(r for i, r in enumerate(ordered) if i < LISTED or r in (chosen, yardstick)))


def _descending(values: FloatArray) -> Iterator[tuple[int, ...]]:
    """Tuples of column indices, one per row, in the order of falling sums of ``values [n_rows, n_columns]``."""
    order = np.argsort(-values, axis=1, kind="stable")
    gains = np.take_along_axis(values, order, axis=1)
    rows = np.arange(len(values))
    start = (0,) * len(values)
    heap = [(-float(gains[:, 0].sum()), start)]
    pushed = {start}
    while heap:
        _, ranks = heapq.heappop(heap)
        yield tuple(int(i) for i in order[rows, ranks])
        for row, rank in enumerate(ranks):
            following = (*ranks[:row], rank + 1, *ranks[row + 1 :])
            if rank + 1 < values.shape[1] and following not in pushed:
                pushed.add(following)
                heapq.heappush(heap, (-float(gains[rows, following].sum()), following))
