"""Mean of the units without the lowest and the highest of each day."""

from __future__ import annotations

from dataclasses import dataclass

from ensembles.blend.methods.base import ByRank
from forecasting.schema import FloatArray

__all__ = ["TrimmedMean"]

TRIM = 0.2
"""Share of units left out on each side: one at least, if there are three or more."""


@dataclass(frozen=True)
class TrimmedMean(ByRank):
    """Mean of the units in the middle."""

    name = "trimmed-mean"
    place = 2
    words = "trimmed mean of"

    def of_ranks(self, ordered: FloatArray) -> FloatArray:
        n = ordered.shape[-1]
        cut = max(int(n * TRIM), 1) if n >= 3 else 0
        total = ordered[..., cut].copy()
        for i in range(cut + 1, n - cut):
            total += ordered[..., i]
        kept: FloatArray = total / (n - 2 * cut)
        return kept
