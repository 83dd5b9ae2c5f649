"""What the CSV files share: rows as bytes, and what belongs to an entity."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from forecasting.data.formats.writing.spreadsheet import marked
from forecasting.panel import Series

__all__ = ["Cell", "by_entity", "csv_bytes", "csv_for_people"]

Cell = str | int | float | None
"""None is an empty cell."""
T = TypeVar("T")


def csv_bytes(rows: Iterable[Sequence[Cell]]) -> bytes:
    """Rows as CSV in UTF-8 with line feeds."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def csv_for_people(rows: Iterable[Sequence[Cell]]) -> bytes:
    """As `csv_bytes`; text that a spreadsheet would run is marked as text, see `spreadsheet`."""
    return csv_bytes([marked(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)


def by_entity(series: Mapping[Series, T], targets: Sequence[str]) -> Iterator[tuple[str | None, dict[str, T]]]:
    """(entity, what each of its targets has), entities in order of first appearance; entity None for a bare target.

    Targets stand in the order given; one that an entity lacks is left out.
    """
    found: dict[str | None, dict[str, T]] = {}
    for key, value in series.items():
        found.setdefault(key.entity, {})[key.target] = value
    for entity, by_target in found.items():
        yield entity, {target: by_target[target] for target in targets if target in by_target}
