"""A small sound daily table, and ways to damage it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

__all__ = ["HEADER", "Damage", "days", "replace", "table", "write"]

HEADER = "report_date,purchase,redeem\n"
Damage = Callable[[Path], object]
"""Changes the file at a path."""


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def days(n: int, start: str = "2014-01-30") -> list[str]:
    return [str(d).replace("-", "") for d in np.arange(start, np.datetime64(start) + n, dtype="datetime64[D]")]


def table(n: int = 5) -> str:
    return HEADER + "".join(f"{d},{100 + i},{200 + i}\n" for i, d in enumerate(days(n)))


def replace(old: str, new: str) -> Damage:
    def damage(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return damage
