"""The leaderboard's rows for the page: seeds folded into their setting, single seeds as compact data beside."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ensembles.report.data import ReportData
from forecasting.schema import BLEND

__all__ = ["Column", "Table", "leaderboard_table"]

STATIC_ROWS = 250
"""Rows beyond these are made by the page's script, from compact data."""


@dataclass(frozen=True)
class Column:
    """`form`: text, points, whole or percent."""

    title: str
    form: str
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """`rows` hold kind and cells; `more` as many as do not stand in the page itself; `seeds` single members."""

    columns: Sequence[Column]
    rows: Sequence[tuple[str, Sequence[Any]]]
    more: Sequence[tuple[str, Sequence[Any]]]
    seeds: Sequence[tuple[str, Sequence[Any]]]
    families: Sequence[str]


def leaderboard_table(data: ReportData) -> Table:
    """Blend, candidates, settings and failed members, best first."""
    board = data.board
    columns = _columns(board)
    folded, seeds = _folded(board)
    rows = sorted(folded, key=lambda row: (row[1][3] is None, -(row[1][3] or 0), row[0] != BLEND, row[1][0]))
    families = sorted({str(row[1][1]) for row in rows})
    return Table(columns, rows[:STATIC_ROWS], rows[STATIC_ROWS:], seeds, families)


def _columns(board: Mapping[str, Any]) -> list[Column]:
    columns = [
        Column("member", "text"),
        Column("family", "text"),
        Column("seeds", "whole"),
        Column("score", "points", "mean points a day on windows not seen; of several seeds their mean"),
        Column("± sd", "points", "spread of the seeds' scores"),
        Column("averaged", "points", "score of the seeds' averaged forecast"),
        Column("×30", "tenth", "points of 30 days"),
        Column("in-sample", "points", "on the windows it was fitted on; chooses nothing"),
        *(Column(window["start"][:7] if _monthly(board) else window["start"], "points") for window in board["windows"]),
    ]
    for target in board["weights"]:
        columns += [
            Column(target, "points"),
            Column(f"{target} MAPE", "percent"),
            Column(f"{target} weight", "percent"),
        ]
    return [*columns, Column("seconds", "tenth"), Column("device", "text"), Column("status", "text")]


def _monthly(board: Mapping[str, Any]) -> bool:
    starts = [window["start"] for window in board["windows"]]
    return all(start.endswith("-01") for start in starts) and len({s[:7] for s in starts}) == len(starts)


def _folded(board: Mapping[str, Any]) -> tuple[list[tuple[str, list[Any]]], list[tuple[str, list[Any]]]]:
    """Rows of the table, and those of single seeds."""
    settings = {(s["family"], s["setting"]): s for s in board["settings"]}
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    rows, seeds = [], []
    for row in board["rows"]:
        if row["member_id"] and row["status"] == "ok":
            groups[row["family"], row["setting"]].append(row)
        else:
            rows.append((_kind(row), _cells(row, board)))
    for key, members in groups.items():
        if len(members) == 1:
            rows.append(("member", _cells(members[0], board)))
            continue
        rows.append(("setting", _setting_cells(members, settings.get(key), board)))
        seeds += [("seed", _cells(member, board)) for member in members]
    return rows, seeds


def _kind(row: Mapping[str, Any]) -> str:
    if row["status"] != "ok":
        return "failed"
    return BLEND if row["family"] == BLEND else "candidate"


def _cells(row: Mapping[str, Any], board: Mapping[str, Any]) -> list[Any]:
    per_window = row["per_window"] or [None] * len(board["windows"])
    measures = [row["targets"][t][m] for t in board["weights"] for m in ("score", "mape", "weight")]
    status = row["reason"] or row["status"]
    head = [row["member"], row["family"], 1 if row["member_id"] else None, row["score"], None, None]
    tail = [_rounded(row["seconds"]), row["device"] or "", status]
    return [*head, row["score_x30"], row["score_in_sample"], *per_window, *measures, *tail]


def _setting_cells(
    members: Sequence[Mapping[str, Any]], setting: Mapping[str, Any] | None, board: Mapping[str, Any]
) -> list[Any]:
    scores = [m["score"] for m in members if m["score"] is not None]
    score = statistics.fmean(scores) if scores else None
    sd = statistics.stdev(scores) if len(scores) > 1 else None
    averaged = None if setting is None else setting["score_of_average"]
    windows = [m["per_window"] for m in members if m["per_window"]]
    means: list[float | None] = [statistics.fmean(values) for values in zip(*windows, strict=True)]
    per_window = means or [None] * len(board["windows"])
    measures = [_fold(members, t, m) for t in board["weights"] for m in ("score", "mape", "weight")]
    devices = sorted({m["device"] for m in members if m["device"]})
    seconds = _rounded(sum(m["seconds"] or 0.0 for m in members))
    head: list[Any] = [members[0]["setting"], members[0]["family"], len(members), score, sd, averaged]
    return [
        *head,
        None if score is None else score * 30,
        None,
        *per_window,
        *measures,
        seconds,
        ", ".join(devices),
        "ok",
    ]


def _fold(members: Sequence[Mapping[str, Any]], target: str, measure: str) -> float | None:
    """Weights add up, the other measures are averaged."""
    known = [m["targets"][target][measure] for m in members if m["targets"][target][measure] is not None]
    if not known:
        return None
    return sum(known) if measure == "weight" else statistics.fmean(known)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
