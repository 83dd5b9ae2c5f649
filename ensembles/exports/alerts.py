"""alerts.csv: the days outside the bands, the worst first."""

from __future__ import annotations

from collections.abc import Iterator

from ensembles.exports.layout import Cell, csv_for_people
from ensembles.files.amounts import Amounts
from ensembles.risk.alerts import Alert, Alerts

__all__ = ["alerts_csv"]

PLAIN = ("unique_id", "ds", "weekday", "day_type", "holiday", "event", "side", "level", "n_days")
AMOUNTS = ("y", "y_hat", "low", "high")


def alerts_csv(found: Alerts, amounts: Amounts) -> bytes:
    """Rank and one row per alert."""
    header = ["rank", *PLAIN, *map(amounts.column, AMOUNTS), "severity"]
    return csv_for_people(
        [header, *([rank, *_cells(alert, amounts)] for rank, alert in enumerate(found.alerts, start=1))]
    )


def _cells(alert: Alert, amounts: Amounts) -> Iterator[Cell]:
    yield from (getattr(alert, name) for name in PLAIN)
    yield from (amounts.amount(getattr(alert, name)) for name in AMOUNTS)
    yield f"{alert.severity:.3f}"
