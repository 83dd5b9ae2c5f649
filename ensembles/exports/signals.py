"""signals.csv: how often each member's signals were right in the backtest, one row per target and member."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ensembles.evaluation.run_signals import RunSignals
from ensembles.exports.layout import Cell, csv_for_people
from ensembles.judging.signals import SignalQuality

__all__ = ["signals_csv"]

HEADER = ("target", "member", "beyond", "days", "up", "down", "right", "hit_rate", "low", "high", "verdict")


def signals_csv(signals: RunSignals) -> bytes:
    """A header, then the blend and the members; rates are empty where signals are too few to judge."""
    return csv_for_people([HEADER, *(_row(*names, signals.beyond, q) for names, q in signals.found.items())])


def _row(target: str, member: str, beyond: float, q: SignalQuality) -> list[Cell]:
    counts: list[Cell] = [target, member, beyond, q.n_days, q.n_up, q.n_down, q.n_right]
    return [*counts, *_rates(q), "too few to judge" if q.too_few else ""]


def _rates(q: SignalQuality) -> Iterator[Cell]:
    for value in (q.hit_rate, q.low, q.high):
        yield None if q.too_few or math.isnan(value) else round(value, 4)
