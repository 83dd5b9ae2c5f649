"""Points that fall fast at first: only forecasts close to the actual value earn much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.schema import FloatArray
from forecasting.score.base import Pointwise

__all__ = ["Convex"]


@dataclass(frozen=True)
class Convex(Pointwise):
    """10·(1 - e / 0.3)²."""

    name = "convex"

    def earned(self, share: FloatArray) -> FloatArray:
        left: FloatArray = np.square(1.0 - share)
        return left
