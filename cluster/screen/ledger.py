"""A ledger on the screen: its tables, and its heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.screen.text import numbers_table
from cluster.terminal.screen import Screen, print_json
from cluster.terminal.words import counted
from ensembles.ledger.tables import Table, tables_of

if TYPE_CHECKING:
    from cluster.ledger.held import Heads
    from ensembles.ledger.review import Review

__all__ = ["show_heads", "show_review", "show_tables"]

GAP = 3
"""Characters between two columns."""
NAME = 12
"""Characters that a name has at least where there is no room for it in one line."""


def show_review(review: Review, out: Screen, err: Screen, as_json: bool) -> None:
    """Whether there is an alarm, then changes, accuracy and misses; what is damaged goes to the other stream too."""
    for sentence in review.damaged:
        err.say(f"tidecast: {sentence}; it is left out")
    if as_json:
        print_json(review.as_json())
        return
    days = [facts.as_of for facts in review.facts]
    span = f"data up to {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "")
    out.say(f"{counted(len(days), 'forecasts')} on {span}; {review.actuals.sentence}")
    for note in review.notes:
        out.say(note)
    out.say(review.verdict)
    show_tables(review, out)


def show_tables(review: Review, out: Screen) -> None:
    """Every table of a review."""
    for table in tables_of(review):
        _show(table, out)


def _show(table: Table, out: Screen) -> None:
    widths = _fitted(table, out.width)
    made = numbers_table(*table.heads[: len(widths)])
    made.title, made.title_justify = table.title, "left"
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    if any(widths):
        made.padding = (0, 0)
    for row in table.shown:
        made.add_row(*row[: len(widths)])
    out.print(made)
    if left := table.heads[len(widths) :]:
        out.say(f"not shown, as the screen is too narrow: {', '.join(left)}; --html and --json give all")
    if len(table.rows) > len(table.shown):
        out.say(f"and {len(table.rows) - len(table.shown)} more; --html and --json give all")
    if table.note:
        out.say(table.note)


def _fitted(table: Table, width: int) -> list[int | None]:
    """Widths of the columns that a screen has room for; None where a column takes what it needs.

    On a narrow screen a column is as wide as its longest word, because a number that goes on in the next line is
    misread. Names may be broken. The last columns are left out where even that is too much.
    """
    columns = list(zip(table.heads, *table.shown, strict=True))
    if sum(max(map(len, cells)) + GAP for cells in columns) < width:
        return [None] * len(columns)
    words = [max(len(word) for cell in cells for word in (cell.split() or [""])) for cells in columns]
    names = [not table.is_number(place) for place in range(len(columns))]
    least = [min(word, NAME) if name else word for word, name in zip(words, names, strict=True)]
    while sum(least) + len(least) >= width and len(least) > 1:
        least.pop()
    room = width - 1 - sum(least) - len(least)
    longest = [max(map(len, cells)) for cells in columns]
    for wanted in (words, longest):
        for place in range(len(least)):
            more = min(room, wanted[place] - least[place])
            least[place] += more
            room -= more
    return list(least)


def show_heads(found: Heads, out: Screen, err: Screen, as_json: bool) -> None:
    """The heads, one a line, to be kept elsewhere; what is gone or damaged goes to the other stream."""
    for sentence in found.damaged:
        err.say(f"tidecast: {sentence}")
    for head in found.gone:
        err.say(f"tidecast: {found.uri} does not hold {head} as it was: restore it from a copy")
    if as_json:
        print_json({"heads": found.heads, "gone": found.gone, "damaged": found.damaged})
        return
    for head in found.heads:
        out.say(head)
