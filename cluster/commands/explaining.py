"""To say why a forecast is as it is."""

from __future__ import annotations

from typing import Annotated

import typer

from cluster.commands.screens import screens
from cluster.options import AgainOption, ExternalOption, JsonOption, RunDirArgument, at_home
from forecasting.errors import ConfigError

__all__ = ["explain"]


def explain(
    run_dir: RunDirArgument,
    day: Annotated[str | None, typer.Option(metavar="DATE", help="day to explain; default: the first")] = None,
    series: Annotated[str | None, typer.Option(metavar="ID", help="series to explain; default: the largest")] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="PATH", callback=at_home, help="explain what predict forecasts from new data"),
    ] = None,
    allow_external: ExternalOption = False,
    set_: AgainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a forecast is as it is: each day as a sum of level, weekday, holidays, and what the models learned.

    Nothing is trained. why.csv in the run directory has every day of every series.
    """
    from cluster.explanation.explained import explain_run
    from cluster.rundir.external import External
    from cluster.screen.explanation import show_explained

    if data is None and (set_ or allow_external):
        raise ConfigError("--set and --allow-external belong to --data: give new data, or leave them out")
    found = explain_run(run_dir, data, external=External(allow_external, tuple(set_ or ())))
    out, err = screens()
    for note in found.notes:
        err.say(f"tidecast: {note}")
    show_explained(found, series, day, out, as_json)
