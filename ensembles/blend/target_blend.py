"""A blend read back from blend.json: what it takes to combine new forecasts exactly as the run did.

The readable part of the file is rounded; under each target's `apply` stand the same numbers as they were used,
which Python's JSON gives back to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ensembles.blend.combination import Fitted, parse_candidate
from ensembles.oof import MemberInfo
from ensembles.risk.bands import BandRule, Bands
from forecasting.errors import StorageError
from forecasting.schema import FloatArray

__all__ = ["StoredBlend", "apply_facts", "blend_of_run"]


@dataclass(frozen=True)
class StoredBlend:
    """One target's combination, the factor on it, and the rule of its bands."""

    fitted: Fitted
    factor: float
    rule: BandRule

    @property
    def needed(self) -> tuple[bool, ...]:
        """Whether each of the combination's members is used; a member without weight need not forecast."""
        weights = self.fitted.unit_weights
        if weights is None:
            return (True,) * len(self.fitted.members)
        shares = self.fitted.member_weights
        assert shares is not None
        return tuple(bool(share > 0) for share in shares)

    def apply(self, y_hat: FloatArray) -> FloatArray:
        """Blend members' forecasts ``[n_series, horizon, n_members]`` into ``[n_series, horizon]``."""
        return self.fitted.apply(y_hat) * self.factor

    def bands(self, y_hat: FloatArray) -> Bands:
        """Prediction intervals around the blend's forecasts ``[n_series, horizon]``."""
        return self.rule.apply(y_hat)


def apply_facts(fitted: Fitted, factor: float, rule: BandRule) -> dict[str, Any]:
    """The unrounded numbers of a blend as JSON; None for what is not a number."""
    weights = fitted.unit_weights
    return {
        "unit_weights": None if weights is None else weights.tolist(),
        "factor": float(factor),
        "own": _plain(rule.own),
        "slope": float(rule.slope),
        "centre": float(rule.centre),
        "quantiles": {str(level): None if np.isnan(q) else float(q) for level, q in rule.quantiles.items()},
    }


def _plain(values: FloatArray) -> list[float | None]:
    return [None if np.isnan(v) else float(v) for v in values]


def blend_of_run(facts: Mapping[str, Any]) -> dict[str, StoredBlend]:
    """By target what `apply_facts` stored in the content of blend.json.

    Raises
    ------
    StorageError
        When the file was written before its numbers were kept.
    """
    return {target: _stored(target, stored) for target, stored in facts["targets"].items()}


def _stored(target: str, facts: Mapping[str, Any]) -> StoredBlend:
    if "apply" not in facts:
        raise StorageError(
            f"blend.json lacks the exact weights of {target}, as an older version of this program wrote it: "
            "run the same command again, which trains nothing"
        )
    exact = facts["apply"]
    (candidate,) = parse_candidate(f"{facts['method']}/{facts['level']}")
    members = tuple(MemberInfo(m["member_id"], m["member"], m["family"], m["setting"]) for m in facts["members"])
    units = tuple(MemberInfo(u["name"], u["name"], u["family"], u["name"]) for u in facts["units"])
    weights = None if exact["unit_weights"] is None else np.array(exact["unit_weights"], dtype=np.float64)
    quantiles = {int(level): _number(q) for level, q in exact["quantiles"].items()}
    own = np.array([_number(v) for v in exact["own"]])
    rule = BandRule(own, exact["slope"], exact["centre"], quantiles)
    return StoredBlend(Fitted(candidate, members, units, weights), exact["factor"], rule)


def _number(value: float | None) -> float:
    return np.nan if value is None else value
