"""How days are written: year first, or day and month in an order that the whole column shows."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecasting.data.formats.writing.arrays import plain
from forecasting.schema import DateArray

__all__ = [
    "ORDERS",
    "decode_dates",
    "distinct_texts",
    "is_one_clock",
    "is_ordered",
    "orders_of",
    "parse_day",
    "zone_of",
]

ORDERS = ("dmy", "mdy", "ymd")
"""Orders of day, month and year that `data.date_format` may name."""
_MIDNIGHT = (
    r"(?:(?:[T ]|, ?)(?:0?0:00(?::00(?:[.,]0+)?)?|12:00(?::00(?:\.0+)?)? ?[Aa][Mm])"
    r"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?))?)?"
)
_DAY = re.compile(
    r"(?P<y>\d{4})(?:(?P<m>\d{2})(?P<d>\d{2})|(?P<sep>[-/.])(?P<m2>\d{1,2})(?P=sep)(?P<d2>\d{1,2})"
    r"|年(?P<m3>\d{1,2})月(?P<d3>\d{1,2})日)(?:" + _MIDNIGHT + r"|\.0)?"
)
_ORDERED = re.compile(r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4})" + _MIDNIGHT)
_SHORT = re.compile(r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{1,2})" + _MIDNIGHT)
_ZONE = re.compile(r".*\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?[AaPp][Mm])? ?(Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)")
_UTC = ("", "Z", "UTC", "GMT", "+00", "-00", "+0000", "-0000")
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_CENTURY = 2000
_NONE = np.datetime64("NaT", "D")


def parse_day(text: str, order: str | None = None, *, zoned: bool = False) -> np.datetime64:
    """A day at midnight, NaT for others.

    Parameters
    ----------
    text
        YYYYMMDD, YYYY-MM-DD, YYYY/MM/DD or YYYY年M月D日, or as `order` says.
    order
        dmy, mdy or ymd; or a format of strptime, which then is the only way.
    zoned
        Whether midnight may be that of another zone than UTC.
    """
    text = text.strip()
    if order is not None and order not in ORDERS:
        return _by_format(text, order)
    match = _DAY.fullmatch(text)
    if match is not None:
        found = (match["y"], match["m"] or match["m2"] or match["m3"], match["d"] or match["d2"] or match["d3"])
    elif order is not None and (match := (_ORDERED.fullmatch(text) or _SHORT.fullmatch(text))) is not None:
        found = _in_order(match, order)
    else:
        return _NONE
    if not zoned and (match["zone"] or "").replace(":", "") not in _UTC:
        return _NONE
    return _date(*map(int, found))


def _in_order(match: re.Match[str], order: str) -> tuple[str, str, str]:
    """Year, month and day of a match."""
    is_long = match.re is _ORDERED
    a, b, c = match["a"], match["b"], match["y"] if is_long else match["c"]
    year = a if order == "ymd" else c
    if (is_long and order == "ymd") or len(year) < len("24"):
        return ("0", "0", "0")
    if not is_long:
        year = f"{_CENTURY + int(year)}"
    return {"dmy": (year, b, a), "mdy": (year, a, b), "ymd": (year, b, c)}[order]


def _by_format(text: str, form: str) -> np.datetime64:
    try:
        found = dt.datetime.strptime(text, form)
    except ValueError:
        return _NONE
    return _date(found.year, found.month, found.day) if found.time() == dt.time() else _NONE


def _date(year: int, month: int, day: int) -> np.datetime64:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return _NONE
    try:
        return np.datetime64(dt.date(year, month, day), "D")
    except ValueError:
        return _NONE


def is_ordered(text: str) -> bool:
    """Whether a cell is a day whose order of day and month is open, such as 01/02/2024."""
    return _ORDERED.fullmatch(text.strip()) is not None


def orders_of(texts: Iterable[str]) -> dict[str, list[str]]:
    """Dmy and mdy, each with the cells that it can read and the other cannot.

    Both are empty where the cells can be read either way.
    """
    found: dict[str, list[str]] = {"dmy": [], "mdy": []}
    for text in texts:
        can = [order for order in found if not np.isnat(parse_day(text, order, zoned=True))]
        if len(can) == 1:
            found[can[0]].append(text)
    return found


def zone_of(text: str) -> str:
    """The zone that a day's text names, empty where it names none; every name of UTC is UTC."""
    match = _ZONE.fullmatch(text.strip())
    zone = "" if match is None else match[1].replace(":", "")
    return "UTC" if zone and zone in _UTC else zone


def is_one_clock(zones: Collection[str]) -> bool:
    """Whether zones of `zone_of` are those of one clock over a year: two at most, an hour or less apart."""
    if "" in zones or len(zones) > 2:
        return len(zones) < 2
    offsets = [
        0 if zone == "UTC" else int(f"{zone[0]}1") * (60 * int(zone[1:3]) + int(zone[3:] or 0)) for zone in zones
    ]
    return max(offsets) - min(offsets) <= 60


def decode_dates(column: pa.Array | pa.ChunkedArray, order: str | None = None, *, zoned: bool = False) -> DateArray:
    """Days ``[n]`` from text, YYYYMMDD numbers, dates or timestamps at midnight; NaT where the cell is no day.

    `order` and `zoned` are those of `parse_day`.
    """
    column = plain(column)
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return _from_timestamps(column)
    if len(column) == 0 or pa.types.is_null(column.type) or pa.types.is_boolean(column.type):
        return np.full(len(column), "NaT", dtype="datetime64[D]")
    # A table has few different days: each is parsed once.
    encoded = column.dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    days: DateArray = np.array([*(_day(value, order, zoned) for value in distinct), _NONE], dtype="datetime64[D]")
    index = encoded.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
    return np.asarray(days[index])


def distinct_texts(column: pa.Array | pa.ChunkedArray) -> Sequence[str]:
    """The different texts of a column in the order in which they appear; none where it holds no text."""
    column = plain(column)
    return [text for text in column.unique().to_pylist() if text] if pa.types.is_string(column.type) else []


def _from_timestamps(column: pa.Array) -> DateArray:
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = pc.local_timestamp(column)
    stamps = column.cast(pa.timestamp("ms"), safe=False)
    values = np.asarray(stamps.to_numpy(zero_copy_only=False), dtype="datetime64[ms]")
    days = values.astype("datetime64[D]")
    outside = (days < np.datetime64(f"{_FIRST_YEAR}-01-01")) | (days > np.datetime64(f"{_LAST_YEAR}-12-31"))
    days[(days.astype("datetime64[ms]") != values) | outside] = np.datetime64("NaT", "D")
    return days


def _day(value: Any, order: str | None, zoned: bool) -> np.datetime64:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str):
        order = None
    return _NONE if value is None else parse_day(str(value), order, zoned=zoned)
