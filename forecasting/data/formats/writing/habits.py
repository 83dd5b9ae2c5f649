"""Which of the ways to write days and numbers a table uses: as its cells show, or as the user says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from forecasting.data.formats.options import TableOptions
from forecasting.data.formats.writing.days import (
    ORDERS,
    decode_dates,
    distinct_texts,
    is_one_clock,
    is_ordered,
    orders_of,
    parse_day,
    zone_of,
)
from forecasting.data.formats.writing.numerals import Numbers, decode_numbers, shapes_of
from forecasting.errors import DataError
from forecasting.schema import BoolArray, DateArray

__all__ = ["DAY_REMEDY", "Habits", "MarkEvidence", "decimal_habit", "off_zone", "order_habit"]

DAY_REMEDY = "write YYYYMMDD or YYYY-MM-DD, or name the format in data.date_format"
_BLANKS = str.maketrans("\u00a0\u202f\u2009", "   ")
_MARKS = {"point": ".", "comma": ","}
_SPELT = {"dmy": "day, month, year", "mdy": "month, day, year"}

Where = Callable[[int, str], str]
"""Place of a record's cell in a column."""


@dataclass(frozen=True)
class Habits:
    """The decimal mark and the order of a day's parts that a table uses; `notes` say what was guessed of them."""

    decimal: str = "."
    order: str | None = None
    notes: tuple[str, ...] = ()

    def days(self, column: pa.Array | pa.ChunkedArray) -> DateArray:
        """Days ``[n]``, NaT where the cell is none."""
        return decode_dates(column, self.order)

    def numbers(self, column: pa.Array | pa.ChunkedArray) -> Numbers:
        """Numbers ``[n]``."""
        return decode_numbers(column, self.decimal)


@dataclass
class MarkEvidence:
    """The first cell of every kind that says something of the decimal mark: kind -> (record, column, text)."""

    first: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, columns: Mapping[str, pa.Array | pa.ChunkedArray], start: int = 0) -> None:
        """Look at more rows of the amounts; `start` is the first one's record."""
        for name, column in columns.items():
            shapes = shapes_of(column)
            for kind, mask in vars(shapes).items() if shapes is not None else ():
                if mask.any():
                    at = int(np.argmax(mask))
                    self.first.setdefault(kind, (start + at, name, str(column[at].as_py()).strip().translate(_BLANKS)))
                    self.counts[kind] = self.counts.get(kind, 0) + int(mask.sum())


def decimal_habit(
    evidence: MarkEvidence, options: TableOptions, where: Where, *, comma_separated: bool
) -> tuple[str, str]:
    """The decimal mark, and a note about it if it was not plain.

    Parameters
    ----------
    evidence
        Of all amounts of the table.
    comma_separated
        Whether it is a CSV separated by commas, in which a point can only be a decimal point.

    Raises
    ------
    DataError
        When both marks are shown, or neither where one must be known.
    """
    if options.decimal != "auto":
        return _MARKS[options.decimal], ""
    first = dict(evidence.first)
    if comma_separated and "open_point" in first:
        first.setdefault("point", first["open_point"])
    if "point" in first and "comma" in first:
        raise _both_marks(first, evidence.counts, where)
    if "comma" in first:
        return ",", f"amounts have decimal commas, as {first['comma'][2]!r} shows"
    if "point" in first:
        by = "" if comma_separated else f"amounts have decimal points, as {first['point'][2]!r} shows"
        return ".", by or _about_thousands(first)
    if comma_separated:
        return ".", _about_thousands(first)
    still_open = first.get("open_point") or first.get("open_comma")
    if still_open is not None:
        raise _open_mark(still_open, where)
    return ".", ""


def _about_thousands(first: Mapping[str, tuple[int, str, str]]) -> str:
    """What is said of quoted commas before three digits."""
    if "open_comma" not in first:
        return ""
    return f"commas in amounts stand between thousands, as in {first['open_comma'][2]!r} (else set data.decimal: comma)"


def _both_marks(first: Mapping[str, tuple[int, str, str]], counts: Mapping[str, int], where: Where) -> DataError:
    rarer = "point" if counts.get("point", 1) < counts.get("comma", 1) else "comma"
    record, column, text = first[rarer]
    _, other, shows = first["comma" if rarer == "point" else "point"]
    mine, theirs = ("point", "comma") if rarer == "point" else ("comma", "point")
    what = f"{column} is {text!r}, with a decimal {mine}, and {other} has a decimal {theirs} in {shows!r}"
    remedy = "write all amounts alike, or set data.decimal to point or comma"
    return DataError(where=where(record, column), what=what, remedy=remedy)


def _open_mark(found: tuple[int, str, str], where: Where) -> DataError:
    record, column, text = found
    mark = "comma" if "," in text else "point"
    what = f"{column} is {text!r}, and no amount shows whether its {mark} stands between thousands or before decimals"
    return DataError(
        where=where(record, column), what=what, remedy="set data.decimal to point or comma, or write a point"
    )


def order_habit(
    texts: Sequence[str], options: TableOptions, where: Callable[[str], str], column: str
) -> tuple[str | None, str]:
    """The order of day, month and year in different cells of a date column, and a note if it was guessed.

    Raises
    ------
    DataError
        When the cells can be read in two ways.
    """
    form = options.date_format
    if form in ORDERS:
        return form, ""
    if form is not None and (not options.beside or any(not np.isnat(parse_day(text, form)) for text in texts)):
        return form, ""
    if any(not np.isnat(parse_day(text, zoned=True)) for text in texts):
        return None, ""  # a day written otherwise among days with the year first is odd, and no way to write days
    open_ones = [text for text in texts if is_ordered(text)]
    found = orders_of(open_ones)
    order = max(found, key=lambda name: len(found[name]))
    if found[order]:
        return order, f"{column} is written as {_SPELT[order]}, as {found[order][0].strip()!r} shows"
    for text in open_ones:
        days = {str(parse_day(text, name, zoned=True)) for name in found}
        if len(days) > 1:
            what = f"{column} is {text.strip()!r}, which may be {' or '.join(sorted(days))}, and no row says which"
            raise DataError(
                where=where(text), what=what, remedy="set data.date_format to dmy or mdy, or write YYYY-MM-DD"
            )
    return ("dmy" if open_ones else None), ""


def off_zone(column: pa.Array | pa.ChunkedArray, order: str | None) -> tuple[BoolArray, str]:
    """Cells ``[n]`` of a date column whose zone is not that of its first day, and that zone.

    Zones an hour apart are those of one clock in winter and in summer.
    """
    zones: dict[str, str] = {}
    for text in distinct_texts(column):
        if not np.isnat(parse_day(text, order, zoned=True)):
            zones[text] = zone_of(text)
    own = next(iter(zones.values()), "")
    others = [text for text, zone in zones.items() if zone != own]
    if not others or is_one_clock(set(zones.values())):
        return np.zeros(len(column), dtype=bool), own
    return np.array([text in others for text in column.to_pylist()], dtype=bool), own
