"""Reports of stored runs: what `tidecast run` ends with, and what can be made again from its directory alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.config import expand_members, parse_config
from cluster.rundir.run_facts import judged_run
from cluster.rundir.storage import Storage
from cluster.rundir.store import RunStore
from ensembles.evaluation.run_results import LearningCurve, RunResults
from ensembles.files.blend_json import BlendFile
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.history_parquet import HistoryFile
from ensembles.files.leaderboard_json import LeaderboardFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.run_json import RunFile
from ensembles.report.context import ReportContext
from ensembles.report.page import render
from forecasting.models.base import DamagedState, State
from forecasting.models.states import check_training, damaged

if TYPE_CHECKING:
    from ensembles.evaluation.compare import Comparison

__all__ = [
    "compare_runs",
    "report_data",
    "write_comparison",
    "write_figures_of",
    "write_reports",
]


def report_data(store: RunStore) -> RunResults:
    """Everything a report is made of, from the stored files.

    Raises
    ------
    StorageError
        When the directory holds no run that came to an end.
    """
    run = judged_run(store)
    return RunResults(
        board=store.read(LeaderboardFile),
        blend=store.read(BlendFile) if store.has(BlendFile) else None,
        run=run,
        oof=store.read(OofFile) if store.has(OofFile) else None,
        forecast=store.read(ForecastFile) if store.has(ForecastFile) else None,
        history=store.read(HistoryFile) if store.has(HistoryFile) else None,
        learning=_learning(store, run),
    )


def _learning(store: RunStore, run: RunFile) -> dict[str, list[LearningCurve]]:
    """Learning curves of the final fits whose states were kept, by setting."""
    names = {m.member_id: m.setting for m in expand_members(parse_config(run.config, "run.json"), run.axis)}
    curves: dict[str, list[LearningCurve]] = defaultdict(list)
    stored = store.trials()
    for files in store.kept_states().values():
        for key, state in store.states(files).items():
            member_id = stored[key].row.member_id if key in stored else None
            if member_id in names and "train_loss" in state.meta:
                curves[names[member_id]].append(_curve(state, f"{store.uri}/{stored[key].file}"))
    return dict(curves)


def _curve(state: State, where: str) -> LearningCurve:
    try:
        check_training(state.meta)
    except DamagedState as error:
        raise damaged(where, str(error)) from None
    return LearningCurve(state.meta["train_loss"], state.meta.get("valid_loss", []))


def write_reports(store: RunStore) -> ReportContext:
    """Write the files for people from what is stored: the tables in CSV and report.html."""
    from ensembles.exports.alerts import alerts_csv
    from ensembles.exports.cash import cash_csv
    from ensembles.exports.cash_json import CashFile
    from ensembles.exports.forecast import forecast_files
    from ensembles.exports.leaderboard import leaderboard_csv
    from ensembles.exports.signals import signals_csv
    from ensembles.exports.submission import RESULT_TABLE, SUBMISSION
    from ensembles.exports.totals import totals_csv
    from ensembles.exports.why import WHY, why_csv
    from ensembles.risk.cash.of_run import quantiles_of_sums
    from ensembles.treasury.totals import totals_of

    results = report_data(store)
    context, amounts, forecast = ReportContext.of(results), results.run.amounts, results.forecast
    cash, alerts, signals, why = context.cash_by_unit, context.alerts, context.signals, context.explanation
    made: dict[str, bytes | None] = {
        **dict.fromkeys((SUBMISSION, RESULT_TABLE, "forecast.csv")),
        "leaderboard.csv": leaderboard_csv(results.board),
        "cash.csv": cash_csv(cash, results.calendar, amounts) if cash else None,
        CashFile.FILE: CashFile.of(cash, amounts).to_bytes() if cash else None,
        "alerts.csv": None if alerts is None else alerts_csv(alerts, amounts),
        WHY: None if why is None else why_csv(why, amounts),
        "signals.csv": None if signals is None else signals_csv(signals),
        "totals.csv": None,
    }
    if forecast is not None:
        last = {} if results.history is None else results.history.last_known()
        signal = results.run.config.get("signal")
        made |= forecast_files(forecast, results.targets, results.calendar, amounts, signal, last)
        if (hierarchy := results.run.hierarchy) is not None:
            sums = None if results.oof is None else quantiles_of_sums(results.run, results.oof, forecast)
            made["totals.csv"] = totals_csv(totals_of(forecast, hierarchy, results.targets, amounts, sums), amounts)
    for name, content in made.items():
        store.write_result(name, content)
    store.write_result("report.html", render(context).encode())
    store.seal()
    return context


def write_figures_of(context: ReportContext, folder: str) -> Sequence[str]:
    """Write the report's charts as PNG and SVG into a folder; gives their names."""
    from ensembles.report.charts.image_files import chart_files
    from ensembles.report.page import report_charts

    files = chart_files(report_charts(context))
    storage = Storage(folder)
    for name, content in files.items():
        storage.write(name, content)
    return sorted(files)


def compare_runs(run_dirs: Sequence[str]) -> Comparison:
    """Runs side by side, held against the first."""
    from ensembles.evaluation.compare import compare

    return compare([(store.uri, report_data(store)) for store in map(RunStore, run_dirs)])


def write_comparison(found: Comparison, csv: Path | None, html: Path | None) -> None:
    """Write a comparison as CSV and as one HTML page, where asked for."""
    from ensembles.exports.comparison import comparison_csv
    from ensembles.report.page import render_comparison

    if csv is not None:
        Storage(str(csv.parent)).write(csv.name, comparison_csv(found))
    if html is not None:
        Storage(str(html.parent)).write(html.name, render_comparison(found).encode())
