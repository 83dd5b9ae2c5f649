"""The leaderboard: seeds folded into their setting, single seeds as compact data beside, and what failed."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from ensembles.files.leaderboard_json import CANDIDATE, LeaderboardFile, LeaderboardRow, SettingRow, TargetMeasures
from ensembles.report.context import ReportContext
from ensembles.report.section import Section
from forecasting.schema import BLEND

__all__ = ["SECTION", "BoardColumn", "BoardFacts", "BoardRow", "Failure"]

STATIC_ROWS = 250
"""Rows beyond these are made by the page's script, from compact data."""
MAX_SERIES = 40
"""Series without a forecast that are named."""
MEASURES = ("score", "mape", "weight")
"""Shown of each target."""
MONTH = "×30"
"""Title of the competition's score, the points of a month; other runs have no such column."""
Cell = str | float | None


@dataclass(frozen=True)
class BoardColumn:
    """`form` of its cells is one of `template.FORMS`, or text."""

    title: str
    form: str
    hint: str = ""


class BoardRow(NamedTuple):
    """A row of the table; `kind` is blend, candidate, setting, member, seed or failed. The page's script reads it."""

    kind: str
    cells: Sequence[Cell]

    @property
    def rank(self) -> tuple[bool, float, bool, str]:
        """Sorts the best first."""
        name, score = str(self.cells[0]), self.cells[3]
        return (score is None, -float(score or 0), self.kind != BLEND, name)


class Failure(NamedTuple):
    """A member or series that could not be forecast."""

    what: str
    family: str
    why: str | None


@dataclass(frozen=True)
class BoardFacts:
    """`rows` stand in the page itself and `more` are made by its script; `seeds` are single members."""

    columns: Sequence[BoardColumn]
    rows: Sequence[BoardRow]
    more: Sequence[BoardRow]
    seeds: Sequence[BoardRow]
    families: Sequence[str]
    failures: Sequence[Failure]


def board_facts(context: ReportContext) -> BoardFacts:
    """Blend, candidates, settings and failed members, best first."""
    board = context.results.board
    folded, seeds = _folded(board)
    rows = sorted(folded, key=lambda row: row.rank)
    families = sorted({str(row.cells[1]) for row in rows})
    columns = tuple(_columns(board, context.shared.noun))
    if not context.money.amounts.competition:
        kept = [place for place, column in enumerate(columns) if column.title != MONTH]
        columns = tuple(columns[place] for place in kept)
        rows, seeds = ([row._replace(cells=[row.cells[at] for at in kept]) for row in of] for of in (rows, seeds))
    return BoardFacts(columns, rows[:STATIC_ROWS], rows[STATIC_ROWS:], seeds, families, tuple(_failures(board)))


def _columns(board: LeaderboardFile, noun: str) -> Iterator[BoardColumn]:
    yield BoardColumn("member", "text")
    yield BoardColumn("family", "text")
    yield BoardColumn("seeds", "whole")
    yield BoardColumn("score", "points", f"mean points a {noun} on windows not seen; of several seeds their mean")
    yield BoardColumn("± sd", "points", "spread of the seeds' scores")
    yield BoardColumn("averaged", "points", "score of the seeds' averaged forecast")
    yield BoardColumn(MONTH, "tenth", f"points of 30 {noun}s")
    yield BoardColumn("in-sample", "points", "on the windows it was fitted on; chooses nothing")
    monthly = _monthly(board)
    for window in board.windows:
        yield BoardColumn(window.start[:7] if monthly else window.start, "points")
    for target in board.weights:
        yield BoardColumn(target, "points")
        yield BoardColumn(f"{target} MAPE", "percent")
        yield BoardColumn(f"{target} weight", "percent")
    yield BoardColumn("seconds", "tenth")
    yield BoardColumn("device", "text")
    yield BoardColumn("status", "text")


def _monthly(board: LeaderboardFile) -> bool:
    starts = [window.start for window in board.windows]
    return all(start.endswith("-01") for start in starts) and len({s[:7] for s in starts}) == len(starts)


def _folded(board: LeaderboardFile) -> tuple[list[BoardRow], list[BoardRow]]:
    """Rows of the table, and those of single seeds."""
    settings = {(s.family, s.setting): s for s in board.settings}
    groups: dict[tuple[str, str | None], list[LeaderboardRow]] = defaultdict(list)
    rows, seeds = [], []
    for row in board.rows:
        if row.member_id and row.status == "ok":
            groups[row.family, row.setting].append(row)
        else:
            rows.append(BoardRow(_kind(row), _cells(row, board)))
    for (family, setting), members in groups.items():
        if len(members) == 1:
            rows.append(BoardRow("member", _cells(members[0], board)))
            continue
        rows.append(BoardRow("setting", _setting_cells(members, settings.get((family, str(setting))), board)))
        seeds += [BoardRow("seed", _cells(member, board)) for member in members]
    return rows, seeds


def _kind(row: LeaderboardRow) -> str:
    if row.status != "ok":
        return "failed"
    return BLEND if row.family == BLEND else CANDIDATE


def _cells(row: LeaderboardRow, board: LeaderboardFile) -> list[Cell]:
    per_window = row.per_window or (None,) * len(board.windows)
    measures = [_measure(row.targets[target], name) for target in board.weights for name in MEASURES]
    head: list[Cell] = [row.member, row.family, 1 if row.member_id else None, row.score, None, None]
    tail = [_rounded(row.seconds), row.device or "", row.reason or row.outcome]
    return [*head, row.score_x30, row.score_in_sample, *per_window, *measures, *tail]


def _setting_cells(members: Sequence[LeaderboardRow], setting: SettingRow | None, board: LeaderboardFile) -> list[Cell]:
    scores = [m.score for m in members if m.score is not None]
    score = statistics.fmean(scores) if scores else None
    sd = statistics.stdev(scores) if len(scores) > 1 else None
    averaged = None if setting is None else setting.score_of_average
    windows = [m.per_window for m in members if m.per_window]
    means: list[float | None] = [statistics.fmean(values) for values in zip(*windows, strict=True)]
    measures = [_fold([m.targets[target] for m in members], name) for target in board.weights for name in MEASURES]
    devices = sorted({m.device for m in members if m.device})
    seconds = _rounded(sum(m.seconds or 0.0 for m in members))
    head: list[Cell] = [members[0].setting, members[0].family, len(members), score, sd, averaged]
    x30 = None if score is None else score * 30
    return [*head, x30, None, *(means or [None] * len(board.windows)), *measures, seconds, ", ".join(devices), "ok"]


def _fold(members: Sequence[TargetMeasures], name: str) -> float | None:
    """Weights add up, the other measures are averaged."""
    known = [value for measures in members if (value := _measure(measures, name)) is not None]
    if not known:
        return None
    return sum(known) if name == "weight" else statistics.fmean(known)


def _measure(measures: TargetMeasures, name: str) -> float | None:
    found: float | None = getattr(measures, name)
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _failures(board: LeaderboardFile) -> Iterator[Failure]:
    for row in board.rows:
        if row.status != "ok":
            yield Failure(row.member, row.family, row.reason)
    for series, reason in islice(board.broken_series.items(), MAX_SERIES):
        yield Failure(series, "series", reason)
    more = len(board.broken_series) - MAX_SERIES
    if more > 0:
        yield Failure(f"{more:,} more", "series", "leaderboard.json names them, with the reasons")


SECTION = Section("leaderboard", "Leaderboard", 40, "leaderboard.j2", board_facts)
