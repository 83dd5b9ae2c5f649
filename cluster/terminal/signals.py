"""Signals that ask the program to stop.

They are Ctrl-C, SIGTERM of schedulers and of `ray job stop`, and SIGHUP of a terminal that was closed. The first one
raises KeyboardInterrupt, as Ctrl-C does. Those that follow within `PATIENCE` are ignored, so that an impatient second
Ctrl-C does not break what the first one set off: batches are noted, Ray is shut down and the lease of the run directory
is given back. After that time a signal is acted on again, so that nobody waits for ever.
"""

from __future__ import annotations

import atexit
import math
import os
import signal
import time
from types import FrameType

__all__ = ["StopSignals"]

PATIENCE = 10.0
"""Seconds that the program has to clean up, undisturbed by further signals."""
NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class StopSignals:
    """Handles the signals of one process from `listen` on. Of main threads only."""

    def __init__(self) -> None:
        self.code: int | None = None
        """The exit code, once the command is over."""
        self._acted = -math.inf
        self._numbers: list[signal.Signals] = []

    @property
    def asked(self) -> bool:
        """Whether a signal was acted on while the command ran."""
        return self._acted > -math.inf

    def listen(self) -> None:
        """Handle the signals that are not ignored: `nohup` and a shell's `&` stay in force."""
        known = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]  # Windows has no SIGHUP
        self._numbers = [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]
        atexit.register(self._ignore)  # the last function but that of `main`: the interpreter then drops all handlers
        for number in self._numbers:
            signal.signal(number, self._act)

    def finish(self, code: int) -> None:
        """The command is over: from now on signals do not change the exit code."""
        self.code, self._acted = code, time.monotonic()

    def _act(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._acted < PATIENCE:
            return
        self._acted = now
        if self.code is not None:
            os._exit(self.code)  # something hangs while the interpreter shuts down
        raise KeyboardInterrupt

    def _ignore(self) -> None:
        for number in self._numbers:
            signal.signal(number, signal.SIG_IGN)
