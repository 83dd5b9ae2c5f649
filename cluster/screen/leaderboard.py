"""The leaderboard: a summary at the end of a run, and every row of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from cluster.rundir.store import RunStore
from cluster.screen.text import fits_windows, number, score_title, table_of
from cluster.terminal.screen import Screen, print_json
from ensembles.files.leaderboard_json import CANDIDATE, LeaderboardFile, LeaderboardRow, SettingRow
from ensembles.files.run_json import RunFile
from forecasting.errors import StorageError
from forecasting.schema import BLEND

__all__ = ["show_leaderboard", "summary_html", "summary_table"]

TOP_ROWS = 15
"""Settings shown after a run."""


@dataclass(frozen=True)
class _Line:
    """A row of the summary."""

    name: str
    family: str
    score: float | None
    per_window: tuple[float | None, ...]
    seeds: str = ""
    spread: str = ""


def summary_table(board: LeaderboardFile, width: int, noun: str = "days") -> Table:
    """The blend among settings (seeds averaged), best first, in the width there is; `noun`: the periods."""
    windows = _window_names(board) if fits_windows(width, len(board.windows)) else []
    table = table_of(title=_title(board, noun))
    table.add_column("", no_wrap=True)
    table.add_column("family")
    for name in ("score", *windows, "seeds"):
        table.add_column(name, justify="right")
    table.add_column("mean ± sd", justify="right", no_wrap=True)
    for line in _best(board):
        table.add_row(*_summary_cells(line, len(windows)), style=_style(line.family))
    return table


def summary_html(board: LeaderboardFile, noun: str = "days") -> str:
    """The summary as an HTML table for a notebook, with every window."""
    from markupsafe import Markup

    windows = _window_names(board)
    head = Markup("").join(Markup("<th>{}</th>").format(name) for name in
                           ("", "family", "score", *windows, "seeds", "mean ± sd"))  # fmt: skip
    rows = []
    for line in _best(board):
        form = Markup("<td><b>{}</b></td>" if line.family == BLEND else "<td>{}</td>")
        cells = (form.format(cell) for cell in _summary_cells(line, len(windows)))
        rows.append(Markup("<tr>{}</tr>").format(Markup("").join(cells)))
    caption = Markup("<caption>{}</caption>").format(_title(board, noun))
    return str(
        Markup("<table>{}<thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(
            caption, head, Markup("").join(rows)
        )
    )


def _summary_cells(line: _Line, n_windows: int) -> tuple[str, ...]:
    scores = [number(value) for value in line.per_window[:n_windows]]
    return (line.name, line.family, number(line.score), *scores, line.seeds, line.spread)


def _best(board: LeaderboardFile) -> list[_Line]:
    """The blend, which stands first among equals, and the settings."""
    blend = next(row for row in board.rows if row.family == BLEND)
    lines = [
        _Line(BLEND, BLEND, blend.score, blend.per_window or ()),
        *(_setting_line(setting) for setting in board.settings),
    ]
    return sorted(lines, key=lambda line: float("inf") if line.score is None else -line.score)[:TOP_ROWS]


def _setting_line(row: SettingRow) -> _Line:
    seeds = "" if row.n_seeds == 1 else str(row.n_seeds)
    spread = "" if row.sd is None else f"{row.mean:z.2f} ± {row.sd:z.2f}"
    return _Line(row.setting, row.family, row.score_of_average, row.per_window, seeds, spread)


def show_leaderboard(store: RunStore, out: Screen, as_json: bool) -> None:
    """The whole leaderboard of a stored run.

    Raises
    ------
    StorageError
        When there is none.
    """
    if not store.has(LeaderboardFile):
        raise StorageError(f"{store.uri} holds no leaderboard: name the directory of a finished run")
    board = store.read(LeaderboardFile)
    if as_json:
        print_json(board.model_dump(mode="json"))
    else:
        noun = store.read(RunFile).axis.noun if store.has(RunFile) else "days"
        out.print(_table(board, out.width, noun))


def _table(board: LeaderboardFile, width: int, noun: str) -> Table:
    """The rows, best first; windows where there is room for all of them."""
    n_windows = len(board.windows)
    shown = fits_windows(width, n_windows)
    table = table_of(title=_title(board, noun))
    table.caption = None if shown else f"{n_windows} windows: --json, or leaderboard.csv in the run directory"
    table.add_column("member", no_wrap=True)
    table.add_column("family", no_wrap=True)
    for name in ("score", *(_window_names(board) if shown else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for target in board.weights:
        table.add_column(f"{target} MAPE", justify="right")
    table.add_column("status")
    for row, alike in _once(board.rows):
        name, *cells = _cells(row, board, n_windows if shown else 0)
        table.add_row(f"{name} and {alike} alike" if alike else name, *cells, style=_style(row.family))
    return table


def _once(rows: Sequence[LeaderboardRow]) -> Iterable[tuple[LeaderboardRow, int]]:
    """Candidates that scored the same in every window and on every target once, with how many more they are; every
    other row by itself.
    """
    found: dict[object, tuple[LeaderboardRow, int]] = {}
    for place, row in enumerate(rows):
        key: object = place
        if row.family == CANDIDATE and row.score is not None:
            key = (row.score, row.score_in_sample, row.per_window, tuple(row.targets.items()), row.outcome)
        first, alike = found.get(key, (row, -1))
        found[key] = first, alike + 1
    return found.values()


def _cells(row: LeaderboardRow, board: LeaderboardFile, n_windows: int) -> list[str]:
    mapes = [row.targets[target].mape for target in board.weights]
    scores = (row.per_window or (None,) * n_windows)[:n_windows]
    return [
        row.member,
        row.family,
        *(number(value) for value in (row.score, *scores)),
        *("-" if value is None else f"{value:.1%}" for value in mapes),
        row.outcome,
    ]


def _style(family: str) -> str | None:
    return "bold" if family == BLEND else None


def _window_names(board: LeaderboardFile) -> list[str]:
    """Months where windows are months, else first days."""
    starts = [window.start for window in board.windows]
    return [start[:7] for start in starts] if all(start.endswith("-01") for start in starts) else starts


def _title(board: LeaderboardFile, noun: str) -> str:
    return f"{board.sort}: {score_title(board.surrogate, noun)}, higher is better"
