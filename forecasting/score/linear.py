"""Points that fall evenly with the relative error."""

from __future__ import annotations

from dataclasses import dataclass

from forecasting.schema import FloatArray
from forecasting.score.base import Pointwise

__all__ = ["Linear"]


@dataclass(frozen=True)
class Linear(Pointwise):
    """10·(1 - e / 0.3)."""

    name = "linear"

    def earned(self, share: FloatArray) -> FloatArray:
        return 1.0 - share
