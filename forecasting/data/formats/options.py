"""What a user may say about how a table is written and packed; said of every file of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["MOST_BYTES", "TableOptions"]

MOST_BYTES = 4_000_000_000
"""Bytes that a packed file may hold, unless `data.max_bytes` says otherwise."""
FEW_BYTES = 250_000_000
"""Bytes that any packed file may hold."""
MOST_TIMES = 50
"""So many times its own size a larger one may hold: tables of amounts are packed to a fifth, seldom to a fiftieth."""


@dataclass(frozen=True)
class TableOptions:
    """`decimal` and `date_format` where a table does not show them; `sheet` of a workbook; `max_bytes` a packed file
    may hold, None for what `most_bytes` says.

    `beside`: the table stands beside the data, and may be written otherwise or have another sheet.
    """

    decimal: Literal["auto", "point", "comma"] = "auto"
    date_format: str | None = None
    sheet: str | None = None
    max_bytes: int | None = None
    beside: bool = False

    def most_bytes(self, size: int | None) -> int:
        """Bytes that a packed file of this size may hold; None: a file whose size is not known."""
        if self.max_bytes is not None:
            return self.max_bytes
        return MOST_BYTES if size is None else min(MOST_BYTES, max(FEW_BYTES, MOST_TIMES * size))

    def of_neighbour(self) -> TableOptions:
        """The same for a table beside the data."""
        return replace(self, beside=True)
