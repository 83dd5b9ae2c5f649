"""leaderboard.csv: the leaderboard's rows, one column per window and per measure of a target; also as a table."""

from __future__ import annotations

from collections.abc import Iterator

from ensembles.exports.layout import Cell, csv_for_people
from ensembles.files.leaderboard_json import LeaderboardFile, LeaderboardRow, TargetMeasures

__all__ = ["leaderboard_csv", "leaderboard_table"]

MEASURES = tuple(TargetMeasures.model_fields)
PLAIN = ("member", "family", "setting", "seed", "status", "reason", "score", "score_x30", "score_in_sample")


def leaderboard_csv(board: LeaderboardFile) -> bytes:
    """The header and the rows of `leaderboard_table`."""
    header, rows = leaderboard_table(board)
    return csv_for_people([header, *rows])


def leaderboard_table(board: LeaderboardFile) -> tuple[list[str], list[list[Cell]]]:
    """Columns, and rows in the order of the leaderboard; a window's column is named by its first day."""
    names = [f"{target}_{measure}" for target in board.weights for measure in MEASURES]
    header = [*PLAIN, *(window.start for window in board.windows), *names, "seconds", "device"]
    return header, [list(_cells(row, board)) for row in board.rows]


def _cells(row: LeaderboardRow, board: LeaderboardFile) -> Iterator[Cell]:
    yield from (getattr(row, name) for name in PLAIN)
    yield from row.per_window or [None] * len(board.windows)
    for target in board.weights:
        measures = row.targets.get(target, TargetMeasures())
        yield from (getattr(measures, name) for name in MEASURES)
    yield from (row.seconds, row.device)
