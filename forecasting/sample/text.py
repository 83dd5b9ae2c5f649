"""Small things all samples share: named random streams, days as YYYYMMDD, and writing a small CSV."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from forecasting.seeding import content_hash, generator

__all__ = ["compact", "stream", "write_lines"]


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of one part of a sample: parts do not shift each other."""
    return generator(int(content_hash("sample", seed), 16), name)


def compact(day: np.datetime64) -> str:
    """A day as YYYYMMDD."""
    return str(day).replace("-", "")


def write_lines(path: Path, header: Iterable[str], lines: Iterable[str]) -> None:
    """A CSV from finished lines."""
    path.write_text("\n".join([",".join(header), *lines]) + "\n", encoding="utf-8")
