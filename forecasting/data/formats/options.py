"""What a user may say about how a table is written and packed; said of every file of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["MOST_BYTES", "TableOptions"]

MOST_BYTES = 4_000_000_000
"""Bytes that a compressed file may hold, unless `data.max_bytes` says otherwise."""


@dataclass(frozen=True)
class TableOptions:
    """`decimal` and `date_format` where a table does not show them; `sheet` of a workbook; `max_bytes` a compressed
    file may hold.

    `beside`: the table stands beside the data, and may be written otherwise or have another sheet.
    """

    decimal: Literal["auto", "point", "comma"] = "auto"
    date_format: str | None = None
    sheet: str | None = None
    max_bytes: int = MOST_BYTES
    beside: bool = False

    def of_neighbour(self) -> TableOptions:
        """The same for a table beside the data."""
        return replace(self, beside=True)
