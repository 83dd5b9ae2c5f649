"""Points that fall faster still at first than `convex`."""

from __future__ import annotations

from dataclasses import dataclass

from forecasting.schema import FloatArray
from forecasting.score.base import Pointwise

__all__ = ["Cubic"]


@dataclass(frozen=True)
class Cubic(Pointwise):
    """10·(1 - e / 0.3)³."""

    name = "cubic"

    def earned(self, share: FloatArray) -> FloatArray:
        earned: FloatArray = (1.0 - share) ** 3
        return earned
