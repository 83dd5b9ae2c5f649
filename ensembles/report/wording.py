"""Words for what the report's tables hold."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["method_words"]

METHODS: Mapping[str, str] = {
    "mean": "plain mean of",
    "median": "median of",
    "trimmed-mean": "trimmed mean of",
    "best-single": "best single one of",
    "simplex": "fitted weights on",
    "greedy": "fitted selection of",
    "simplex-by-series": "weights fitted per series on",
}


def method_words(method: str, level: str) -> str:
    """What a blend method does, as ``fitted weights on families``; a method without words is named."""
    return f"{METHODS.get(method, method)} {level}"
