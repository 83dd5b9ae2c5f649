"""alerts.csv: the days outside the bands, the worst first, amounts in CNY."""

from __future__ import annotations

from collections.abc import Iterator

from ensembles.files.amounts import cny
from ensembles.files.exports.layout import Cell, csv_bytes
from ensembles.risk.alerts import Alert, Alerts

__all__ = ["alerts_csv"]

PLAIN = ("unique_id", "ds", "weekday", "day_type", "holiday", "event", "side", "level")
AMOUNTS = ("y", "y_hat", "low", "high")


def alerts_csv(found: Alerts, unit: str) -> bytes:
    """Rank and one row per alert.

    Parameters
    ----------
    unit
        Unit of the data, ``fen`` or ``CNY``.
    """
    header = ["rank", *PLAIN, *(f"{name}_cny" for name in AMOUNTS), "severity"]
    return csv_bytes([header, *([rank, *_cells(alert, unit)] for rank, alert in enumerate(found.alerts, start=1))])


def _cells(alert: Alert, unit: str) -> Iterator[Cell]:
    yield from (getattr(alert, name) for name in PLAIN)
    yield from (cny(getattr(alert, name), unit) for name in AMOUNTS)
    yield f"{alert.severity:.3f}"
