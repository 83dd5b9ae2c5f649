"""What a batch costs on a GPU: ``batch + fit · max(fits, least)`` seconds.

A GPU computes few fits in no less time than `least` of them, because it waits for its own start of each step. A worker
that has a share of a GPU has that share of its speed: processes take turns on it. The numbers are configured
(`cluster.gpu_cost`), or measured by the batches of the run itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

__all__ = ["REFERENCE_SECONDS", "BatchCost", "GpuCosts", "GpuTiming", "measured"]

REFERENCE_SECONDS = 0.085
"""CPU seconds that lstm-direct with input_size 15 expects of a fit: what `cluster.gpu_cost.fit` is said of."""
LEAST_SHARE = 0.01
"""Of the expected seconds of a fit that a measurement may go down to."""


@dataclass(frozen=True)
class BatchCost:
    """Seconds of a batch; `fit` for each of its fits, at least `least` of them."""

    batch: float
    fit: float
    least: int = 0

    def seconds(self, n_fits: int) -> float:
        """Of a batch of so many fits."""
        return self.batch + self.fit * max(n_fits, self.least)

    def times(self, work: float) -> BatchCost:
        """The cost where every fit is `work` times as much."""
        return BatchCost(self.batch, self.fit * work, self.least)


@dataclass(frozen=True)
class GpuTiming:
    """A batch that a GPU worker trained: `work` is what its model expects of one fit, in CPU seconds."""

    model: str
    work: float
    n_fits: int
    seconds: float


@dataclass(frozen=True)
class GpuCosts:
    """Costs of batches on a GPU worker, for a fit that takes a CPU second: measured by model, else `expected`."""

    expected: BatchCost
    measured: Mapping[str, BatchCost] = field(default_factory=dict)

    def of(self, model: str, work: float) -> BatchCost:
        """The cost of batches of a model whose fits take `work` CPU seconds."""
        return self.measured.get(model, self.expected).times(work)


def measured(timings: Iterable[GpuTiming], expected: BatchCost) -> dict[str, BatchCost]:
    """Costs by model, for a fit that takes a CPU second, fitted to the batches that were trained."""
    found: dict[str, list[GpuTiming]] = defaultdict(list)
    for timing in timings:
        found[timing.model].append(timing)
    return {model: _fitted(group, expected) for model, group in found.items()}


def _fitted(timings: list[GpuTiming], expected: BatchCost) -> BatchCost:
    """Least squares where batches differ in size; where they do not, the expected cost in proportion."""
    work = np.array([t.work * max(t.n_fits, expected.least) for t in timings])
    seconds = np.array([t.seconds for t in timings])
    ratio = float(seconds.sum() / (expected.batch * len(work) + expected.fit * work.sum()))
    scaled = BatchCost(expected.batch * ratio, expected.fit * ratio, expected.least)
    spread = work - work.mean()
    if not (spread**2).sum() > 1e-6 * (work**2).sum():
        return scaled
    fit = float((spread * seconds).sum() / (spread**2).sum())
    batch = float(seconds.mean() - fit * work.mean())
    if fit < LEAST_SHARE * scaled.fit:  # noise: larger batches do not take longer
        return scaled
    if batch < 0:
        return BatchCost(0.0, float((work * seconds).sum() / (work**2).sum()), expected.least)
    return BatchCost(batch, fit, expected.least)
