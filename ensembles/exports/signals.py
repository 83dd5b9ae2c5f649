"""signals.csv: how often each member's signals were right in the backtest, one row per target and member."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ensembles.exports.layout import Cell, csv_bytes
from ensembles.judging.signals import SignalQuality

__all__ = ["SIGNALS", "signals_csv"]

SIGNALS = "signals.csv"
HEADER = ("target", "member", "beyond", "days", "up", "down", "right", "hit_rate", "low", "high", "verdict")


def signals_csv(found: Mapping[tuple[str, str], SignalQuality], beyond: float) -> bytes:
    """A header, then `found` by target and member in its order; rates are empty where signals are too few to judge."""
    return csv_bytes([HEADER, *(_row(target, member, beyond, q) for (target, member), q in found.items())])


def _row(target: str, member: str, beyond: float, q: SignalQuality) -> list[Cell]:
    counts: list[Cell] = [target, member, beyond, q.n_days, q.n_up, q.n_down, q.n_right]
    return [*counts, *_rates(q), "too few to judge" if q.too_few else ""]


def _rates(q: SignalQuality) -> Iterator[Cell]:
    for value in (q.hit_rate, q.low, q.high):
        yield None if q.too_few or math.isnan(value) else round(value, 4)
