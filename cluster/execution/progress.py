"""What the driver shows while batches run: a bar for each family on a terminal, nothing when piped."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from cluster.rundir.events_file import BatchReport
from cluster.terminal.screen import Screen
from cluster.terminal.words import counted

__all__ = ["RunProgress"]


class RunProgress:
    """Counts fits by family, with rate, time left, failures and who works; keeps the reports for events.jsonl."""

    def __init__(self, fits: Mapping[str, int], console: Screen) -> None:
        """`fits`: to do, by family."""
        self.reports: list[BatchReport] = []
        self._started = time.perf_counter()
        self._failures = 0
        self._workers: dict[str, str] = {}
        self._bar = Progress(
            "{task.description:<10}",
            BarColumn(),
            MofNCompleteColumn(),
            "{task.fields[note]}",
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._all = self._bar.add_task("all fits", total=sum(fits.values()), note="starting")
        self._family: dict[str, TaskID] = {name: self._bar.add_task(name, total=n, note="") for name, n in fits.items()}

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
        self._failures += len(report.failures)
        self._workers[report.node] = report.device
        family = self._family[report.family]
        self._bar.advance(family, report.n_fits)
        if report.loss is not None:
            self._bar.update(family, note=f"{report.epochs:.0f} epochs, loss {report.loss:.3g}")
        self._bar.advance(self._all, report.n_fits)
        done = sum(each.n_fits for each in self.reports)
        rate = done / max(1e-9, time.perf_counter() - self._started)
        devices = ", ".join(sorted(set(self._workers.values())))
        note = f"{rate:.1f}/s · {self._failures} failed · {counted(len(self._workers), 'workers')} ({devices})"
        self._bar.update(self._all, note=note)
