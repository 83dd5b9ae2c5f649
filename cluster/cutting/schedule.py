"""Who would work on what: batches go to the place that is free first, the longest first, as `execution.loop` does."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Load", "Outlook", "loads"]


@dataclass(frozen=True)
class Load:
    """What one place does: seconds, and batches."""

    seconds: float = 0.0
    n_batches: int = 0


@dataclass(frozen=True)
class Outlook:
    """When batches of one kind end on their places, and the time that no cut of them could beat."""

    loads: Sequence[Load]
    lower_bound: float

    @property
    def seconds(self) -> float:
        """Time to the end."""
        return max((load.seconds for load in self.loads), default=0.0)

    @property
    def mean(self) -> float:
        """Seconds of the mean place."""
        return sum(load.seconds for load in self.loads) / max(1, len(self.loads))


def loads(seconds: Iterable[float], n_places: int) -> list[Load]:
    """The load of each of `n_places` (one at least) under batches of so many seconds."""
    work = sorted(seconds, reverse=True)
    n_busy = max(1, min(n_places, len(work)))
    free = [(0.0, k) for k in range(n_busy)]
    counts = [0] * n_busy
    for one in work:
        end, k = free[0]
        heapq.heapreplace(free, (end + one, k))
        counts[k] += 1
    busy = [Load(end, counts[k]) for end, k in free]
    return sorted([*busy, *[Load()] * (max(1, n_places) - n_busy)], key=lambda load: -load.seconds)
