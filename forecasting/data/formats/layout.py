"""How a CSV is written: its separator, column names and header lines; and where its records begin."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from forecasting.errors import DataError

__all__ = ["Headerless", "Layout", "layout_of", "one_line_each", "record_rows"]

SEPARATORS = (",", ";", "\t", "|")
_NEWLINE = re.compile(r"\r\n|\n|\r")
_QUOTED = re.compile(r'"[^"]*"')
_SAID = re.compile(r'"?sep=(?P<mark>[^\w\s"]|\t)(?P=mark)*"?', re.IGNORECASE)
_TYPED = re.compile(r"\W*\d[\d\s.,'’/:+年月日TZ-]*\D{0,5}")
"""Cells that look like days or amounts."""
_MOST_READ = 1000
"""Rows whose cells are looked at to choose between separators."""

Headerless = Callable[[tuple[str, ...]], tuple[str, ...] | None]
"""Names of the columns of a table whose first row is no header but these cells; None: the row is a header."""


@dataclass(frozen=True)
class Layout:
    """How a CSV is written: its column names, its separator and the lines up to and including the header."""

    columns: tuple[str, ...]
    header_lines: int
    separator: str = ","


def one_line_each(block: bytes, n_rows: int) -> bool:
    """Whether every one of the block's rows stands on one line and every line is a row."""
    if b'"' in block or block.count(b"\r") != block.count(b"\r\n"):
        return False
    return block.count(b"\n") + (not block.endswith(b"\n")) == n_rows


def record_rows(text: Iterable[str], header_lines: int, separator: str = ",") -> Iterator[int]:
    """The row on which each record begins; ends where the quotes cannot be understood."""
    reader = csv.reader(text, delimiter=separator)
    start = 0
    try:
        for fields in reader:
            begins, start = start + 1, reader.line_num
            if begins > header_lines and fields:
                yield begins
    except csv.Error:
        return


def layout_of(
    name: str,
    head: str,
    headerless: Headerless | None = None,
    whole: Callable[[], Iterable[str]] | None = None,
) -> Layout:
    """The layout of file `name`.

    Parameters
    ----------
    head
        Its first characters.
    headerless
        Names the columns where the first row is no header; without it the row is one.
    whole
        Gives all its lines, for a header that can be separated in several ways; None: the head is all.

    Raises
    ------
    DataError
        When there is no header.
    """
    said: str | None = None
    for number, line in enumerate(_lines(head), start=1):
        mark = _SAID.fullmatch(line.strip(" ")) if said is None else None
        if mark is not None:
            said = mark["mark"]
        elif line.strip():
            separator = said or _separator(line, number, whole or (lambda: io.StringIO(head, newline="")))
            try:
                names = next(csv.reader([line], delimiter=separator))
            except csv.Error:
                where = f"{name}:{number}"
                raise DataError(where=where, what="the header cannot be read", remedy="check the quotes") from None
            cells = tuple(n.strip() for n in names)
            given = None if headerless is None else headerless(cells)
            if given is not None:
                return Layout(given, number - 1, separator)
            return Layout(cells, number, separator)
    raise DataError(where=name, what="it is empty", remedy="give a file with a header and rows")


def _lines(text: str) -> Iterator[str]:
    """Each line without its end."""
    start = 0
    for newline in _NEWLINE.finditer(text):
        yield text[start : newline.start()]
        start = newline.end()
    yield text[start:]


def _separator(header: str, number: int, whole: Callable[[], Iterable[str]]) -> str:
    """The separator that the header shows; where it shows several, the one that suits all rows best."""
    unquoted = _QUOTED.sub("", header)
    possible = [mark for mark in SEPARATORS if mark in unquoted]
    if len(possible) < 2:
        return possible[0] if possible else ","
    return max(possible, key=lambda mark: _fit(header, mark, islice(whole(), number, None)))


def _fit(header: str, mark: str, lines: Iterable[str]) -> tuple[float, float, int]:
    """Share of the rows as wide as the header, share of the cells that are days or numbers, and the width."""
    width = len(next(csv.reader([header], delimiter=mark), []))
    n_rows = same = n_cells = understood = 0
    try:
        for row in csv.reader(lines, delimiter=mark):
            n_rows, same = n_rows + 1, same + (len(row) == width)
            if n_rows <= _MOST_READ:
                n_cells, understood = n_cells + len(row), understood + sum(map(bool, map(_TYPED.fullmatch, row)))
    except csv.Error:
        return 0.0, 0.0, width
    return same / max(n_rows, 1), understood / max(n_cells, 1), width
