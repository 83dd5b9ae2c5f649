"""How many trials go into each batch of a GPU, so that the whole ends soonest.

Every batch costs something besides its fits, so that few batches are cheap; but workers without one stand idle. So the
search begins with the fewest batches that memory allows and cuts the longest ones up step by step. Batches of unequal
sizes, which fill each worker up to a common end, are tried besides.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cluster.cutting.cost import BatchCost
from cluster.cutting.schedule import loads

__all__ = ["Group", "best_sizes", "lower_bound"]

SLACK = 0.01
"""Of the time to the end that shorter batches may cost."""
STEPS = 200
"""Lengths of batches that are tried, between a whole group and one trial."""
POURS = 50
"""Ends, between the lower bound and the best cut into equal batches, up to which workers are filled."""

Cut = list[list[int]]


@dataclass(frozen=True)
class Group:
    """Equal trials: `n_fits` of each, at most `most` in a batch, and what a batch costs."""

    n_trials: int
    n_fits: int
    most: int
    cost: BatchCost

    def seconds(self, n_trials: int) -> float:
        """Of a batch of so many trials."""
        return self.cost.seconds(n_trials * self.n_fits)

    def sizes(self, n_batches: int) -> list[int]:
        """Trials of each of `n_batches` of nearly one size, the larger first."""
        size, more = divmod(self.n_trials, n_batches)
        return [size + 1] * more + [size] * (n_batches - more)

    def trials_in(self, seconds: float) -> int:
        """The most trials of a batch of no more than so many seconds; 0: not even one."""
        if seconds < self.seconds(1):
            return 0
        return int(min(self.most, max(1.0, (seconds - self.cost.batch) / self.cost.fit / self.n_fits + 1e-9)))

    @property
    def fewest(self) -> int:
        """Batches that memory asks for."""
        return -(-self.n_trials // self.most)


def lower_bound(groups: Sequence[Group], n_workers: int) -> float:
    """Seconds that no cut can beat: all work at the best size of batches over all workers, or the longest trial."""
    best = (g.n_trials * g.seconds(k) / k for g in groups for k in [min(g.n_trials, g.most)])
    return max(sum(best) / max(1, n_workers), max((g.seconds(1) for g in groups), default=0.0))


def best_sizes(groups: Sequence[Group], n_workers: int) -> list[list[int]]:
    """Trials of each batch, group by group.

    Of the cuts that end within `SLACK` of the first, it is the one whose longest batch is the shortest: a worker that
    dies costs less, and workers of unequal speed even out.
    """
    if not groups:
        return []
    n_workers = max(1, min(n_workers, sum(group.n_trials for group in groups)))
    found = list(_even_cuts(groups, n_workers))
    least, most = lower_bound(groups, n_workers), min(end for end, _, _ in found)
    ends = (least + (most - least) * k / POURS for k in range(1, POURS + 1))
    found += [_rated(groups, cut, n_workers) for end in ends if (cut := _poured(groups, n_workers, end)) is not None]
    best = min(end for end, _, _ in found)
    return min((one for one in found if one[0] <= best * (1 + SLACK)), key=lambda one: (one[1], one[0]))[2]


def _rated(groups: Sequence[Group], cut: Cut, n_workers: int) -> tuple[float, float, Cut]:
    """When a cut ends, its longest batch, and the cut itself."""
    seconds = [g.seconds(size) for g, sizes in zip(groups, cut, strict=True) for size in sizes]
    return round(loads(seconds, n_workers)[0].seconds, 6), round(max(seconds), 6), cut


def _even_cuts(groups: Sequence[Group], n_workers: int) -> Iterator[tuple[float, float, Cut]]:
    """Cuts of each group into batches of one size, from the fewest on, the longest batches made shorter step by step
    until the fixed costs alone make every further cut worse.
    """
    best = math.inf
    longest = max(group.seconds(min(group.n_trials, group.most)) for group in groups)
    shortest = max(group.seconds(1) for group in groups)
    for step in range(STEPS + 1):
        limit = longest * (shortest / longest) ** (step / STEPS)
        cut = [group.sizes(-(-group.n_trials // max(1, group.trials_in(limit)))) for group in groups]
        if step and sum(g.seconds(n) for g, sizes in zip(groups, cut, strict=True) for n in sizes) > n_workers * best:
            return
        rated = _rated(groups, cut, n_workers)
        best = min(best, rated[0] * (1 + SLACK))
        yield rated


def _poured(groups: Sequence[Group], n_workers: int, end: float) -> Cut | None:
    """Trials poured into workers until `end`, the shortest groups first, each worker filled up; None: they run over."""
    cut: Cut = [[] for _ in groups]
    free = [(-end, k) for k in range(n_workers)]
    for k in sorted(range(len(groups)), key=lambda k: groups[k].seconds(groups[k].n_trials)):
        left = groups[k].n_trials
        while left:
            size = min(left, groups[k].trials_in(-free[0][0]))
            if size < 1:
                return None
            cut[k].append(size)
            left -= size
            heapq.heapreplace(free, (free[0][0] + groups[k].seconds(size), free[0][1]))
    return cut
