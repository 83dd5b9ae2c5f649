"""Median of the units, day by day."""

from __future__ import annotations

from dataclasses import dataclass

from ensembles.blend.methods.base import ByRank
from forecasting.schema import FloatArray

__all__ = ["Median"]


@dataclass(frozen=True)
class Median(ByRank):
    """The middle forecast, or the mean of the two in the middle."""

    name = "median"
    place = 1
    words = "median of"

    def of_ranks(self, ordered: FloatArray) -> FloatArray:
        n = ordered.shape[-1]
        middle: FloatArray = (ordered[..., (n - 1) // 2] + ordered[..., n // 2]) / 2.0
        return middle
