"""The end of a run: how the blend and the settings did, what is forecast, which file to open and what to do next."""

from __future__ import annotations

from shlex import quote
from typing import Any

import numpy as np

from cluster.screen.cash import show_cash
from cluster.screen.leaderboard import summary_table
from cluster.screen.text import period
from cluster.stages.finish import RunResult
from cluster.terminal.screen import Screen, print_json
from cluster.terminal.words import counted
from forecasting.schema import FloatArray

__all__ = ["show_result"]

MOST = 8
"""Series named that were left out."""
SPARKS = "▁▂▃▄▅▆▇█"
MARGIN = 16
"""Characters of a picture's line beside its bars."""


def show_result(result: RunResult, out: Screen, as_json: bool = False) -> None:
    """The summary, what failed, and then what everybody reads: the forecast, how good it was, the files, what to do."""
    if as_json:
        print_json(_result_json(result))
        return
    out.print(summary_table(result.board, out.width, result.noun))
    out.tell(_legend(result))
    out.tell(f"{result.headline}.")
    if result.words.units:
        out.tell(result.words.units)
    if result.words.choice:
        out.tell(result.words.choice)
    for sentence in result.signals:
        out.say(sentence)
    _show_missing(result, out)
    out.say("")
    out.say(f"forecast: {counted(result.n_days, result.noun)}, {result.start} to {result.end}, in {result.uri}")
    if result.words.totals:
        out.tell(f"in all: {result.words.totals}")
    for sentence in result.planned:
        out.tell(sentence)
    for target, (recent, forecast) in result.outlook.items():
        out.say(f"{target:>12} {_spark(recent, forecast, out.width - MARGIN)}")
    if result.outlook:
        out.tell(f"{'':>12} each bar a {period(result.noun)[2:]}: before → forecast")
    if result.money is not None:
        show_cash(result.cash, result.money, out)
    for sentence in (result.words.accuracy, result.truth):
        if sentence:
            out.tell(sentence)
    _show_next(result, out)


def _result_json(result: RunResult) -> dict[str, Any]:
    """What the lines of a run's end say, as plain values; README.md of this folder lists them."""
    return {
        "run_dir": result.uri,
        "report": result.report,
        "start": result.start,
        "end": result.end,
        "periods": result.n_days,
        "noun": result.noun,
        "headline": result.headline,
        "totals": result.words.totals,
        "accuracy": result.words.accuracy,
        "choice": result.words.choice,
        "units": result.words.units,
        "truth": result.truth,
        "signals": list(result.signals),
        "leaderboard": result.board.model_dump(mode="json"),
    }


def _legend(result: RunResult) -> str:
    """What the table shows, once."""
    names = "month or window" if len(result.board.windows) > 1 else "window"
    return (
        f"Each row is a model with its settings, or the blend of the models, which is the forecast. Each {names} was "
        "forecast from the data before it. seeds: trainings from different random starts; mean ± sd: of their scores."
    )


def _show_missing(result: RunResult, out: Screen) -> None:
    """Members that failed, and series that are left out."""
    for row in result.board.rows:
        if row.status != "ok":
            out.say(f"failed: {row.member}: {row.reason}")
    if broken := result.board.broken_series:
        names = ", ".join(list(broken)[:MOST]) + (" …" if len(broken) > MOST else "")
        uid, reason = next(iter(broken.items()))
        left = counted(len(broken), "series")
        out.say(f"left out: {left} (reasons in leaderboard.json): {names}; the first: {uid}: {reason}")


def _show_next(result: RunResult, out: Screen) -> None:
    """The files, and the commands that come next."""
    pictures = "  cash.csv" if any(found.total.opening is not None for found in result.cash) else ""
    pictures += "  totals.csv" if result.has_totals else ""
    pictures += ("  signals.csv" if result.signals else "") + ("  figures.html" if result.has_figures else "")
    out.say(f"  submission.csv  forecast.csv (for people)  report.html  leaderboard.csv{pictures}")
    out.say_file("open: ", result.report)
    if result.truth:
        out.say("next: tidecast run YOUR.csv                            your own table: a date and amounts")
    else:
        place = quote(result.uri)
        out.say(f"next: tidecast monitor {place} --actuals FILE    when these {result.noun} are known: compare")
        out.say(f"      tidecast predict {place} --data NEW        forecast from newer data, without training")


def _spark(recent: FloatArray, forecast: FloatArray, width: int) -> str:
    """The last periods and the forecast as a line of small bars, on one scale from zero, or from the lowest below; a
    gap where the amount is not known.

    Where they do not fit into `width`, fewer of the last periods are shown, and as many of the first to come.
    """
    most = max(1, (width - 3) // 2)
    recent, forecast = recent[-most:], forecast[:most]
    both = np.concatenate([recent, forecast])
    bottom = min(float(np.nanmin(both)), 0.0)
    span = max(float(np.nanmax(both)), 0.0) - bottom or 1.0

    def bars(values: FloatArray) -> str:
        heights = (values - bottom) / span * len(SPARKS)
        return "".join(" " if np.isnan(h) else SPARKS[min(len(SPARKS) - 1, int(h))] for h in heights)

    return f"{bars(recent)} → {bars(forecast)}"
