"""Warnings of libraries, caught by one thread at a time.

What Python does with warnings is one setting of the whole process. Of two threads that change it and put it back in
turn, the second puts back what it found of the first, and the warnings of the process are lost for good.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Literal

__all__ = ["caught_warnings"]

_ONE = RLock()


@contextmanager
def caught_warnings(action: Literal["always", "ignore"] | None = None) -> Iterator[list[warnings.WarningMessage]]:
    """The warnings of a block, by the filters there are or by this `action` alone.

    Another thread that wants to catch some waits. Fits that should not wait for each other run in processes.
    """
    with _ONE, warnings.catch_warnings(record=True) as heard:
        if action is not None:
            warnings.simplefilter(action)
        yield heard
