"""To fill a ledger with the forecasts that would have been made."""

from __future__ import annotations

from shlex import quote
from typing import Annotated

import typer

from cluster.commands.screens import screens
from cluster.options import Asked, at_home, with_asked

__all__ = ["backfill"]


@with_asked
def backfill(
    asked: Asked,
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="last day of the data of the first forecast")],
    every: Annotated[str, typer.Option(metavar="month|N", help="a forecast at every end of a month, or every N days")],
    ledger: Annotated[str, typer.Option(metavar="PLACE", callback=at_home, help="folder or URI of the ledger")],
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="likewise of the last one; default: all data")
    ] = None,
    executor: Annotated[str, typer.Option(help="ray: parallel; local: in this process")] = "ray",
) -> None:
    """Make the forecasts of past days, each from the data up to that day, and add them to a ledger.

    Each run is in RUN_DIR/DATE. Run again to continue: forecasts that are in the ledger are skipped. Of later runs,
    only new messages are shown.
    """
    from cluster.ledger.backfill import Backfill, Step
    from cluster.ledger.backfill import backfill as fill
    from cluster.terminal.screen import NewLines

    out, _ = screens()
    err = NewLines(stderr=True, soft_wrap=True)

    def said(step: Step) -> None:
        err.next_run()
        done = "added" if step.is_new else "is in the ledger already"
        out.say(f"{step.as_of}: {done} ({step.position} of {step.of})")

    fill(Backfill(asked.request(executor), first, every, ledger, last), err, said)
    out.say(f"next: tidecast monitor {quote(ledger)} --actuals FILE    compare them with what came")
