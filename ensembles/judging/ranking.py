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
from dataclasses import dataclass
from itertools import islice

import numpy as np

from forecasting.schema import FloatArray, IntArray

__all__ = ["LISTED", "MARGIN", "Ranked", "Ranking", "rank_tuples"]

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
class Ranking:
    """The tuple chosen, and the best tuples by score: those that are out included, the chosen one and the baseline
    always.
    """

    chosen: Ranked
    listed: tuple[Ranked, ...]


def rank_tuples(
    scores: Mapping[str, FloatArray],
    weights: FloatArray,
    complexity: IntArray,
    *,
    surrogate: str,
    baseline: int,
    tie: float,
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
    """
    weighted = {name: np.asarray(weights)[:, None] * values for name, values in scores.items()}
    n_targets = len(weights)
    rows = np.arange(n_targets)

    def judge(choice: tuple[int, ...], floor: Mapping[str, float]) -> Ranked:
        totals = {name: round(float(values[rows, choice].sum()), DECIMALS) for name, values in weighted.items()}
        out = any(round(floor[name] - total, DECIMALS) > MARGIN for name, total in totals.items() if name in floor)
        return Ranked(choice, totals[surrogate], totals, int(sum(complexity[i] for i in choice)), out)

    yardstick = judge((baseline,) * n_targets, {})
    seen: dict[tuple[int, ...], Ranked] = {yardstick.choice: yardstick}
    best: float | None = None
    for choice in islice(_descending(weighted[surrogate]), LIMIT):
        ranked = judge(choice, yardstick.by_surrogate)
        if best is None and not ranked.out:
            best = ranked.score
        if best is not None and round(best - ranked.score, DECIMALS) > tie and len(seen) > LISTED:
            break
        seen.setdefault(choice, ranked)
    return _choose(list(seen.values()), yardstick, tie)


def _choose(seen: Sequence[Ranked], yardstick: Ranked, tie: float) -> Ranking:
    best = max(r.score for r in seen if not r.out)
    tied = [r for r in seen if not r.out and round(best - r.score, DECIMALS) <= tie]
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
