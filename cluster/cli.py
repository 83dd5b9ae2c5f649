"""The commands. stdout carries results, stderr everything else; `cluster.terminal` runs them and ends the process.

Exit codes: 0 done; 2 bad configuration, data or storage, said in one sentence; 3 too many failed members; 130
interrupted, and the same command continues.
"""

from __future__ import annotations

import os
from typing import Annotated

# One thread per fit, also in libraries that read this when they are loaded: the same bits whatever the machine has.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import typer

from cluster.commands import backfilling, configuring, data, forecasts, results, running
from cluster.commands.screens import screens
from cluster.terminal.main import main

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Forecast a fund's daily purchases and redemptions with a blend of many small models, trained in parallel.",
)


def _version(show: bool) -> None:
    if show:
        from importlib.metadata import version

        screens()[0].say(f"tidecast {version('tidecast')}")
        raise typer.Exit


@app.callback()
def _app(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


app.command()(running.run)
app.command()(running.plan)
app.command()(configuring.config)
app.command()(data.sample)
app.command()(data.validate)
app.command()(data.explore)
app.command()(running.status)
app.command()(results.leaderboard)
app.command()(results.report)
app.command()(results.evaluate)
app.command()(results.verify)
app.command()(forecasts.predict)
app.command()(forecasts.monitor)
app.command()(backfilling.backfill)
app.command()(forecasts.score)

if __name__ == "__main__":
    main()
