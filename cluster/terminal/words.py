"""Counts in sentences."""

from __future__ import annotations

__all__ = ["counted", "singular"]

_IRREGULAR = {"batches": "batch", "series": "series"}


def counted(n: int, noun: str) -> str:
    """As ``1 day``, ``4 days``; `noun` in the plural."""
    return f"{n} {singular(noun) if n == 1 else noun}"


def singular(noun: str) -> str:
    """The name of one of what `noun` names in the plural."""
    return _IRREGULAR.get(noun, noun.removesuffix("s"))
