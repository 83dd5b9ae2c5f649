"""The commands. stdout carries results, stderr everything else; `cluster.terminal` runs them and ends the process.

Exit codes: 0 done; 2 bad configuration, data or storage, said in one sentence; 3 too many failed members; 130
interrupted, and the same command continues.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

# One thread per fit, also in libraries that read this when they are loaded: the same bits whatever the machine has.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import typer

from cluster.options import (
    AgainOption,
    Asked,
    AskedOfData,
    AsOfOption,
    ExternalOption,
    JsonOption,
    ResourcesOption,
    RunDirArgument,
    SetOption,
    at_home,
    with_asked,
)
from cluster.terminal.main import main
from forecasting.errors import ConfigError
from forecasting.places.uri import without_secrets

if TYPE_CHECKING:
    from cluster.terminal.screen import Screen

__all__ = ["app", "main"]

WATCH_SECONDS = 5.0

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Forecast a fund's daily purchases and redemptions with a blend of many small models, trained in parallel.",
)


def _screens() -> tuple[Screen, Screen]:
    from cluster.terminal.screen import screens

    return screens()


def _version(show: bool) -> None:
    if show:
        from importlib.metadata import version

        _screens()[0].say(f"tidecast {version('tidecast')}")
        raise typer.Exit


@app.callback()
def _app(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


@app.command()
@with_asked
def run(
    asked: Asked,
    executor: Annotated[str, typer.Option(help="ray: parallel; local: in this process")] = "ray",
    timeline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=at_home, help="write when each worker did what, for chrome://tracing"),
    ] = None,
) -> None:
    """Train, blend, forecast: by a configuration, or from a table alone, whose columns, windows and models are then
    inferred and said. Without either: the demo on generated data. Run again to continue.
    """
    from cluster.pipeline import run_pipeline
    from cluster.screen.run_end import show_result

    out, err = _screens()
    show_result(run_pipeline(asked.request(executor, timeline), err), out)


@app.command()
@with_asked
def plan(asked: Asked, resources: ResourcesOption = None) -> None:
    """Say what a run would do: counts, batches, placement. Starts nothing. By the timings of the run in --run-dir.
    Without CONFIG and data: what there is on this machine, and what a run would use of it.
    """
    from cluster.execution.described import described
    from cluster.screen.work import show_plan, show_surroundings
    from cluster.stages.plan_view import plan_only

    out, err = _screens()
    request = asked.request("local")
    if request.is_made_up and not resources:
        show_surroundings(out)
        return
    found = plan_only(request, described(resources) if resources else None)
    for note in request.said:
        err.say(f"tidecast: {note}")
    show_plan(found, out)


@app.command()
def config(
    config: Annotated[
        str | None, typer.Argument(metavar="[CONFIG]", help="YAML file, the name of a bundled one, or - for a pipe")
    ] = None,
    set_: SetOption = None,
) -> None:
    """Print every key of a configuration with its value and meaning; without CONFIG the defaults and all models."""
    from cluster.config import load_config
    from cluster.describe import describe

    out, _ = _screens()
    text = describe(load_config(config, set_ or ()) if config else None)
    for line in text.removesuffix("\n").split("\n"):
        out.say(line)


@app.command()
def sample(
    directory: Annotated[Path, typer.Argument(metavar="DIR", callback=at_home, help="folder to write into")],
    kind: Annotated[str, typer.Option(help="yuebao, funds, ohlcv, accounts, business-accounts or company")] = "yuebao",
    users: Annotated[int | None, typer.Option(min=1, help="users (funds, accounts); default by kind")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="days; default by kind")] = None,
    totals: Annotated[
        Path | None, typer.Option(metavar="FILE", callback=at_home, help="daily totals the user rows must add up to")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="seed of the generator")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace files of the same names")] = False,
) -> None:
    """Write synthetic data: a competition folder with the real columns and identities, or a kind of its own."""
    from cluster.terminal.words import counted
    from forecasting.sample.write import write_sample

    written = write_sample(directory, kind=kind, users=users, days=days, seed=seed, totals=totals, overwrite=overwrite)
    names = ", ".join(path.name for path in written.files)
    _screens()[0].say(f"{written.directory}: {names} ({counted(written.rows, 'rows')})")


@app.command()
def validate(
    path: Annotated[str, typer.Argument(metavar="PATH", callback=at_home, help="folder or file with the data")],
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="CONFIG", help="configuration of the run; without it, one is inferred"),
    ] = None,
    as_of: AsOfOption = None,
    set_: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong with the data, with place and remedy; exit code 2 and its sentence when a run refuses them."""
    from cluster.config import load_config
    from cluster.inference.which import holds_competition
    from cluster.request import RunRequest
    from cluster.screen.days import show_checked
    from cluster.stages.checks import check_alone, check_data

    if config is None and ("://" in path or Path(path).exists()) and not holds_competition(path):
        checked = check_alone(RunRequest(None, path, None, as_of, tuple(set_ or ()), "local"))
    else:
        checked = check_data(load_config(config or "yuebao", set_ or ()), path, as_of, windows=config is not None)
    show_checked(checked, *_screens(), as_json)
    if checked.error is not None:
        raise checked.error


@app.command()
def leaderboard(
    run_dirs: Annotated[
        list[str], typer.Argument(metavar="RUN_DIR...", callback=at_home, help="one run, or several to compare")
    ],
    as_json: JsonOption = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", callback=at_home, help="write a comparison as CSV")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", callback=at_home, help="write a comparison as HTML")
    ] = None,
) -> None:
    """Show the leaderboard of a run; of several, what changed between them and what it was worth."""
    out, _ = _screens()
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


@app.command()
def report(
    run_dir: RunDirArgument,
    figures: Annotated[
        str | None, typer.Option(metavar="DIR", callback=at_home, help="also write each picture as PNG and SVG")
    ] = None,
) -> None:
    """Make the report of a run again from its stored files."""
    from cluster.rundir.store import RunStore
    from cluster.stages.reports import write_figures_of, write_reports

    out, _ = _screens()
    store = RunStore(run_dir)
    data = write_reports(store)
    out.say(f"{store.uri}/report.html")
    if figures is not None:
        out.say(f"{without_secrets(figures)}: {', '.join(write_figures_of(data, figures))}")


@app.command()
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
    """Compare actual values with the forecast's bands: abnormal days, the worst first, and how often that is right."""
    from cluster.screen.days import show_alerts
    from cluster.stages.monitoring import monitor_run

    show_alerts(monitor_run(run_dir, actuals, labels, label), _screens()[0], as_json)


@app.command()
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
    """Forecast what follows new data with the members and the blend of a run, without training."""
    from cluster.rundir.external import External
    from cluster.screen.cash import show_cash
    from cluster.stages.prediction import predict as forecast
    from cluster.terminal.words import counted

    said, err = _screens()
    external = External(allow_external, tuple(set_ or ()))
    found = forecast(run_dir, data, as_of=as_of, update=update, external=external)
    for note in found.notes:
        err.say(f"tidecast: {note}")
    periods = counted(found.window.horizon, found.noun)
    said.say(f"{periods}, {found.window.start} to {found.window.end}, in {found.write(out)}")
    show_cash(found.cash, found.money, said)


@app.command()
def evaluate(run_dir: RunDirArgument, as_json: JsonOption = False) -> None:
    """Judge the configuration of a run window by window, had it been used; from stored forecasts, without training."""
    from cluster.screen.scores import show_evaluation
    from cluster.stages.evaluation import evaluate_run

    show_evaluation(evaluate_run(run_dir), _screens()[0], as_json)


@app.command()
def verify(
    run_dir: RunDirArgument,
    data: Annotated[
        str | None, typer.Option("--data", metavar="PATH", callback=at_home, help="the data that the run was given")
    ] = None,
    retrain: Annotated[
        float, typer.Option(min=0, max=1, metavar="SHARE", help="train this share of the trials again, and compare")
    ] = 0.0,
    allow_external: ExternalOption = False,
    set_: AgainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that a run directory is what its run wrote: digests, layouts, versions, the data, and trials trained again.
    Exit code 2 where it is not.
    """
    from cluster.rundir.external import External
    from cluster.screen.checks import show_checks
    from cluster.verification.verify import verify_run

    checks = verify_run(run_dir, data, retrain, External(allow_external, tuple(set_ or ())))
    raise typer.Exit(2 if show_checks(checks, _screens()[0], as_json) else 0)


@app.command()
def status(
    run_dir: RunDirArgument,
    watch: Annotated[bool, typer.Option("--watch", help="look again every few seconds until the run is done")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say how far a run is, from any machine that sees its directory."""
    import time

    from cluster.rundir.status import read_status
    from cluster.rundir.store import RunStore
    from cluster.screen.work import show_status
    from cluster.terminal.streams import has_reader

    out, _ = _screens()
    while True:
        found = read_status(RunStore(run_dir))
        show_status(found, out, as_json)
        if not watch or found.state != "running" or not has_reader(sys.stdout):
            return
        time.sleep(WATCH_SECONDS)


@app.command()
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
    show_score(found, _screens()[0], as_json)


@app.command()
@with_asked
def explore(
    asked: AskedOfData,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=at_home, help="the page; default explore-NAME.html, none with --json"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the data show before any model, and write it as one page with pictures. Trains nothing."""
    from cluster.exploration import default_page
    from cluster.exploration import explore as look
    from cluster.screen.days import show_explored

    found = look(asked.request())
    page = html if html is not None or as_json else default_page(asked.data)
    show_explored(found, None if page is None else found.to_html(page), *_screens(), as_json)


if __name__ == "__main__":
    main()
