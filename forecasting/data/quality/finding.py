"""One row of a data-quality report, and counting towards it over a stream of records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from forecasting.data.formats.files import TableFile
from forecasting.data.formats.reading import rows_of
from forecasting.data.formats.table import first
from forecasting.schema import BoolArray

__all__ = ["Finding", "Severity", "Tallies", "Tally"]

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """`count` cases of one kind; `where` is the first as ``file:row`` (or the file, where no row is meant) and
    `value` what stands there.
    """

    check: str
    severity: Severity
    count: int
    where: str
    value: str
    remedy: str


@dataclass
class Tally:
    """Cases of one kind, as they come; `first` is the first one's part and record."""

    check: str
    severity: Severity
    remedy: str
    count: int = 0
    first: tuple[int, int] | None = None
    value: str = ""

    def add(self, part: int, start: int, mask: BoolArray, value: Callable[[int], str]) -> None:
        """Count the True of `mask` ``[n]``, which begins at record `start`; `value` tells what stands at a position."""
        position = first(mask)
        if position is None:
            return
        self.count += int(mask.sum())
        if self.first is None:
            self.first, self.value = (part, start + position), value(position)


@dataclass
class Tallies:
    """All tallies of one table, in the order of their first mention."""

    by_name: dict[str, Tally] = field(default_factory=dict)

    def __call__(self, check: str, severity: Severity, remedy: str) -> Tally:
        """The tally of this name, made when first asked for."""
        return self.by_name.setdefault(check, Tally(check, severity, remedy))

    def findings(self, files: Sequence[TableFile], skipped: Sequence[Sequence[int]] = ()) -> list[Finding]:
        """What was counted, each first record traced to its row.

        `skipped` holds, for each part, the records that the stream left out (rows with a wrong number of fields).
        """
        found = [t for t in self.by_name.values() if t.first is not None]
        rows: dict[tuple[int, int], int] = {}
        for part, file in enumerate(files):
            missed = sorted(skipped[part]) if skipped else []
            records = sorted({t.first[1] for t in found if t.first is not None and t.first[0] == part})
            places = [_with_skipped(r, missed) for r in records]
            rows |= {(part, r): row for r, row in zip(records, rows_of(file, places), strict=True)}
        return [
            Finding(t.check, t.severity, t.count, f"{files[t.first[0]].name}:{rows[t.first]}", t.value, t.remedy)
            for t in found
            if t.first is not None
        ]


def _with_skipped(record: int, skipped: Sequence[int]) -> int:
    """The record's number when those left out before it are counted too."""
    for other in skipped:
        if other <= record:
            record += 1
    return record
