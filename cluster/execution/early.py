"""Connects to the machines that train while the data are still read and planned.

A thread opens, holds and closes the connection. Ray's processes end with the thread that started them (on Linux, by a
signal of the kernel), so a command that fails meanwhile need not wait for Ray: `cluster.terminal.main` ends the process
while this thread is at work, and nothing of Ray is left.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager

from cluster.config import RunConfig
from cluster.execution.executors.base import Executor, Session
from cluster.terminal.main import CONNECTING

__all__ = ["connecting"]

IS_EARLY = True
"""Off in tests that need no Ray: most of what fails early would start one."""


@contextmanager
def connecting(executor: Executor, config: RunConfig) -> Iterator[Callable[[], Session]]:
    """Begin to connect; the function that is given waits for the session, and raises what stood in the way.

    An executor that does not connect in the background is connected when the session is asked for.
    """
    if not (IS_EARLY and executor.in_background):
        with ExitStack() as stack:
            yield lambda: stack.enter_context(executor.connect(config))
        return
    held = _Held(executor, config)
    held.start()
    try:
        yield held.session.result
    finally:
        held.leave()


class _Held(threading.Thread):
    """Holds a connection from `start` to `leave`."""

    def __init__(self, executor: Executor, config: RunConfig) -> None:
        super().__init__(name=CONNECTING, daemon=True)
        self.session: Future[Session] = Future()
        self._executor, self._config = executor, config
        self._over = threading.Event()

    def run(self) -> None:
        """Connect, and close the connection when it is no longer needed."""
        try:
            with self._executor.connect(self._config) as session:
                self.session.set_result(session)
                self._over.wait()
        except BaseException as error:
            if self.session.done():
                raise
            self.session.set_exception(error)

    def leave(self) -> None:
        """Wait until the connection is closed; one that is still being opened closes itself afterwards."""
        self._over.set()
        if self.session.done():
            self.join()
