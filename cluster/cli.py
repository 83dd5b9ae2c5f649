"""The commands. stdout carries results, stderr everything else; `cluster.terminal` runs them and ends the process.

Exit codes: 0 done; 2 bad configuration, data or storage, said in one sentence; 3 too many failed members; 130
interrupted, and the same command continues.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated

# One thread per fit, also in libraries that read this when they are loaded: the same bits whatever the machine has.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import typer

from cluster.commands import backfilling, configuring, data, explaining, forecasts, planning, results, running
from cluster.commands.helping import AFTER, BEFORE, RUN, Command, Commands
from cluster.commands.screens import screens
from cluster.terminal.main import main

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Forecast daily inflows and outflows of money with a blend of many small models, trained in parallel.",
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


def _add(command: Callable[..., None], panel: str) -> None:
    app.command(cls=Command, rich_help_panel=panel)(command)


_add(configuring.config, BEFORE)
_add(data.sample, BEFORE)
_add(data.validate, BEFORE)
_add(data.explore, BEFORE)
_add(running.plan, BEFORE)
_add(running.run, RUN)
_add(running.status, RUN)
_add(results.leaderboard, AFTER)
_add(results.report, AFTER)
_add(results.evaluate, AFTER)
_add(results.verify, AFTER)
_add(explaining.explain, AFTER)
_add(forecasts.predict, AFTER)
_add(planning.scenario, AFTER)
_add(forecasts.monitor, AFTER)
_add(backfilling.backfill, AFTER)
_add(forecasts.score, AFTER)

if __name__ == "__main__":
    main()
