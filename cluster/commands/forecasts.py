"""To forecast from new data, and to compare forecasts with actual values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.commands.screens import screens
from cluster.options import (
    AgainOption,
    AsOfOption,
    ExternalOption,
    JsonOption,
    LedgerOption,
    RunDirArgument,
    at_home,
)
from forecasting.errors import ConfigError

if TYPE_CHECKING:
    from cluster.ledger.held import Wanted

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
    ledger: LedgerOption = None,
    allow_external: ExternalOption = False,
    set_: AgainOption = None,
) -> None:
    """Forecast what follows new data with the members and the blend of a run, without training."""
    from cluster.rundir.external import External
    from cluster.stages.prediction import predict as forecast
    from cluster.terminal.words import counted

    said, err = screens()
    external = External(allow_external, tuple(set_ or ()))
    found = forecast(run_dir, data, as_of=as_of, update=update, external=external)
    for note in found.notes:
        err.say(f"tidecast: {note}")
    periods = counted(found.window.horizon, found.noun)
    said.say(f"{periods}, {found.window.start} to {found.window.end}, in {found.write(out)}")
    if ledger is not None:
        from cluster.ledger.issue import add_prediction

        err.say(f"tidecast: {add_prediction(found, ledger).sentence}")
    elif (of_run := found.trained.config.run.ledger) is not None:
        err.say(f"tidecast: not added to the run's ledger, {of_run}: add --ledger {of_run} for that")


def monitor(
    place: Annotated[
        str, typer.Argument(metavar="RUN_DIR|LEDGER", callback=at_home, help="directory of a run, or a ledger")
    ],
    actuals: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=at_home,
            help="new actual values: date and one column per target; default: the backtest's, or those in the ledger",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", callback=at_home, help="table of known anomalies: precision and recall of the alerts"
        ),
    ] = None,
    label: Annotated[str, typer.Option(metavar="COLUMN", help="its column with the kind of the anomaly")] = "anomaly",
    day: Annotated[
        str | None, typer.Option(metavar="DATE", help="a ledger: how the forecast of this day changed")
    ] = None,
    series: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="a ledger: this series alone; may be repeated")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", callback=at_home, help="a ledger: write all of it as one page")
    ] = None,
    heads: Annotated[
        bool, typer.Option("--heads", help="a ledger: print its heads, to be kept elsewhere, and nothing else")
    ] = False,
    kept: Annotated[
        list[str] | None,
        typer.Option(metavar="HEAD", help="a ledger: a head kept elsewhere, which must still be there; repeatable"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare actual values with forecasts. A run: abnormal days by its bands, the worst first, and how often that is
    right. A ledger: accuracy by lead time, where misses come from, how forecasts changed, and alarms.
    """
    from cluster.ledger.held import Wanted, is_ledger

    wanted = Wanted(actuals, day, tuple(series or ()), html, tuple(kept or ()), heads)
    if is_ledger(place):
        if labels is not None:
            raise ConfigError("--labels: labelled days are compared with the alerts of a run: give a run directory")
        _monitor_ledger(place, wanted, as_json)
        return
    wanted.refuse_of_ledger(place)
    from cluster.screen.days import show_alerts
    from cluster.stages.monitoring import monitor_run

    show_alerts(monitor_run(place, actuals, labels, label), screens()[0], as_json)


def _monitor_ledger(place: str, wanted: Wanted, as_json: bool) -> None:
    """Show a ledger; exit code 2 where it is not as it was written."""
    from cluster.ledger.held import heads_of_ledger, review_ledger
    from cluster.screen.ledger import show_heads, show_review

    out, err = screens()
    if wanted.heads or wanted.kept:
        found = heads_of_ledger(place, wanted.kept)
        show_heads(found, out, err, as_json)
        broken = bool(found.gone or found.damaged)
    else:
        reviewed = review_ledger(place, wanted)
        show_review(reviewed, out, err, as_json)
        broken = bool(reviewed.damaged)
    if broken:
        raise typer.Exit(2)


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
