"""Mean of the units after the lowest and the highest of each day are drawn in to their neighbours."""

from __future__ import annotations

from dataclasses import dataclass

from ensembles.blend.methods.base import ByRank
from forecasting.schema import FloatArray

__all__ = ["WinsorizedMean"]


@dataclass(frozen=True)
class WinsorizedMean(ByRank):
    """Extreme forecasts count as much as the ones next to them."""

    name = "winsorized-mean"
    place = 2
    words = "winsorized mean of"

    def of_ranks(self, ordered: FloatArray) -> FloatArray:
        drawn_in = ordered.copy()
        if ordered.shape[-1] >= 3:
            drawn_in[..., 0], drawn_in[..., -1] = ordered[..., 1], ordered[..., -2]
        mean: FloatArray = drawn_in.mean(axis=-1)
        return mean
