"""The user table as cells, for tests that plant faults in it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["UserCsv"]


class UserCsv:
    """The user table as cells, to plant faults in."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "user_balance_table.csv"
        self.header, *lines = self.path.read_text().splitlines()
        self.columns = self.header.split(",")
        self.cells = [line.split(",") for line in lines]

    def get(self, row: int, column: str) -> str:
        """A cell, by the row an editor shows."""
        return self.cells[row - 2][self.columns.index(column)]

    def set(self, row: int, **values: object) -> None:
        for column, value in values.items():
            self.cells[row - 2][self.columns.index(column)] = str(value)

    def add(self, row: int, column: str, amount: int) -> None:
        self.set(row, **{column: int(self.get(row, column)) + amount})

    def find(self, *, consumes: bool, after: int) -> int:
        """The first row after `after` on which something, or nothing, was consumed."""
        return next(r for r in range(after + 1, len(self.cells)) if (int(self.get(r, "consume_amt")) > 0) == consumes)

    def save(self) -> None:
        self.path.write_text("\n".join([self.header, *(",".join(c) for c in self.cells)]) + "\n")
