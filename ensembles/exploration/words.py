"""Numbers as sentences say them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["and_list", "as_much", "capital", "known", "numbered", "percent", "some", "times", "versus"]

SHOWN = 3
"""Things named in a sentence; of more, the number is said."""


def known(value: float) -> float | None:
    """A number for JSON; None where there is none."""
    return float(value) if np.isfinite(value) else None


def numbered(number: int, noun: str) -> str:
    """As ``1 day``, ``2,345 days``."""
    return f"{number:,} {noun}" if number == 1 or noun.endswith("s") else f"{number:,} {noun}s"


def percent(share: float) -> str:
    """As ``45%``; small shares with as many decimals as it takes."""
    return f"{share:.0%}" if share == 0 or abs(share) >= 0.095 else f"{share:.1%}" if abs(share) >= 0.001 else "<0.1%"


def versus(ratio: float) -> str:
    """As ``18% above``, ``36% below`` or ``3.4 times``: what follows is what is compared with."""
    if ratio >= 2:
        return f"{times(ratio)} times"
    if round(ratio, 2) == 1:
        return "level with"
    return f"{abs(ratio - 1):.0%} {'above' if ratio > 1 else 'below'}"


def as_much(ratio: float) -> str:
    """As ``3.4 times as much``, ``18% more``, ``36% less``."""
    if ratio >= 2:
        return f"{times(ratio)} times as much"
    if round(ratio, 2) == 1:
        return "as much"
    return f"{percent(abs(ratio - 1))} {'more' if ratio > 1 else 'less'}"


def times(ratio: float) -> str:
    """As ``3.4``, ``12``."""
    return f"{ratio:,.1f}" if ratio < 10 else f"{ratio:,.0f}"


def and_list(parts: Iterable[str]) -> str:
    """As ``a``, ``a and b``, ``a, b and c``."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def some(names: Sequence[str], most: int = SHOWN) -> str:
    """The first names, and how many more there are."""
    if len(names) <= most:
        return and_list(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"


def capital(text: str) -> str:
    """A sentence's first letter; names of users are not touched elsewhere."""
    return text[:1].upper() + text[1:]
