"""Points that fall slowly at first: a small error costs little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.schema import FloatArray
from forecasting.score.base import Pointwise

__all__ = ["Concave"]


@dataclass(frozen=True)
class Concave(Pointwise):
    """10·(1 - (e / 0.3)²)."""

    name = "concave"

    def earned(self, share: FloatArray) -> FloatArray:
        return 1.0 - np.square(share)
