"""The scores once more, day by day and with plain numbers: what the arrays of the program must equal."""

from __future__ import annotations

from typing import Any

import numpy as np

SCORES = ("linear", "convex", "concave", "wape")


def plain_points(y_hat: float, y: float, surrogate: str) -> float:
    """Points of one day."""
    if y == 0:
        return 10.0 if y_hat == 0 else 0.0
    e = abs(y_hat - y) / y
    if e > 0.3:
        return 0.0
    return {
        "linear": 10 * (1 - e / 0.3),
        "convex": 10 * (1 - e / 0.3) ** 2,
        "concave": 10 * (1 - (e / 0.3) ** 2),
    }[surrogate]


def plain_score(y_hat: Any, y: Any, surrogate: str = "linear") -> float:
    """Score of one window of any shape; days that are not known are left out."""
    days = [
        (float(a), float(b))
        for a, b in zip(np.ravel(y_hat), np.ravel(y), strict=True)
        if not (np.isnan(a) or np.isnan(b))
    ]
    if not days:
        return float("nan")
    if surrogate == "wape":
        missed, total = sum(abs(a - b) for a, b in days), sum(b for _, b in days)
        return 10 * (1 - missed / total) if total else (10.0 if missed == 0 else 0.0)
    return sum(plain_points(a, b, surrogate) for a, b in days) / len(days)
