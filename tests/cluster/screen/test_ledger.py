"""Tables of a ledger on narrow screens: a number is whole, whatever becomes of the columns."""

from __future__ import annotations

import io

import pytest

from cluster.screen.ledger import show_tables
from cluster.terminal.screen import Screen
from ensembles.ledger import tables

HEADS = (
    "day",
    "series",
    "data up to",
    "ahead",
    "actual",
    "actual less forecast",
    "level",
    "calendar",
    "models",
    "rest",
)
ROWS = tuple(
    (
        f"2025-10-0{day}",
        "a long name of an account/outflow",
        "2025-09-30",
        f"{day}",
        f"1,358,{day}00.93",
        f"-1,358,{day}00.93",
        f"173,{day}24.25 (13%)",
        "–",
        f"+1,1{day}4.10",
        "0.00",
    )
    for day in range(1, 6)
)


def shown(monkeypatch: pytest.MonkeyPatch, width: int) -> str:
    monkeypatch.setattr("cluster.screen.ledger.tables_of", lambda _: [tables.Table("misses", HEADS, ROWS)])
    text = io.StringIO()
    show_tables(None, Screen(file=text, width=width))  # type: ignore[arg-type]
    return text.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_numbers_and_days_are_never_broken(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    text = shown(monkeypatch, width)
    assert max(map(len, text.splitlines()[:-1])) <= width or "not shown" in text
    words = set(text.split())
    kept = next((k for k in range(len(HEADS), 0, -1) if ROWS[0][k - 1].split()[0] in words), 0)
    assert kept >= 4
    numbers = {word for row in ROWS for cell in (*row[:1], *row[2:kept]) for word in cell.split()}
    assert numbers <= words


def test_columns_without_room_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, 80)
    left = text.partition("not shown, as the screen is too narrow: ")[2].partition(";")[0].split(", ")
    assert left == list(HEADS[-len(left) :])
    assert "not shown" not in shown(monkeypatch, 200)


def test_days_and_names_are_no_numbers() -> None:
    table = tables.Table("misses", HEADS, ROWS)
    found = [name for place, name in enumerate(HEADS) if table.is_number(place)]
    assert found == [*HEADS[3:]]
