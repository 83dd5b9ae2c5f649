"""What a run is at: a line for each step, and on a terminal a clock that runs while the step lasts.

A terminal that cannot move its cursor (`TERM=dumb`) and a pipe get the lines alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

from cluster.terminal.screen import Screen

__all__ = ["Steps"]


class Steps:
    """Says what a run is at, on the screen of stderr."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen

    def say(self, text: str) -> None:
        """A line of the program's own."""
        self.screen.say(f"tidecast: {text}")

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Say what comes now; the clock runs until it is done or has failed."""
        self.say(text)
        columns = (SpinnerColumn(), "{task.description}", TimeElapsedColumn())
        with Progress(*columns, console=self.screen, disable=not self.screen.is_live, transient=True) as clock:
            clock.add_task("working", total=None)
            yield
