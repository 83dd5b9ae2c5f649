"""Counts and durations in sentences."""

from __future__ import annotations

__all__ = ["counted", "duration", "singular"]

_IRREGULAR = {"batches": "batch", "series": "series"}


def counted(n: int, noun: str) -> str:
    """As ``1 day``, ``4 days``; `noun` in the plural."""
    return f"{n} {singular(noun) if n == 1 else noun}"


def singular(noun: str) -> str:
    """The name of one of what `noun` names in the plural."""
    return _IRREGULAR.get(noun, noun.removesuffix("s"))


def duration(seconds: float) -> str:
    """As ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
