"""Names and probabilities of the quantiles that make up bands: the 95% band runs from ``q025`` to ``q975``."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

__all__ = ["BandLevels", "ends_of", "levels_of", "probability_of", "quantile_name"]

MEDIAN = 0.5


def _checked(levels: tuple[int, ...]) -> tuple[int, ...]:
    if not levels or not all(50 < level < 100 for level in levels):
        raise ValueError("a level is a whole number above 50 and below 100, in percent, as in bands: [80, 95]")
    if len(set(levels)) < len(levels):
        raise ValueError("a level is there twice: leave one out")
    return tuple(sorted(levels))


BandLevels = Annotated[tuple[int, ...], AfterValidator(_checked)]
"""Levels of bands in percent, in order."""


def ends_of(level: int) -> tuple[float, float]:
    """Probabilities of the ends of the band that `level` percent of days lie in."""
    return (100 - level) / 200, (100 + level) / 200


def quantile_name(probability: float) -> str:
    """As ``q025`` and ``q10``: the digits behind the point, at least two."""
    return "q" + f"{probability:.3f}"[2:].removesuffix("0")


def probability_of(name: str) -> float | None:
    """Inverse of `quantile_name`; None for other names."""
    digits = name.removeprefix("q")
    return float(f"0.{digits}") if name[:1] == "q" and digits.isdigit() and len(digits) in (2, 3) else None


def levels_of(probabilities: list[float]) -> list[int]:
    """Levels of the bands among these quantiles, widest first."""
    return sorted((round(100 - 200 * p) for p in probabilities if p < MEDIAN), reverse=True)
