"""How many trials go into each batch of a GPU, so that the whole ends soonest.

Every batch costs something besides its fits, so that few batches are cheap; but workers without one stand idle. So the
search begins with the fewest batches that memory allows, cuts the longest ones up step by step, and keeps the step that
ends first. Batches of unequal sizes that fill each worker up to a common end are tried besides.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cluster.cutting.cost import BatchCost
from cluster.cutting.schedule import loads

__all__ = ["Group", "best_sizes", "lower_bound"]

STEPS_PER_WORKER = 4
"""Batches a worker, besides the fewest, that the search goes up to: more of them only cost."""
MOST_STEPS = 1_000
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
        return min(self.most, max(1, int((seconds - self.cost.batch) / self.cost.fit / self.n_fits + 1e-9)))

    @property
    def fewest(self) -> int:
        """Batches that memory asks for."""
        return -(-self.n_trials // self.most)


def lower_bound(groups: Sequence[Group], n_workers: int) -> float:
    """Seconds that no cut can beat: all work at the best size of batches over all workers, or the longest trial."""
    best = (g.n_trials * g.seconds(k) / k for g in groups for k in [min(g.n_trials, g.most)])
    return max(sum(best) / max(1, n_workers), max((g.seconds(1) for g in groups), default=0.0))


def best_sizes(groups: Sequence[Group], n_workers: int) -> list[list[int]]:
    """Trials of each batch, group by group; of the cuts that end first, the first one, which has the fewest batches."""
    if not groups:
        return []
    n_workers = max(1, min(n_workers, sum(group.n_trials for group in groups)))
    even = min(_even_cuts(groups, n_workers), key=lambda cut: _end(groups, cut, n_workers))
    least, most = lower_bound(groups, n_workers), _end(groups, even, n_workers)
    poured = (_poured(groups, n_workers, least + (most - least) * k / POURS) for k in range(1, POURS + 1))
    return min([even, *filter(None, poured)], key=lambda cut: _end(groups, cut, n_workers))


def _end(groups: Sequence[Group], cut: Cut, n_workers: int) -> float:
    seconds = [g.seconds(size) for g, sizes in zip(groups, cut, strict=True) for size in sizes]
    return round(loads(seconds, n_workers)[0].seconds, 6)


def _even_cuts(groups: Sequence[Group], n_workers: int) -> Iterator[Cut]:
    """Cuts of each group into batches of one size, from the fewest batches on, the longest batches made smaller."""
    counts = [group.fewest for group in groups]
    for _ in range(min(MOST_STEPS, STEPS_PER_WORKER * n_workers) + 1):
        yield [group.sizes(n) for group, n in zip(groups, counts, strict=True)]
        longest = max(range(len(groups)), key=lambda k: groups[k].seconds(-(-groups[k].n_trials // counts[k])))
        if counts[longest] == groups[longest].n_trials:
            return
        counts[longest] += 1


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
