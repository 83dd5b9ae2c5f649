"""The end of a run: how the blend and the settings did, and where everything is."""

from __future__ import annotations

import numpy as np

from cluster.screen.leaderboard import summary_table
from cluster.stages.finish import RunResult
from cluster.terminal.screen import Screen
from cluster.terminal.words import counted
from forecasting.schema import FloatArray

__all__ = ["show_result"]

MOST = 8
"""Series named that were left out."""
SPARKS = "▁▂▃▄▅▆▇█"


def show_result(result: RunResult, out: Screen) -> None:
    """The summary, what failed, the forecast as a picture of one line, and the files."""
    out.print(summary_table(result.board, out.width, result.noun))
    out.say(result.headline)
    for sentence in result.signals:
        out.say(sentence)
    for row in result.board.rows:
        if row.status != "ok":
            out.say(f"failed: {row.member}: {row.reason}")
    if broken := result.board.broken_series:
        names = ", ".join(list(broken)[:MOST]) + (" …" if len(broken) > MOST else "")
        uid, reason = next(iter(broken.items()))
        left = counted(len(broken), "series")
        out.say(f"left out: {left} (reasons in leaderboard.json): {names}; the first: {uid}: {reason}")
    for target, (recent, forecast) in result.outlook.items():
        out.say(f"{target:>12} {_spark(recent, forecast)}")
    out.say(f"forecast: {counted(result.n_days, result.noun)}, {result.start} to {result.end}, in {result.uri}")
    pictures = ("  signals.csv" if result.signals else "") + ("  figures.html" if result.has_figures else "")
    out.say(f"  submission.csv  forecast.csv (for people)  report.html  leaderboard.csv{pictures}")


def _spark(recent: FloatArray, forecast: FloatArray) -> str:
    """The last periods and the forecast as a line of small bars, on one scale from zero, or from the lowest below."""
    both = np.concatenate([recent, forecast])
    bottom = min(float(both.min()), 0.0)
    span = max(float(both.max()), 0.0) - bottom or 1.0

    def bars(values: FloatArray) -> str:
        heights = (values - bottom) / span * len(SPARKS)
        return "".join(SPARKS[min(len(SPARKS) - 1, int(height))] for height in heights)

    return f"{bars(recent)} → {bars(forecast)}"
