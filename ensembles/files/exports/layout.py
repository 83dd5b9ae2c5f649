"""What the CSV files share: rows as bytes, and forecasts by entity."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from forecasting.panel import Series
from forecasting.schema import FloatArray

__all__ = ["Cell", "csv_bytes", "forecasts_by_entity"]

Cell = str | int | float | None
"""None is an empty cell."""


def csv_bytes(rows: Iterable[Sequence[Cell]]) -> bytes:
    """Rows as CSV in UTF-8 with line feeds."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def forecasts_by_entity(
    y_hat: Mapping[str, FloatArray], targets: Sequence[str]
) -> Iterator[tuple[str | None, list[FloatArray]]]:
    """(entity, one forecast per target), entities in order of first appearance; entity None for a bare target.

    An entity without a forecast of every target is left out.
    """
    series = (Series.named(unique_id, targets) for unique_id in y_hat)
    for entity in dict.fromkeys(found.entity for found in series if found is not None):
        keys = [Series(target, entity).unique_id for target in targets]
        if all(key in y_hat for key in keys):
            yield entity, [y_hat[key] for key in keys]
