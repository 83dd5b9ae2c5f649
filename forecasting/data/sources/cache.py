"""Daily totals kept under the fingerprint of the bytes they were summed from."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from forecasting.data.formats.files import TableFile, reading
from forecasting.data.sources.aggregate import DailyTotals, TotalsQuery, sum_by_day
from forecasting.digests import seal, unseal
from forecasting.errors import StorageError
from forecasting.seeding import content_hash

__all__ = ["bytes_fingerprint", "cached_sums", "keep_sums"]

_VERSION = 2
"""Raised when the same bytes would be summed to something else."""


def cached_sums(files: Sequence[TableFile], query: TotalsQuery, cache_dir: Path | None) -> DailyTotals:
    """`sum_by_day`, looked up in `cache_dir` first and left there afterwards; None: neither.

    Raises
    ------
    DataError
        As `sum_by_day`.
    StorageError
        When the cache folder cannot be written.
    """
    if cache_dir is None:
        return sum_by_day(files, query)
    fingerprint = bytes_fingerprint(files)
    known = _read(_path(cache_dir, fingerprint, query))
    if known is not None:
        return known
    totals = sum_by_day(files, query)
    keep_sums(cache_dir, fingerprint, query, totals)
    return totals


def keep_sums(cache_dir: Path, fingerprint: str, query: TotalsQuery, totals: DailyTotals) -> None:
    """Leave totals in `cache_dir` under the fingerprint of the bytes they were summed from.

    Raises
    ------
    StorageError
        When the cache folder cannot be written.
    """
    path = _path(cache_dir, fingerprint, query)
    if _read(path) is None:
        _write(path, totals)


def bytes_fingerprint(files: Sequence[TableFile]) -> str:
    """Hash of the tables' (decompressed) bytes; a part's name does not count, its place in the order does."""
    digest = hashlib.sha256()
    for file in files:
        with reading(file.name), file.open() as raw:
            while block := raw.read(1 << 22):
                digest.update(block)
        digest.update(b"\0part")
    return digest.hexdigest()


def _path(cache_dir: Path, fingerprint: str, query: TotalsQuery) -> Path:
    return cache_dir / f"daily-{content_hash(_VERSION, fingerprint, astuple(query))}.json"


def _read(path: Path) -> DailyTotals | None:
    """What an earlier call left; None when there is nothing, or it is not as it was written."""
    try:
        stored = json.loads(unseal(path.read_bytes(), path.name) or b"")
        ds = np.array(stored["ds"], dtype="datetime64[D]")
        sums = np.array(stored["sums"], dtype=np.int64).reshape(len(ds), -1)
        notes = tuple(map(str, stored["notes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return DailyTotals(ds, sums, notes)


def _write(path: Path, totals: DailyTotals) -> None:
    held = {"ds": [str(d) for d in totals.ds], "sums": totals.sums.tolist(), "notes": totals.notes}
    data = seal(json.dumps(held).encode() + b"\n", path.name)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        what = f"the cache of daily totals cannot be written ({error.strerror})"
        raise StorageError(where=str(path.parent), what=what) from None
