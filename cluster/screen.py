"""What a person sees on the terminal: tables for people, JSON for programs, both on stdout."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from cluster.rundir.store import RunStore
from forecasting.errors import StorageError
from forecasting.schema import BLEND, FloatArray, iso

if TYPE_CHECKING:
    from cluster.pipeline import PlanView
    from cluster.rundir.status import RunStatus
    from cluster.stages.finish import RunResult
    from cluster.stages.reports import Monitored
    from ensembles.evaluation.compare import Comparison
    from ensembles.evaluation.evaluate import Evaluation
    from ensembles.files.submission_csv import SubmissionScore
    from ensembles.risk.alert_quality import AlertQuality
    from forecasting.data.quality.finding import Finding

__all__ = [
    "show_alerts",
    "show_comparison",
    "show_evaluation",
    "show_findings",
    "show_leaderboard",
    "show_plan",
    "show_result",
    "show_score",
    "show_status",
]

SPARKS = "▁▂▃▄▅▆▇█"
TOP_ROWS = 15
"""Settings shown after a run."""
TOP_ALERTS = 40
NARROW, WINDOW_WIDTH = 90, 10
"""Characters the summary needs without windows, and for each of them."""


def show_result(result: RunResult, out: Console) -> None:
    """The end of a run: how the blend and the settings did, and where everything is."""
    out.print(_summary(result.board, out.width))
    _say(out, result.headline)
    for row in result.board["rows"]:
        if row["status"] != "ok":
            _say(out, f"failed: {row['member']}: {row['reason']}")
    if broken := result.board["broken_series"]:
        uid, reason = next(iter(broken.items()))
        _say(out, f"left out: {len(broken)} series (reasons in leaderboard.json); the first: {uid}: {reason}")
    for target, (recent, forecast) in result.outlook.items():
        _say(out, f"{target:>12} {_spark(recent, forecast)}")
    _say(out, f"forecast: {result.n_days} days, {result.start} to {result.end}, in {result.uri}")
    pictures = "  figures.html" if result.has_figures else ""
    _say(out, f"  submission.csv  forecast.csv (for people)  report.html  leaderboard.csv{pictures}")


def _spark(recent: FloatArray, forecast: FloatArray) -> str:
    """The last days and the forecast as a line of small bars, on one scale from zero."""
    top = max(float(recent.max()), float(forecast.max()), 1e-9)

    def bars(values: FloatArray) -> str:
        return "".join(SPARKS[min(len(SPARKS) - 1, int(value / top * len(SPARKS)))] for value in values)

    return f"{bars(recent)} → {bars(forecast)}"


def _say(out: Console, text: str) -> None:
    """A line that is never wrapped or read as markup, so that paths in it can be copied."""
    out.print(Text(text), soft_wrap=True)


def _summary(board: Mapping[str, Any], width: int) -> Table:
    """The blend among settings (seeds averaged), best first, in the width there is."""
    blend = next(row for row in board["rows"] if row["family"] == BLEND)
    months = _window_names(board) if width >= NARROW + WINDOW_WIDTH * len(board["windows"]) else []
    table = Table(title=_title(board), box=box.SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    table.add_column("family")
    table.add_column("score", justify="right")
    for month in months:
        table.add_column(month, justify="right")
    table.add_column("seeds", justify="right")
    table.add_column("mean ± sd", justify="right", no_wrap=True)
    rows = [
        {"setting": BLEND, "family": BLEND, "score_of_average": blend["score"], "n_seeds": None},
        *board["settings"],
    ]
    per_window = {row["setting"]: row["per_window"] for row in board["settings"]} | {BLEND: blend["per_window"]}
    for row in sorted(rows, key=lambda row: -row["score_of_average"])[:TOP_ROWS]:
        spread = "" if row.get("sd") is None else f"{row['mean']:.2f} ± {row['sd']:.2f}"
        windows = [_number(value) for value in per_window[row["setting"]]] if months else []
        seeds = "" if row["n_seeds"] in (None, 1) else str(row["n_seeds"])
        style = "bold" if row["family"] == BLEND else None
        table.add_row(
            row["setting"], row["family"], _number(row["score_of_average"]), *windows, seeds, spread, style=style
        )
    return table


def _window_names(board: Mapping[str, Any]) -> list[str]:
    """Months where windows are months, else first days."""
    starts = [str(window["start"]) for window in board["windows"]]
    return [start[:7] for start in starts] if all(start.endswith("-01") for start in starts) else starts


def _title(board: Mapping[str, Any]) -> str:
    return f"{board['sort']}: points a day, 0 to 10, higher is better ({board['surrogate']} surrogate)"


def leaderboard_table(board: Mapping[str, Any], width: int) -> Table:
    """Every row, best first; windows where there is room for all of them."""
    shown = width >= NARROW + WINDOW_WIDTH * len(board["windows"])
    more = None if shown else f"{len(board['windows'])} windows: --json, or leaderboard.csv in the run directory"
    table = Table(title=_title(board), box=box.SIMPLE_HEAD, caption=more)
    table.add_column("member", no_wrap=True)
    table.add_column("family", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    for name in _window_names(board) if shown else ():
        table.add_column(name, justify="right", no_wrap=True)
    for target in board["weights"]:
        table.add_column(f"{target} MAPE", justify="right")
    table.add_column("status")
    for row in board["rows"]:
        mapes = [row["targets"][target]["mape"] for target in board["weights"]]
        table.add_row(
            row["member"],
            row["family"],
            _number(row["score"]),
            *(_number(value) for value in (row["per_window"] or [None] * len(board["windows"])) if shown),
            *("-" if value is None else f"{value:.1%}" for value in mapes),
            row["status"] if row["reason"] is None else f"{row['status']}: {row['reason']}",
            style="bold" if row["family"] == BLEND else None,
        )
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def show_leaderboard(store: RunStore, out: Console, as_json: bool) -> None:
    """The whole leaderboard of a stored run."""
    if not store.storage.exists("leaderboard.json"):
        raise StorageError(f"{store.uri} holds no leaderboard: name the directory of a finished run")
    board = store.read_json("leaderboard.json")
    if as_json:
        print(json.dumps(board, ensure_ascii=False))
    else:
        out.print(leaderboard_table(board, out.width))


def show_plan(view: PlanView, out: Console) -> None:
    """Counts, batches and placement of a run that was not started."""
    plan, slots = view.plan, view.slots
    windows = plan.windows
    cutoffs = ", ".join(iso(w.cutoff) for w in windows.backtest)
    _say(out, f"data      {len(view.panel.series)} series, {iso(view.panel.ds[0])} to {iso(view.panel.end)}")
    _say(out, f"windows   {len(windows.backtest)} backtest (cutoffs {cutoffs}), final {iso(windows.final.cutoff)}")
    _say(out, f"work      {len(plan.members)} members, {len(plan.trials)} trials, {plan.n_fits} fits")
    _say(out, f"          {view.n_reused} trials are finished and will be reused")
    shared = " on the same CPUs" if slots.shared else ""
    _say(out, f"places    {slots.workers} LSTM workers, {slots.tasks} tasks{shared}; {slots.explain()}")
    names = ("family", "model", "device", "batches", "fits", "fits a batch", "CPU seconds", "from")
    table = Table(*names, box=box.SIMPLE_HEAD)
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for batch in view.batches:
        groups.setdefault((batch.family, batch.trials[0].member.model, batch.device), []).append(batch)
    total = 0.0
    for (family, model, device), batches in groups.items():
        fits = [batch.n_fits for batch in batches]
        measured = view.timings.get((model, device))
        seconds = sum(batch.cost for batch in batches) if measured is None else measured * sum(fits)
        total += seconds
        origin = "a guess" if measured is None else "the run's timings"
        row = (family, model, device, len(batches), sum(fits), max(fits), f"{seconds:.0f}", origin)
        table.add_row(*(str(cell) for cell in row))
    out.print(table)
    places = max(1, slots.workers if slots.shared else slots.workers + slots.tasks)
    _say(out, f"about {total / places:.0f} s of training with all {places} places busy")


def show_status(status: RunStatus, out: Console, as_json: bool) -> None:
    """How far a run is."""
    if as_json:
        print(json.dumps(asdict(status), ensure_ascii=False))
        return
    owner = f" by {status.owner}" if status.owner else ""
    _say(out, f"{status.state}{owner}: {status.done} of {status.planned} fits")
    table = Table("family", "done", "planned", "failed trials", "seconds", box=box.SIMPLE_HEAD)
    for name, family in status.families.items():
        table.add_row(name, str(family.done), str(family.planned), str(family.failed), f"{family.seconds:.0f}")
    out.print(table)
    for node, batches in sorted(status.nodes.items()):
        _say(out, f"  {node}: {batches} batches")
    for failure in status.failures:
        _say(out, f"  failed: {failure}")


def show_evaluation(evaluation: Evaluation, out: Console, as_json: bool) -> None:
    """The blend against what else one could have done, with intervals."""
    if as_json:
        print(json.dumps(evaluation.as_json(), ensure_ascii=False))
        return
    share = f"{evaluation.confidence:.0%}"
    table = Table(title=f"{evaluation.surrogate} surrogate, {evaluation.n_days} days", box=box.SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    fits = out.width >= NARROW + WINDOW_WIDTH * len(evaluation.cutoffs)
    windows = evaluation.cutoffs if fits else ()
    for name in ("score", f"{share} interval", *windows, "blend ahead by", f"{share} interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in evaluation.contenders:
        ahead = (
            ("", "") if row.name == BLEND else (f"{row.ahead:+.2f}", f"{row.ahead_low:+.2f} to {row.ahead_high:+.2f}")
        )
        scores = [f"{value:.2f}" for value in row.per_window[: len(windows)]]
        table.add_row(row.name, f"{row.score:.2f}", f"{row.low:.2f} to {row.high:.2f}", *scores, *ahead)
    out.print(table)
    _say(out, f"intervals: block bootstrap, blocks of {evaluation.block_days} days; columns of windows by cutoff")


def show_score(score: SubmissionScore, out: Console, as_json: bool) -> None:
    """The score of a submission, per target and in total."""
    if as_json:
        print(json.dumps(score.as_json(), ensure_ascii=False))
        return
    table = Table("target", "points a day", "MAPE", "zero days", title=f"{score.surrogate} surrogate, higher is better")
    for name, target in score.targets.items():
        share = "-" if target.mape != target.mape else f"{target.mape:.1%}"
        table.add_row(name, f"{target.score:.3f}", share, str(target.zero_days))
    out.print(table)
    out.print(f"total {score.score:.3f} a day, {score.score_x30:.1f} over 30 days ({score.start} to {score.end})")


def show_findings(findings: Sequence[Finding], out: Console, as_json: bool) -> None:
    """Data quality as rows, errors first."""
    if as_json:
        print(json.dumps([vars(finding) for finding in findings], ensure_ascii=False))
        return
    table = Table("severity", "check", "count", "first at", "value", "remedy", title="data quality")
    for finding in findings:
        row = (finding.severity, finding.check, str(finding.count), finding.where, finding.value, finding.remedy)
        table.add_row(*(Text(str(cell or "")) for cell in row))
    out.print(table)


def show_alerts(monitored: Monitored, out: Console, as_json: bool) -> None:
    """Abnormal days, the worst first; where days are labelled, how often an alert is right."""
    found = monitored.alerts
    if as_json:
        rows = [asdict(alert) for alert in found.alerts]
        known = {"alerts": [row | {"severity": _finite(row["severity"])} for row in rows]}
        quality = [{"severity": at, **q.as_json()} for at, q in monitored.quality.items()]
        print(json.dumps(known | ({"quality": quality} if quality else {}), ensure_ascii=False, default=str))
        return
    scale = 100 if monitored.unit == "fen" else 1
    names = ("series", "day", "", "side", "actual, CNY", "band, CNY", "level", "severity")
    table = Table(*names, box=box.SIMPLE_HEAD)
    for alert in found.alerts[:TOP_ALERTS]:
        day = f"{alert.weekday} {alert.day_type} {alert.holiday} {alert.event}".strip()
        band = f"{alert.low / scale:,.0f} to {alert.high / scale:,.0f}"
        row = (alert.unique_id, alert.ds, day, alert.side, f"{alert.y / scale:,.0f}", band, f"{alert.level}%")
        table.add_row(*(Text(cell) for cell in (*row, f"{alert.severity:.2f}")))
    out.print(table)
    if len(found.alerts) > TOP_ALERTS:
        _say(out, f"and {len(found.alerts) - TOP_ALERTS} more; --json gives all")
    inside = ", ".join(f"{count} inside the {level}% band" for level, count in found.inside.items())
    _say(out, f"{found.n_days} days of {found.start} to {found.end}: {inside}")
    if monitored.quality:
        _show_quality(monitored.quality, out)


def _show_quality(quality: Mapping[float, AlertQuality], out: Console) -> None:
    """Precision and recall by the severity from which an alert counts."""
    names = ("alerts of severity", "alerts", "right", "precision", "anomalies", "found", "recall", "days to the alert")
    table = Table(*(Column(name, justify="right") for name in names), box=box.SIMPLE_HEAD)
    for severity, q in quality.items():
        counts = (f"{q.n_alerts}", f"{q.n_right}", _share(q.precision), f"{q.n_anomalies}", f"{q.n_found}")
        wait = "" if math.isnan(q.days_to_alert) else f"{q.days_to_alert:.1f}"
        table.add_row(f"{severity:g} or more" if severity else "any", *counts, _share(q.recall), wait)
    out.print(table)
    edge = quality[1.0]
    kinds = ", ".join(f"{kind} {found} of {every}" for kind, (found, every) in edge.found_by_kind.items())
    _say(out, f"found by alerts of severity 1, the edge of the widest band: {kinds or 'no labelled day was judged'}")


def _finite(value: float) -> float | None:
    """None for the infinite severity of a day without any flow, which JSON cannot hold."""
    return value if math.isfinite(value) else None


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.0%}"


def show_comparison(found: Comparison, out: Console, as_json: bool) -> None:
    """Runs side by side: scores, the paired difference to the first, and what changed."""
    from ensembles.evaluation.compare import comparison_rows

    rows = comparison_rows(found)
    if as_json:
        changes = [{"key": change.key, "values": list(change.values)} for change in found.changes]
        print(json.dumps({"surrogate": found.surrogate, "runs": rows, "changes": changes}, ensure_ascii=False))
        return
    names = ("run", "score", "ahead of the first", "90% interval", "windows", "methods", "note")
    table = Table(*names, box=box.SIMPLE_HEAD)
    for row in rows:
        ahead = "" if row["ahead"] is None else f"{row['ahead']:+.2f}"
        interval = "" if row["ahead"] is None else f"{row['ahead_low']:+.2f} to {row['ahead_high']:+.2f}"
        cells = (row["run"], _number(row["score"]), ahead, interval, row["windows_shared"] or "")
        table.add_row(*(Text(str(cell)) for cell in (*cells, row["methods"], row["note"])))
    out.print(table)
    for change in found.changes:
        _say(out, f"  {change.key}: {' | '.join(change.values)}")
