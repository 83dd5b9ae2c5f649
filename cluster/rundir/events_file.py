"""events.jsonl: a line for each batch that came back, in the order of their return.

It tells how a run went: runs append to it, and nothing that continues a run reads it. Each line ends with its digest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from cluster.rundir.batch_file import BatchWork
from cluster.rundir.storage import Storage
from forecasting.digests import seal

__all__ = ["EVENTS", "BatchReport", "append_events"]

EVENTS = "events.jsonl"


class BatchReport(BatchWork):
    """A batch that is on disk: its work, why trials failed, and how long its files took to write."""

    failures: tuple[str, ...]
    write_seconds: float


def append_events(storage: Storage, reports: Sequence[BatchReport]) -> None:
    """Append a line for each report.

    Raises
    ------
    StorageError
        When the run directory cannot be written.
    """
    if not reports:
        return
    before = storage.read(EVENTS) if storage.exists(EVENTS) else b""
    lines = [json.dumps(report.model_dump(mode="json")).encode() + b"\n" for report in reports]
    storage.write(EVENTS, before + b"".join(seal(line, EVENTS) for line in lines))
