"""One target's blend: what it takes to combine new forecasts, fresh from a run or read back from its blend.json."""

from __future__ import annotations

from dataclasses import dataclass

from ensembles.bands.rules import BandRule, Bands
from ensembles.blend.combination import Combination
from forecasting.schema import FloatArray

__all__ = ["TargetBlend"]


@dataclass(frozen=True)
class TargetBlend:
    """The combination of the members, the factor on it, and the rule of its bands."""

    combination: Combination
    factor: float
    band_rule: BandRule

    @property
    def needed(self) -> tuple[bool, ...]:
        """Whether each of the combination's members is used; a member without weight need not forecast."""
        shares = self.combination.member_weights
        if shares is None:
            return (True,) * len(self.combination.members)
        return tuple(bool(share > 0) for share in shares)

    def apply(self, y_hat: FloatArray) -> FloatArray:
        """Blend members' forecasts ``[n_series, ..., n_members]`` into ``[n_series, ...]``."""
        return self.combination.apply(y_hat) * self.factor

    def bands(self, y_hat: FloatArray) -> Bands:
        """Bands of the blend's forecasts ``[n_series, horizon]`` around their medians: these lack the factor."""
        return self.band_rule.apply(y_hat / self.factor)
