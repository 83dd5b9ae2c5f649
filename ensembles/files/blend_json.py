"""A blend as JSON: what is used, how it was chosen, what it scored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ensembles.blend.best_single import BestSingle
from ensembles.blend.combination import Fitted
from ensembles.blend.fit import Blend, Pair
from ensembles.blend.target_blend import apply_facts
from ensembles.risk.bands import Coverage
from forecasting.schema import FloatArray

__all__ = ["BLEND_SCHEMA", "best_single_facts", "blend_facts", "coverage_facts", "number", "numbers", "pair_facts"]

BLEND_SCHEMA = 1
"""Version of the layout of blend.json."""
DAYS_PER_MONTH = 30
"""The competition adds the points of 30 days."""


def number(value: float | None, decimals: int = 6) -> float | None:
    """A value for JSON: rounded, so that files of two machines can be compared; None for NaN."""
    return None if value is None or math.isnan(value) else round(float(value), decimals)


def numbers(values: FloatArray | Sequence[float]) -> list[float | None]:
    """`number` of each."""
    return [number(float(value)) for value in values]


def blend_facts(blend: Blend) -> dict[str, Any]:
    """Content of blend.json."""
    honest = blend.prequential
    return {
        "schema_version": BLEND_SCHEMA,
        "surrogate": blend.surrogate,
        "weights": dict(blend.weights),
        "targets": {target: _target_facts(blend, target) for target in blend.fitted},
        "score": number(honest.score),
        "score_x30": number(honest.score * DAYS_PER_MONTH),
        "score_in_sample": number(blend.score_in_sample),
        "per_window": numbers(honest.per_window),
        "choices": [
            {"methods": {target: c.label for target, c in choice.items()}, "real": real}
            for choice, real in zip(honest.choices, honest.real, strict=True)
        ],
        "pairs": [pair_facts(pair) for pair in blend.pairs],
        "best_single": best_single_facts(blend.best_single),
    }


def _target_facts(blend: Blend, target: str) -> dict[str, Any]:
    calibration, rule = blend.calibration[target], blend.band_rules[target]
    return {
        **_fitted_facts(blend.fitted[target]),
        "factor": number(calibration.final),
        "factor_gain": number(calibration.gain),
        "factor_per_window": numbers(calibration.factors),
        "bands": {
            "own": numbers(rule.own),
            "slope": number(rule.slope),
            "centre": number(rule.centre),
            "quantiles": {str(level): number(q) for level, q in rule.quantiles.items()},
        },
        "coverage": coverage_facts(blend.coverage[target]),
        "apply": apply_facts(blend.fitted[target], calibration.final, rule),
    }


def coverage_facts(coverage: Mapping[int, Coverage]) -> dict[str, Any]:
    """Measured coverage by level, as shares, with its interval; null without a window that has bands."""
    return {
        str(level): {
            "share": number(found.share),
            "low": number(found.low),
            "high": number(found.high),
            "days": found.n_days,
            "windows": found.n_windows,
        }
        for level, found in coverage.items()
    }


def _fitted_facts(fitted: Fitted) -> dict[str, Any]:
    by_member, by_unit = fitted.member_weights, fitted.mean_unit_weights
    member_weights = [None] * len(fitted.members) if by_member is None else numbers(by_member)
    unit_weights = [None] * len(fitted.units) if by_unit is None else numbers(by_unit)
    return {
        "method": fitted.candidate.method,
        "level": fitted.candidate.level,
        "units": [
            {"name": unit.name, "family": unit.family, "weight": weight}
            for unit, weight in zip(fitted.units, unit_weights, strict=True)
        ],
        "members": [
            {"member": m.name, "member_id": m.member_id, "family": m.family, "setting": m.setting, "weight": weight}
            for m, weight in zip(fitted.members, member_weights, strict=True)
        ],
    }


def pair_facts(pair: Pair) -> dict[str, Any]:
    """One row of `pairs`: `score` and `surrogates` over the windows that choose, null where there are none."""
    return {
        "methods": {target: candidate.label for target, candidate in pair.candidates.items()},
        "score": number(pair.score),
        "surrogates": {name: number(score) for name, score in pair.by_surrogate.items()},
        "score_in_sample": number(pair.score_in_sample),
        "out": pair.out,
        "chosen": pair.chosen,
    }


def best_single_facts(best: BestSingle | None) -> dict[str, Any] | None:
    """The best single member as picked before each window; `member` null where nothing could be picked by."""
    if best is None:
        return None
    return {
        "score": number(best.score),
        "score_x30": number(best.score * DAYS_PER_MONTH),
        "per_window": numbers(best.per_window),
        "picks": [None if pick is None else pick.name for pick in best.picks],
        "member": best.final.name,
    }
