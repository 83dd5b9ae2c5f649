"""To read, judge and check a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster.commands.screens import screens
from cluster.options import AgainOption, ExternalOption, JsonOption, RunDirArgument, at_home
from forecasting.places.uri import without_secrets

__all__ = ["evaluate", "leaderboard", "report", "verify"]


def leaderboard(
    run_dirs: Annotated[
        list[str], typer.Argument(metavar="RUN_DIR...", callback=at_home, help="one run, or several to compare")
    ],
    as_json: JsonOption = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", callback=at_home, help="write the comparison of several runs as CSV")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", callback=at_home, help="write the comparison of several runs as HTML")
    ] = None,
) -> None:
    """Show how good each model of a run was, or compare several runs."""
    out, _ = screens()
    if len(run_dirs) == 1 and not (csv or html):
        from cluster.rundir.store import RunStore
        from cluster.screen.leaderboard import show_leaderboard

        show_leaderboard(RunStore(run_dirs[0]), out, as_json)
        return
    from cluster.screen.scores import show_comparison
    from cluster.stages.reports import compare_runs, write_comparison

    found = compare_runs(run_dirs)
    write_comparison(found, csv, html)
    show_comparison(found, out, as_json)


def report(
    run_dir: RunDirArgument,
    figures: Annotated[
        str | None, typer.Option(metavar="DIR", callback=at_home, help="also write each picture as PNG and SVG")
    ] = None,
) -> None:
    """Write the report of a run again from its stored files."""
    from cluster.rundir.store import RunStore
    from cluster.stages.reports import write_figures_of, write_reports

    out, _ = screens()
    store = RunStore(run_dir)
    data = write_reports(store)
    out.say(f"{store.uri}/report.html")
    if figures is not None:
        out.say(f"{without_secrets(figures)}: {', '.join(write_figures_of(data, figures))}")


def evaluate(run_dir: RunDirArgument, as_json: JsonOption = False) -> None:
    """Say how good the blend would have been in each past window, with intervals."""
    from cluster.screen.scores import show_evaluation
    from cluster.stages.evaluation import evaluate_run

    show_evaluation(evaluate_run(run_dir), screens()[0], as_json)


def verify(
    run_dir: RunDirArgument,
    data: Annotated[
        str | None, typer.Option("--data", metavar="PATH", callback=at_home, help="the data that the run was given")
    ] = None,
    retrain: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="SHARE", help="train this share of the models again and compare"),
    ] = 0.0,
    allow_external: ExternalOption = False,
    set_: AgainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that a run directory is what its run wrote: digests, layouts, versions and data.

    With --retrain, models are trained again and compared. Exit code 2 if something differs.
    """
    from cluster.rundir.external import External
    from cluster.screen.checks import show_checks
    from cluster.verification.verify import verify_run

    checks = verify_run(run_dir, data, retrain, External(allow_external, tuple(set_ or ())))
    raise typer.Exit(2 if show_checks(checks, screens()[0], as_json) else 0)
