"""To ask what would be if."""

from __future__ import annotations

from typing import Annotated

import typer

from cluster.commands.screens import screens
from cluster.options import AgainOption, ExternalOption, JsonOption, RunDirArgument, at_home

__all__ = ["scenario"]


def scenario(
    run_dir: RunDirArgument,
    file: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO", callback=at_home, help="YAML: add, move, drop, level, holidays, events, balance"
        ),
    ],
    allow_external: ExternalOption = False,
    set_: AgainOption = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            callback=at_home,
            help="where to write scenario.csv; default: RUN_DIR, where the next scenario replaces it",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say how a forecast would change with other planned amounts, another level, or moved holidays.

    Nothing is trained. scenario.csv has every day of every series.
    """
    from cluster.rundir.external import External
    from cluster.scenario.outcome import scenario_of_run
    from cluster.screen.scenario import show_scenario

    found = scenario_of_run(run_dir, file, External(allow_external, tuple(set_ or ())))
    show_scenario(found, found.write(out), screens()[0], as_json)
