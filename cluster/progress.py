"""What the driver shows while batches run: one live line on a terminal, nothing when piped."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from cluster.worker import BatchReport

__all__ = ["RunProgress"]


class RunProgress:
    """Counts fits, shows rate, time left and failures; keeps each batch's report for events.jsonl."""

    def __init__(self, total_fits: int, console: Console) -> None:
        self.reports: list[BatchReport] = []
        self.n_failures = 0
        self._done = 0
        self._started = time.perf_counter()
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("fits · {task.fields[rate]:.1f}/s · {task.fields[failures]} failed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("fits", total=total_fits, rate=0.0, failures=0)

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def add(self, report: BatchReport) -> None:
        """Count a finished batch."""
        self.reports.append(report)
        self.n_failures += len(report.failures)
        self._done += report.n_fits
        rate = self._done / max(1e-9, time.perf_counter() - self._started)
        self._bar.update(self._task, completed=self._done, rate=rate, failures=self.n_failures)
