"""The two streams a command writes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster.terminal.screen import Screen

__all__ = ["screens"]


def screens() -> tuple[Screen, Screen]:
    """Standard output, for results, and standard error; loaded when a command first writes."""
    from cluster.terminal.screen import screens as opened

    return opened()
