"""To forecast from new data, and to compare forecasts with actual values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.commands.screens import screens
from cluster.options import (
    AgainOption,
    AskedOfLedger,
    AskedOfPrediction,
    ExternalOption,
    JsonOption,
    at_home,
    with_asked,
)
from forecasting.errors import ConfigError

if TYPE_CHECKING:
    from cluster.terminal.screen import Screen

__all__ = ["monitor", "predict", "score"]


@with_asked
def predict(asked: AskedOfPrediction, allow_external: ExternalOption = False, set_: AgainOption = None) -> None:
    """Forecast the days after new data with the models of a run, without training."""
    from cluster.rundir.external import External
    from cluster.screen.cash import show_cash, totals_in_words
    from cluster.stages.prediction import predict as forecast
    from cluster.terminal.words import counted

    said, err = screens()
    external = External(allow_external, tuple(set_ or ()))
    found = forecast(asked.run_dir, asked.data, as_of=asked.as_of, update=asked.update, external=external)
    for note in found.notes:
        err.say(f"tidecast: {note}")
    periods = counted(found.window.horizon, found.noun)
    said.say(f"forecast: {periods}, {found.window.start} to {found.window.end}, in {found.write(asked.out)}")
    if totals := totals_in_words(found.cash, found.money):
        said.tell(f"in all: {totals}")
    said.say(f"  {'  '.join(found.written)}")
    show_cash(found.cash, found.money, said)
    if asked.ledger is not None:
        from cluster.ledger.issue import add_prediction

        err.say(f"tidecast: {add_prediction(found, asked.ledger).sentence}")
    elif (of_run := found.trained.config.run.ledger) is not None:
        err.say(f"tidecast: not added to the run's ledger, {of_run}: add --ledger {of_run} for that")


@with_asked
def monitor(
    asked: AskedOfLedger,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", callback=at_home, help="table of known anomalies: precision and recall of the alerts"
        ),
    ] = None,
    label: Annotated[str, typer.Option(metavar="COLUMN", help="its column with the kind of the anomaly")] = "anomaly",
    as_json: JsonOption = False,
) -> None:
    """Compare actual values with forecasts of a run or of a ledger.

    A run: days outside the bands, the worst first, and accuracy. A ledger: accuracy by lead time, how forecasts
    changed, where errors come from, and alarms.
    """
    from cluster.ledger.held import check_is_run, is_ledger, review_run

    if is_ledger(asked.place):
        if labels is not None:
            raise ConfigError("--labels: labelled days are compared with the alerts of a run: give a run directory")
        _monitor_ledger(asked, as_json)
        return
    from cluster.screen.days import show_alerts
    from cluster.screen.ledger import show_tables
    from cluster.stages.monitoring import monitor_run

    wanted, (out, _) = asked.wanted(), screens()
    wanted.check_of_run(asked.place)
    check_is_run(asked.place)
    found = monitor_run(asked.place, asked.actuals, labels, label)
    reviewed = review_run(asked.place, wanted)
    show_alerts(found, out, as_json, None if reviewed is None else reviewed.as_json())
    if reviewed is not None and not as_json:
        for note in reviewed.notes:
            out.say(note)
        show_tables(reviewed, out)
        _show_page(asked.html, out)


def _monitor_ledger(asked: AskedOfLedger, as_json: bool) -> None:
    """Show a ledger; exit code 2 where it is not as it was written."""
    from cluster.ledger.held import heads_of_ledger, review_ledger
    from cluster.screen.ledger import show_heads, show_review

    out, err = screens()
    if asked.heads or asked.kept:
        found = heads_of_ledger(asked.place, asked.kept or ())
        show_heads(found, out, err, as_json)
        broken = bool(found.gone or found.damaged)
    else:
        reviewed = review_ledger(asked.place, asked.wanted())
        show_review(reviewed, out, err, as_json)
        _show_page(None if as_json else asked.html, out)
        broken = bool(reviewed.damaged)
    if broken:
        raise typer.Exit(2)


def _show_page(html: Path | None, out: Screen) -> None:
    """Which file to open, where a page was asked for."""
    if html is not None:
        out.say_file("open: ", str(html.absolute()))


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
    data, configured, assumed = judged_by(config, truth, submission)
    out, err = screens()
    if assumed:
        err.say(f"tidecast: {assumed}")
    found = score_submission(submission, truth, data, surrogate or configured)
    show_score(found, out, as_json)
