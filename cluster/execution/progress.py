"""What the driver shows while batches run: bars with the time left on a terminal, a line now and then when piped."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TimeElapsedColumn

from cluster.execution.remaining import Finished, Lane, remaining_seconds
from cluster.rundir.events_file import BatchReport
from cluster.terminal.screen import Screen
from cluster.terminal.words import counted, duration

__all__ = ["RunProgress"]

LINE_SECONDS = 15.0
"""Seconds between two lines at least."""
LEAST_WIDTH = 100
"""A narrower screen has no room for notes beside the bars."""


class RunProgress:
    """Counts fits by family, with rate, time left, failures and who works; keeps the reports for events.jsonl."""

    def __init__(self, fits: Mapping[str, int], lanes: Sequence[Lane], console: Screen) -> None:
        """`fits`: to do, by family; `lanes`: in which order, for the time left."""
        self.reports: list[BatchReport] = []
        self._finished: list[Finished] = []
        self._lanes, self._console, self._total = lanes, console, sum(fits.values())
        self._started = self._said = time.perf_counter()
        self._failures = 0
        self._workers: dict[str, str] = {}
        notes = ("{task.fields[note]}",) if console.width >= LEAST_WIDTH else ()
        self._bar = Progress(
            "{task.description:<10}",
            BarColumn(),
            MofNCompleteColumn(),
            *notes,
            TimeElapsedColumn(),
            _TimeLeft(self),
            console=console,
            disable=not console.is_live,
            transient=True,
        )
        self._all = self._bar.add_task("all fits", total=self._total, note="starting")
        self._family: dict[str, TaskID] = {name: self._bar.add_task(name, total=n, note="") for name, n in fits.items()}

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        took = duration(time.perf_counter() - self._started)
        failed = f", {counted(self._failures, 'trials')} failed" if self._failures else ""
        self._console.say(f"tidecast: {self._n_done} of {counted(self._total, 'fits')} trained in {took}{failed}")

    def add(self, report: BatchReport) -> None:
        """Count a finished batch."""
        now = time.perf_counter() - self._started
        self.reports.append(report)
        self._finished.append(Finished(report.batch_id, now, report.train_seconds + report.write_seconds))
        self._failures += len(report.failures)
        self._workers[report.node] = report.device
        family = self._family[report.family]
        self._bar.advance(family, report.n_fits)
        if report.loss is not None:
            self._bar.update(family, note=f"{report.epochs:.0f} epochs, loss {report.loss:.3g}")
        self._bar.advance(self._all, report.n_fits)
        devices = ", ".join(sorted(set(self._workers.values())))
        rate = self._n_done / max(1e-9, now)
        note = f"{rate:.1f}/s · {self._failures} failed · {counted(len(self._workers), 'workers')} ({devices})"
        self._bar.update(self._all, note=note)
        self._say_progress()

    def left(self) -> str:
        """The time left in words, of the whole training."""
        left = remaining_seconds(self._lanes, self._finished, time.perf_counter() - self._started)
        return "estimating" if left is None else f"{duration(left)} left"

    @property
    def _n_done(self) -> int:
        return sum(report.n_fits for report in self.reports)

    def _say_progress(self) -> None:
        """A line for who reads a pipe, not too often."""
        now = time.perf_counter()
        if self._console.is_live or now - self._said < LINE_SECONDS or self._n_done >= self._total:
            return
        self._said = now
        self._console.say(f"tidecast: {self._n_done} of {counted(self._total, 'fits')} trained, {self.left()}")


class _TimeLeft(ProgressColumn):
    """The time left, beside the bar of all fits."""

    max_refresh = 0.5

    def __init__(self, progress: RunProgress) -> None:
        super().__init__()
        self._progress = progress

    def render(self, task: Task) -> str:  # a table takes text as it is
        return self._progress.left() if task.id == 0 else ""
