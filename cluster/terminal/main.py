"""The console script: runs a command, and turns errors and signals into exit codes.

This module loads nothing heavy, so that signals are handled before the commands and their libraries are imported.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from cluster.terminal.signals import StopSignals
from cluster.terminal.streams import open_streams
from cluster.terminal.words import counted
from forecasting.errors import StorageError, TooManyFailures, UserError, visible, visible_lines
from forecasting.places.uri import scrubbed

__all__ = ["CONNECTING", "main", "run_command"]

INTERRUPTED = 130
CONNECTING = "tidecast connects"
"""Name of the threads that start Ray while the command is at something else."""


def main() -> NoReturn:
    """The console script: a process for one command."""
    signals = StopSignals()
    atexit.register(_vanish, signals)  # the first one, and so the last to be called
    run_command(signals)


def run_command(signals: StopSignals) -> NoReturn:
    """Run the command of the command line; exit codes as `cluster.cli` says."""
    try:
        signals.listen()
        open_streams()
        code = _outcome(signals)
        signals.finish(code)
    except KeyboardInterrupt:
        code = _fail("interrupted; finished batches are kept, and the same command continues", INTERRUPTED)
        signals.finish(code)
        # An interruption that passed through `exec` would make Python die by SIGINT instead: this resets that.
        exec("")
    atexit.register(_end, code)
    raise SystemExit(code)


def _end(code: int) -> None:
    """End at once where Ray is still starting: what it has started ends with this process."""
    if any(thread.name == CONNECTING for thread in threading.enumerate()):
        _exit(code)


def _vanish(signals: StopSignals) -> None:
    """End without freeing one by one what the kernel frees at once: that takes up to a second after a run."""
    if signals.code is not None:
        _exit(signals.code)


def _exit(code: int) -> NoReturn:
    with suppress(StorageError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _outcome(signals: StopSignals) -> int:
    """The exit code of the command.

    Raises
    ------
    KeyboardInterrupt
        When it was asked to stop.
    """
    try:
        code = _run()
        sys.stdout.flush()
    except UserError as error:
        return _fail(str(error), 2)
    except TooManyFailures as error:
        return _fail(str(error), 3)
    except SystemExit as left:
        if left.code == signal.SIGTERM:  # while Ray starts, it handles this signal in its own way
            raise KeyboardInterrupt from None
        raise
    except Exception as error:
        # Some libraries turn an interruption into an error of their own.
        if signals.asked or type(error).__name__ == "Abort":
            raise KeyboardInterrupt from None
        if not hasattr(error, "exit_code"):
            raise
        return _show_usage(error)
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code


def _run() -> int:
    import logging

    from cluster.cli import app

    class Lines(logging.Formatter):
        """Lines of a library's messages, with control characters shown."""

        def format(self, record: logging.LogRecord) -> str:
            return visible_lines(super().format(record))

    shown = logging.StreamHandler(sys.stderr)
    shown.setFormatter(Lines("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[shown])
    with _without_warnings():
        result = app(prog_name="tidecast", standalone_mode=False)
    return result if isinstance(result, int) else 0  # typer returns the code of an Exit, and 130 for Ctrl-C


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep warnings of libraries from the screen, unless Python was asked for them, and say how many there were."""
    if sys.warnoptions:
        yield
        return
    with warnings.catch_warnings(record=True) as heard:
        yield
    if heard:
        names = ", ".join(sorted({message.category.__name__ for message in heard}))
        what = f"{counted(len(heard), 'warnings')} of libraries ({names})"
        print(f"tidecast: {what}: PYTHONWARNINGS=default shows them", file=sys.stderr)


def _show_usage(error: Exception) -> int:
    """What typer says of a command line that it does not understand."""
    if isinstance(message := getattr(error, "message", None), str):
        error.message = visible(scrubbed(message + _hint(error)))  # type: ignore[attr-defined]
    error.show()  # type: ignore[attr-defined]
    return int(error.exit_code)  # type: ignore[attr-defined]


def _hint(error: Exception) -> str:
    """What is meant by an option that does not exist but is the name of a key of the configuration."""
    option, command = getattr(error, "option_name", None), getattr(getattr(error, "ctx", None), "command", None)
    takes_keys = any(parameter.name == "set_" for parameter in getattr(command, "params", ()))
    if not isinstance(option, str) or getattr(error, "possibilities", None) or not takes_keys:
        return ""
    from cluster.describe import option_hint

    hint = option_hint(option)
    return f": {hint}" if hint else ""


def _fail(message: str, code: int) -> int:
    print(f"tidecast: {visible(message)}", file=sys.stderr)
    with suppress(StorageError):  # when the interpreter ends it would be a failure of its own
        sys.stdout.flush()
    return code
