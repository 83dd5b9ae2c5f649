"""To forecast from new data, and to compare forecasts with actual values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster.commands.screens import screens
from cluster.options import AgainOption, AsOfOption, ExternalOption, JsonOption, RunDirArgument, at_home
from forecasting.errors import ConfigError

__all__ = ["monitor", "predict", "score"]


def predict(
    run_dir: RunDirArgument,
    data: Annotated[
        str,
        typer.Option("--data", metavar="PATH", callback=at_home, help="new data of the kind the run was trained on"),
    ],
    as_of: AsOfOption = None,
    update: Annotated[bool, typer.Option("--update", help="re-estimate the levels that states hold fixed")] = False,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", callback=at_home, help="default: RUN_DIR/predictions/DATE")
    ] = None,
    allow_external: ExternalOption = False,
    set_: AgainOption = None,
) -> None:
    """Forecast what follows new data with the models of a run, without training."""
    from cluster.rundir.external import External
    from cluster.screen.cash import show_cash
    from cluster.stages.prediction import predict as forecast
    from cluster.terminal.words import counted

    said, err = screens()
    external = External(allow_external, tuple(set_ or ()))
    found = forecast(run_dir, data, as_of=as_of, update=update, external=external)
    for note in found.notes:
        err.say(f"tidecast: {note}")
    periods = counted(found.window.horizon, found.noun)
    said.say(f"{periods}, {found.window.start} to {found.window.end}, in {found.write(out)}")
    show_cash(found.cash, found.money, said)


def monitor(
    run_dir: RunDirArgument,
    actuals: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=at_home,
            help="new actual values: date and one column per target; default: the backtest's",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", callback=at_home, help="table of known anomalies: precision and recall of the alerts"
        ),
    ] = None,
    label: Annotated[str, typer.Option(metavar="COLUMN", help="its column with the kind of the anomaly")] = "anomaly",
    as_json: JsonOption = False,
) -> None:
    """Say which days are abnormal: actual values outside the bands, the worst first."""
    from cluster.screen.days import show_alerts
    from cluster.stages.monitoring import monitor_run

    show_alerts(monitor_run(run_dir, actuals, labels, label), screens()[0], as_json)


def score(
    submission: Annotated[
        Path,
        typer.Argument(
            metavar="SUBMISSION", callback=at_home, help="date and one column per target, with or without header"
        ),
    ],
    truth: Annotated[
        Path,
        typer.Argument(
            metavar="TRUTH", callback=at_home, help="table of actual values: date and one column per target"
        ),
    ],
    surrogate: Annotated[
        str | None,
        typer.Option(help="linear, convex, concave or wape; default: score.surrogate of the configuration"),
    ] = None,
    config: Annotated[
        str | None, typer.Option("--config", metavar="CONFIG", help="configuration with targets and weights")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score any submission against any table of actual values."""
    from cluster.inference.truth import judged_by
    from cluster.screen.scores import show_score
    from ensembles.evaluation.submission_score import score_submission

    if not submission.is_file() or not truth.is_file():
        missing = truth if submission.is_file() else submission
        raise ConfigError(f"{missing}: no such file: give the submission and the table of actual values")
    data, configured = judged_by(config, truth)
    found = score_submission(submission, truth, data, surrogate or configured)
    show_score(found, screens()[0], as_json)
