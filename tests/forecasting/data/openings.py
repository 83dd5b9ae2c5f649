"""Counts how often a table's files are opened, and how many of their bytes are read."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest
from typing_extensions import Buffer

from forecasting.data.formats.files import TableFile

__all__ = ["Openings"]


class Openings:
    """Counts the openings of each file, and the bytes read from it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n: Counter[str] = Counter()
        self.n_bytes: Counter[str] = Counter()
        self._open = TableFile.open
        monkeypatch.setattr(TableFile, "open", lambda file: self.opened(file))

    @contextmanager
    def opened(self, file: TableFile) -> Iterator[Counted]:
        self.n[file.name] += 1
        with self._open(file) as raw:
            yield Counted(raw, self.n_bytes, file.name)


class Counted(io.RawIOBase):
    """A file of which every byte read is counted."""

    def __init__(self, raw: IO[bytes], n_bytes: Counter[str], name: str) -> None:
        self._raw, self._n_bytes, self._name = raw, n_bytes, name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        block = self._raw.read(memoryview(buffer).nbytes)
        memoryview(buffer)[: len(block)] = block
        self._n_bytes[self._name] += len(block)
        return len(block)
