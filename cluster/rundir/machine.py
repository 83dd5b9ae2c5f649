"""What a process knows of the machine it runs on: its name, its clock and its processes.

`tests.sim` runs drivers on virtual machines.
"""

from __future__ import annotations

import atexit
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["MACHINE", "Machine", "usable_cores"]


class Machine:
    """The machine that this process runs on."""

    @property
    def name(self) -> str:
        return socket.gethostname()

    @property
    def pid(self) -> int:
        return os.getpid()

    def born(self, pid: int) -> float | None:
        """When a process started, in clock ticks; None when there is none. Tells a pid's reuse."""
        stat = Path(f"/proc/{pid}/stat")
        if stat.parent.parent.is_dir():
            try:
                return float(stat.read_text().rpartition(")")[2].split()[19])
            except OSError:
                return None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            pass
        return 0.0

    def monotonic(self) -> float:
        """Seconds on a clock that nobody sets."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def at_exit(self, act: Callable[[], None]) -> Callable[[], None]:
        """Call `act` when this process ends, until the function that is returned is called."""
        atexit.register(act)
        return lambda: atexit.unregister(act)

    def every(self, seconds: float, act: Callable[[], None]) -> Callable[[], None]:
        """Call `act` in a thread after every so many seconds, until the function that is returned is called."""
        stop = threading.Event()

        def keep_acting() -> None:
            while not stop.wait(seconds):
                act()

        def end() -> None:
            stop.set()
            thread.join()

        thread = threading.Thread(target=keep_acting, name=f"every {seconds:g} s", daemon=True)
        thread.start()
        return end


MACHINE = Machine()


def usable_cores() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
