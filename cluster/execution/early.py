"""Connects to the machines that train while the data are still read and planned, and leaves them while results are
blended.

A thread opens, holds and closes the connection. Ray's processes end with the thread that started them (on Linux, by a
signal of the kernel), so a command that fails meanwhile need not wait for Ray: `cluster.terminal.main` ends the process
while this thread is at work, and nothing of Ray is left.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Protocol

from cluster.config import RunConfig
from cluster.execution.executors.base import Executor, Session
from cluster.terminal.main import CONNECTING

__all__ = ["Connection", "connecting"]

IS_EARLY = True
"""Off in tests that need no Ray: most of what fails early would start one."""


@contextmanager
def connecting(executor: Executor, config: RunConfig) -> Iterator[Connection]:
    """Begin to connect; the connection ends with the context at the latest.

    An executor that does not connect in the background is connected when the session is asked for.
    """
    if not (IS_EARLY and executor.in_background):
        with _Asked(executor, config) as asked:
            yield asked
        return
    held = _Held(executor, config)
    held.start()
    try:
        yield held
    finally:
        held.leave()


class Connection(Protocol):
    """What becomes a session, and is no longer needed some time later."""

    def session(self) -> Session:
        """Wait for the session; raises what stood in the way."""
        ...

    def release(self) -> None:
        """The session is not needed any more: leave it, if possible while something else is done."""
        ...


class _Asked(ExitStack):
    """Connects when it is asked to, and leaves at once."""

    def __init__(self, executor: Executor, config: RunConfig) -> None:
        super().__init__()
        self._executor, self._config = executor, config

    def session(self) -> Session:
        return self.enter_context(self._executor.connect(self._config))

    def release(self) -> None:
        self.close()


class _Held(threading.Thread):
    """Holds a connection from `start` to `release`."""

    def __init__(self, executor: Executor, config: RunConfig) -> None:
        super().__init__(name=CONNECTING, daemon=True)
        self._session: Future[Session] = Future()
        self._executor, self._config = executor, config
        self._over = threading.Event()

    def run(self) -> None:
        """Connect, and close the connection when it is no longer needed."""
        try:
            with self._executor.connect(self._config) as session:
                self._session.set_result(session)
                self._over.wait()
        except BaseException as error:
            if self._session.done():
                raise
            self._session.set_exception(error)

    def session(self) -> Session:
        return self._session.result()

    def release(self) -> None:
        self._over.set()

    def leave(self) -> None:
        """Wait until the connection is closed; one that is still being opened closes itself afterwards."""
        self.release()
        if self._session.done():
            self.join()
