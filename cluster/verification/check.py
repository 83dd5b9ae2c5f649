"""What a check of a run directory found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "Status", "checked_files"]

Status = Literal["ok", "damaged", "differs", "not checked", "not comparable"]


@dataclass(frozen=True)
class Check:
    """One line of `tidecast verify`: what was looked at, what came of it, and the reason or the numbers.

    `damaged` and `differs` mean that the directory is not what its run wrote.
    """

    what: str
    status: Status
    detail: str

    @property
    def failed(self) -> bool:
        return self.status in ("damaged", "differs")


def checked_files(what: str, found: Sequence[str], n: int, noun: str) -> list[Check]:
    """A check for each fault, or one that says how many files are as they were written."""
    return [Check(what, "damaged", fault) for fault in found] or [Check(what, "ok", f"{n} {noun}")]
