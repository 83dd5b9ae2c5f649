"""How a CSV is written, from its head: encoding, column names and header lines; and where its records begin."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from forecasting.errors import DataError

__all__ = ["Headerless", "Layout", "layout_of", "one_line_each", "record_rows"]

_NEWLINE = re.compile(r"\r\n|\n|\r")

Headerless = Callable[[tuple[str, ...]], tuple[str, ...] | None]
"""Names of the columns of a table whose first row is no header but these cells; None: the row is a header."""


@dataclass(frozen=True)
class Layout:
    """How a CSV is written: its column names, its encoding and the lines up to and including the header.

    `bare` says that nothing but line ends follows the header in the head.
    """

    columns: tuple[str, ...]
    encoding: str
    header_lines: int
    bare: bool = False


def one_line_each(block: bytes, n_rows: int) -> bool:
    """Whether every one of the block's rows stands on one line and every line is a row."""
    if b'"' in block or block.count(b"\r") != block.count(b"\r\n"):
        return False
    return block.count(b"\n") + (not block.endswith(b"\n")) == n_rows


def record_rows(text: io.TextIOWrapper, header_lines: int) -> Iterator[int]:
    """The row on which each record begins; ends where the quotes cannot be understood."""
    reader = csv.reader(text)
    start = 0
    try:
        for fields in reader:
            begins, start = start + 1, reader.line_num
            if begins > header_lines and fields:
                yield begins
    except csv.Error:
        return


def layout_of(name: str, head: bytes, headerless: Headerless | None = None) -> Layout:
    """The layout of file `name`, which begins with the bytes `head`; without `headerless` its first row is a header.

    Raises
    ------
    DataError
        When these are no text with a header.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(where=name, what="it is written in UTF-16", remedy="save it as UTF-8")
    encoding = _encoding(name, head)
    text = codecs.getincrementaldecoder(encoding)().decode(head).removeprefix("\ufeff")
    for number, (line, end) in enumerate(_lines(text), start=1):
        if line.strip():
            try:
                names = next(csv.reader([line]))
            except csv.Error:
                where = f"{name}:{number}"
                raise DataError(where=where, what="the header cannot be read", remedy="check the quotes") from None
            cells = tuple(n.strip() for n in names)
            given = None if headerless is None else headerless(cells)
            if given is not None:
                return Layout(given, encoding, number - 1)
            return Layout(cells, encoding, number, not text[end:].strip("\r\n"))
    raise DataError(where=name, what="it is empty", remedy="give a file with a header and rows")


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Each line without its end, and where the next one begins."""
    start = 0
    for newline in _NEWLINE.finditer(text):
        yield text[start : newline.start()], newline.end()
        start = newline.end()
    yield text[start:], len(text)


def _encoding(name: str, head: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        return encoding
    raise DataError(where=name, what="it is neither UTF-8 nor GB18030 text", remedy="save it as UTF-8")
