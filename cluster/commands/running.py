"""To run, to plan a run and to watch one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cluster.commands.screens import screens
from cluster.options import Asked, JsonOption, LedgerOption, ResourcesOption, RunDirArgument, at_home, with_asked

__all__ = ["plan", "run", "status"]

WATCH_SECONDS = 5.0


@with_asked
def run(
    asked: Asked,
    executor: Annotated[str, typer.Option(help="ray: parallel; local: in this process")] = "ray",
    timeline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=at_home, help="write when each worker did what, for chrome://tracing"),
    ] = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the models, blend them and forecast. The same command continues an interrupted run.

    Give a configuration, or a table alone: its columns, windows and models are then inferred, and the program says
    how. Without either, the demo runs on generated data.
    """
    from cluster.pipeline import run_pipeline
    from cluster.screen.run_end import show_result

    out, err = screens()
    show_result(run_pipeline(asked.request(executor, timeline).into(ledger), err), out, as_json)


@with_asked
def plan(asked: Asked, resources: ResourcesOption = None, as_json: JsonOption = False) -> None:
    """Say what a run would do and how long it would take. Nothing is started.

    Times come from the run in --run-dir if there is one. Without CONFIG and data: what this machine has, and what a run
    would use of it.
    """
    from cluster.execution.described import described
    from cluster.screen.work import show_plan, show_surroundings
    from cluster.stages.plan_view import plan_only

    out, err = screens()
    request = asked.request("local")
    if request.is_made_up and request.config is None and not resources:
        show_surroundings(out, as_json)
        return
    found = plan_only(request, described(resources) if resources else None)
    for note in request.said:
        err.say(f"tidecast: {note}")
    show_plan(found, out, as_json)


def status(
    run_dir: RunDirArgument,
    watch: Annotated[bool, typer.Option("--watch", help="show it again every few seconds until the run ends")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say how far a run has come, on any machine that sees its directory."""
    import time

    from cluster.rundir.status import read_status
    from cluster.rundir.store import RunStore
    from cluster.screen.work import show_status
    from cluster.terminal.streams import has_reader

    out, _ = screens()
    while True:
        found = read_status(RunStore(run_dir))
        show_status(found, out, as_json)
        if not watch or found.state != "running" or not has_reader(sys.stdout):
            return
        time.sleep(WATCH_SECONDS)
