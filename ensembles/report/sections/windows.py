"""Each backtest window: what was chosen then, what every contender scored, and what the bands held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ensembles.files.leaderboard_json import CoverageRow, WindowRow
from ensembles.report.context import ReportContext
from ensembles.report.section import Section

__all__ = ["SECTION", "WindowFacts", "WindowScores"]


@dataclass(frozen=True)
class WindowScores:
    """A window with the blend's `methods` per target, the best single member then, and the contenders' scores.

    `real` is False where nothing could be chosen yet.
    """

    window: WindowRow
    methods: Mapping[str, str]
    real: bool
    pick: str | None
    scores: tuple[float, ...]


@dataclass(frozen=True)
class WindowFacts:
    """`contenders` name the scores of each window; `best_member` would be picked now; `coverage` is by target and
    level.
    """

    windows: tuple[WindowScores, ...]
    contenders: tuple[str, ...]
    best_member: str | None
    coverage: Mapping[str, Mapping[int, CoverageRow]]


def window_facts(context: ReportContext) -> WindowFacts:
    board, contenders = context.results.board, context.contenders
    best = board.best_single
    names = tuple(contenders.forecasts) if contenders else ()
    return WindowFacts(_windows(context), names, best.member if best else None, board.coverage)


def _windows(context: ReportContext) -> tuple[WindowScores, ...]:
    board, blend, contenders = context.results.board, context.results.blend, context.contenders
    if blend is None or contenders is None:
        return ()
    picks = board.best_single.picks if board.best_single else (None,) * len(board.windows)
    scores = [contenders.judge.per_window(y_hat) for y_hat in contenders.forecasts.values()]
    return tuple(
        WindowScores(window, choice.methods, choice.real, picks[i], tuple(float(values[i]) for values in scores))
        for i, (window, choice) in enumerate(zip(board.windows, blend.choices, strict=True))
    )


SECTION = Section("windows", "Windows", 60, "windows.j2", window_facts)
