"""Tables, and numbers as words and cells need them."""

from __future__ import annotations

import math
from collections.abc import Collection

from rich import box
from rich.table import Column, Table

from cluster.terminal.words import singular
from forecasting.score.names import score_named

__all__ = ["fits_windows", "is_narrow", "number", "numbers_table", "period", "score_title", "share", "table_of"]

NARROW, WINDOW_WIDTH = 90, 10
"""Characters of a table without windows, and of one window."""


def fits_windows(width: int, n_windows: int) -> bool:
    """Whether a table has room for a column per window."""
    return width >= NARROW + WINDOW_WIDTH * n_windows


def is_narrow(width: int) -> bool:
    """Whether a screen has no room for what tables say twice."""
    return width < NARROW


def table_of(*names: str, title: str | None = None, whole: Collection[str] = ()) -> Table:
    """A table with a line under its head; columns called so in `whole` are never broken, and others lose nothing."""
    columns = (Column(name, overflow="fold" if name not in whole else "ellipsis", no_wrap=name in whole)
               for name in names)  # fmt: skip
    return Table(*columns, title=title, box=box.SIMPLE_HEAD)


def numbers_table(*names: str) -> Table:
    """A table with columns on the right."""
    return Table(*(Column(name, justify="right", overflow="fold") for name in names), box=box.SIMPLE_HEAD)


def number(value: float | None) -> str:
    """A score with two decimals; - for None."""
    return "-" if value is None else f"{value:z.2f}"


def share(value: float) -> str:
    """A fraction as a percentage; empty for NaN."""
    return "" if math.isnan(value) else f"{value:.0%}"


def period(noun: str) -> str:
    """What points are for: a day, a week; `noun` in the plural."""
    return f"a {singular(noun)}"


def score_title(surrogate: str, noun: str) -> str:
    """What a score counts, as ``up to 10 points a week, linear surrogate``; `noun` in the plural."""
    return score_named(surrogate).title.replace("points a day", f"points {period(noun)}")
