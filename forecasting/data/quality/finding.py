"""One row of a data-quality report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forecasting.errors import TidecastError

__all__ = ["Finding", "Severity", "finding_of"]

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


def finding_of(error: TidecastError, check: str = "readable", severity: Severity = "error") -> Finding:
    """An error as a row: its place, what is there, its remedy."""
    return Finding(check, severity, 1, error.where, error.what, error.remedy)
