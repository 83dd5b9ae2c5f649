"""What `tidecast verify` found, a line per check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from cluster.terminal.screen import Screen, print_json
from cluster.verification.check import Check

__all__ = ["show_checks"]

WIDTHS = 15, 12
"""Characters of the status and of what was checked."""


def show_checks(checks: Iterable[Check], out: Screen, as_json: bool) -> int:
    """Each check when it is done; gives how many found that the directory is not what its run wrote."""
    found = []
    for check in checks:
        found.append(check)
        if not as_json:
            out.say(f"{check.status:<{WIDTHS[0]}} {check.what:<{WIDTHS[1]}} {check.detail}")
    if as_json:
        print_json([asdict(check) for check in found])
    return sum(check.failed for check in found)
