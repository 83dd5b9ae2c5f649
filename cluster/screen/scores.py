"""Scores apart from the leaderboard: of a configuration, of a submission, of runs side by side."""

from __future__ import annotations

from cluster.screen.text import fits_windows, is_narrow, number, period, score_title, table_of
from cluster.terminal.screen import Screen, print_json
from cluster.terminal.words import counted
from ensembles.evaluation.compare import ComparedRun, Comparison
from ensembles.evaluation.evaluate import Contender, Evaluation
from ensembles.evaluation.submission_score import SubmissionScore
from ensembles.exports.comparison import comparison_rows
from forecasting.schema import BLEND

__all__ = ["show_comparison", "show_evaluation", "show_score"]


def show_evaluation(evaluation: Evaluation, out: Screen, as_json: bool) -> None:
    """The blend against what else one could have done, with intervals."""
    if as_json:
        print_json(evaluation.as_json())
        return
    interval = f"{evaluation.confidence:.0%} interval"
    judged = counted(evaluation.n_days, evaluation.noun)
    table = table_of(title=f"score: {score_title(evaluation.surrogate, evaluation.noun)}; {judged}")
    table.add_column("", overflow="fold")
    windows = evaluation.cutoffs if fits_windows(out.width, len(evaluation.cutoffs)) else ()
    for name in ("score", interval, *windows, "ahead by", interval):
        table.add_column(name, justify="right", no_wrap=True)
    for row in evaluation.contenders:
        table.add_row(*_contender_cells(row, len(windows)))
    out.print(table)
    out.tell(f"ahead by: points that the blend scored more; intervals: {evaluation.intervals}; windows by cutoff")
    if evaluation.units:
        out.tell(evaluation.units)


def _contender_cells(row: Contender, n_windows: int) -> list[str]:
    ahead = ("", "") if row.name == BLEND else (f"{row.ahead:+z.2f}", _interval(row.ahead_low, row.ahead_high, "+z.2f"))
    scores = [f"{value:z.2f}" for value in row.per_window[:n_windows]]
    return [row.name, f"{row.score:z.2f}", _interval(row.low, row.high, "z.2f"), *scores, *ahead]


def _interval(low: float | None, high: float | None, form: str) -> str:
    return "too short" if low is None or high is None else f"{low:{form}} to {high:{form}}"


def show_score(score: SubmissionScore, out: Screen, as_json: bool) -> None:
    """The score of a submission, per target and in total."""
    if as_json:
        print_json(score.as_json())
        return
    for note in score.notes:
        out.say(note)
    one, title = period(score.noun), f"{score_title(score.surrogate, score.noun)}, higher is better"
    table = table_of("target", f"points {one}", "MAPE", "zero days", title=title)
    for name, target in score.targets.items():
        share = "-" if target.mape != target.mape else f"{target.mape:.1%}"
        table.add_row(name, f"{target.score:z.3f}", share, str(target.zero_days))
    out.print(table)
    month = "" if score.score_x30 is None else f", {score.score_x30:z.1f} over 30 days"
    out.say(f"total {score.score:z.3f} {one}{month} ({_days(score)}, {score.start} to {score.end})")


def _days(score: SubmissionScore) -> str:
    """How many days were judged, and of how many."""
    expected = counted(score.n_expected, score.noun)
    lacking = score.n_expected - score.n_rows
    return f"{score.n_rows} of {expected}, {lacking} missing" if lacking else expected


def show_comparison(found: Comparison, out: Screen, as_json: bool) -> None:
    """Runs side by side: scores, the paired difference to the first, and what changed."""
    if as_json:
        changes = [{"key": change.key, "values": list(change.values)} for change in found.changes]
        print_json({"surrogate": found.surrogate, "runs": comparison_rows(found), "changes": changes})
        return
    names = ("run", "score", "ahead by", "90% interval", "windows", "methods", "note")
    shown = [name for name in names if not (is_narrow(out.width) and name == "windows")]
    table = table_of(*shown, whole=("score", "90% interval", "windows"))
    for run in found.runs:
        cells = dict(zip(names, _run_cells(run), strict=True))
        table.add_row(*(cells[name] for name in shown))
    out.print(table)
    out.tell("ahead by: points more than the first run, on the days that both forecast")
    if close := [run.name for run in found.runs if run.ahead is not None and _is_close(*run.ahead.interval)]:
        out.tell(f"too close to call: {', '.join(close)}: the interval includes zero")
    if found.changes:
        out.say("what differs between the runs:")
    for change in found.changes:
        out.say(f"  {change.key}: {' | '.join(change.values)}")


def _is_close(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low <= 0 <= high


def _run_cells(run: ComparedRun) -> list[str]:
    score = None if run.score is None else run.score.value
    ahead = "" if run.ahead is None else f"{run.ahead.value:+z.2f}"
    interval = "" if run.ahead is None else _interval(*run.ahead.interval, "+z.2f")
    return [run.name, number(score), ahead, interval, str(run.n_shared or ""), run.methods, run.note]
