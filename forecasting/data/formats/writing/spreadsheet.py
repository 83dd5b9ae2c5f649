"""Text in CSV files that people open in a spreadsheet, which takes some text for a formula and runs it.

Such text is written with an apostrophe before it, as the spreadsheets themselves mark text. See OWASP, "CSV Injection".
"""

from __future__ import annotations

import re

__all__ = ["marked", "unmarked"]

_MARK = "'"
_FORMULA = re.compile("[\\s\"'\x00-\x1f\\u200b-\\u200f\\u2060\\ufeff]*[=+\\-@＝＋－＠]|[\"']*[\t\r\n]")
"""A formula, also behind spaces, quotes and signs of no width, or in full width; programs differ in what they skip."""
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def marked(text: str) -> str:
    """Text as a cell that no spreadsheet runs; numbers stay numbers."""
    return _MARK + text if _is_run(text) else text


def unmarked(cell: str) -> str:
    """The text of a cell that `marked` wrote."""
    return cell[1:] if cell.startswith(_MARK) and _is_run(cell[1:]) else cell


def _is_run(text: str) -> bool:
    return _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None
