"""What a cell means: a day, a number, or nothing; what is wrong with it, and how a message shows it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

__all__ = [
    "DAY_REMEDY",
    "EXACT",
    "FAULTS",
    "Fault",
    "Numbers",
    "Records",
    "amount_fault",
    "decimals_of",
    "decode_dates",
    "decode_numbers",
    "first",
    "parse_day",
    "rows_until",
    "shown",
]

Records = Sequence[int] | IntArray
"""Numbers of records in their file."""

EXACT = 2.0**53
"""Whole numbers below this are exact in float64, in which a panel holds them."""

_DAY = re.compile(
    r"(?P<y>\d{4})(?:(?P<m>\d{2})(?P<d>\d{2})|(?P<sep>[-/.])(?P<m2>\d{1,2})(?P=sep)(?P<d2>\d{1,2})"
    r"|年(?P<m3>\d{1,2})月(?P<d3>\d{1,2})日)(?:[T ]0?0:00(?::00(?:\.0+)?)?(?: ?(?:Z|UTC|\+00:?00))?|\.0)?"
)
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "Null", "null", "None", r"\N")
_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_GROUPED = r"^[+-]?\d{1,3}([,，]\d{3})+(\.\d*)?$"
DAY_REMEDY = "write YYYYMMDD or YYYY-MM-DD"


class Fault(NamedTuple):
    """What is wrong with an amount, what to do, and what the check for it is called."""

    what: str
    remedy: str
    check: str = ""


FAULTS = (
    Fault("", ""),
    Fault("too large to be held exactly (2^53)", "use a larger unit", "too large"),
    Fault("a negative amount", "correct it", "negative amount"),
    Fault("not a number", "correct it", "not a number"),
    Fault("a missing amount", "fill it in (0 if nothing flowed)", "missing amount"),
    Fault("a fraction of a fen", "correct it, or set data.unit to CNY if amounts are in CNY"),
)
"""The faults of an amount by their code; code 0 means that nothing is wrong."""


@dataclass(frozen=True)
class Numbers:
    """A decoded column: `values` ``[n]``, NaN where nothing usable stands; `missing`, `bad` ``[n]`` mark the cells that
    are empty and those that are no number.
    """

    values: FloatArray
    missing: BoolArray
    bad: BoolArray


def parse_day(text: str) -> np.datetime64:
    """A day from YYYYMMDD, YYYY-MM-DD, YYYY/MM/DD or YYYY年M月D日, at midnight (of UTC, if it says so) if it has a
    time; NaT for others.
    """
    match = _DAY.fullmatch(text.strip())
    if match is None:
        return np.datetime64("NaT", "D")
    year = int(match["y"])
    month = int(match["m"] or match["m2"] or match["m3"])
    day = int(match["d"] or match["d2"] or match["d3"])
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return np.datetime64("NaT", "D")
    try:
        return np.datetime64(dt.date(year, month, day), "D")
    except ValueError:
        return np.datetime64("NaT", "D")


def decode_dates(column: pa.Array | pa.ChunkedArray) -> DateArray:
    """Days ``[n]`` from text, YYYYMMDD numbers, dates or timestamps at midnight; NaT where the cell is no day."""
    column = _plain(column)
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return _from_timestamps(column)
    if len(column) == 0 or pa.types.is_null(column.type) or pa.types.is_boolean(column.type):
        return np.full(len(column), "NaT", dtype="datetime64[D]")
    # A table has few different days: each is parsed once.
    encoded = column.dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    days: DateArray = np.array([*map(_day, distinct), np.datetime64("NaT", "D")], dtype="datetime64[D]")
    index = encoded.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
    return np.asarray(days[index])


def decode_numbers(column: pa.Array | pa.ChunkedArray) -> Numbers:
    """Numbers ``[n]`` from text (thousands separators allowed) or from numeric columns."""
    column = _plain(column)
    if pa.types.is_string(column.type):
        return _from_text(column)
    n = len(column)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        # float32 holds a float64's text badly but its own values exactly; nothing is lost here.
        raw = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        values = np.array(raw, dtype=np.float64)
        missing, bad = np.isnan(values), np.isinf(values)
        values[bad] = np.nan
        return Numbers(values, missing, bad)
    missing = np.asarray(column.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    return Numbers(np.full(n, np.nan), missing, ~missing)


def _plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One contiguous array, dictionaries decoded, every kind of text as `string`."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # several chunks remain when the data exceed one array
            column = pa.concat_arrays(column.chunks)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return column


def _from_timestamps(column: pa.Array) -> DateArray:
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = pc.local_timestamp(column)
    stamps = column.cast(pa.timestamp("ms"), safe=False)
    values = np.asarray(stamps.to_numpy(zero_copy_only=False), dtype="datetime64[ms]")
    days = values.astype("datetime64[D]")
    outside = (days < np.datetime64(f"{_FIRST_YEAR}-01-01")) | (days > np.datetime64(f"{_LAST_YEAR}-12-31"))
    days[(days.astype("datetime64[ms]") != values) | outside] = np.datetime64("NaT", "D")
    return days


def _from_text(column: pa.Array) -> Numbers:
    text = pc.utf8_trim_whitespace(column).fill_null("")
    missing = pc.is_in(text, value_set=pa.array(_MISSING))
    grouped = pc.match_substring_regex(text, _GROUPED)
    if pc.any(grouped).as_py():
        text = pc.if_else(grouped, pc.replace_substring_regex(text, "[,，]", ""), text)
    good = pc.match_substring_regex(text, _PLAIN)
    usable = pc.if_else(good, text, pa.scalar(None, pa.string()))
    values = np.array(usable.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    absent = np.asarray(missing.to_numpy(zero_copy_only=False), dtype=bool)
    overflow = np.isinf(values)
    values[overflow] = np.nan
    bad = (~absent & ~np.asarray(good.to_numpy(zero_copy_only=False), dtype=bool)) | overflow
    return Numbers(values, absent, bad)


def _day(value: Any) -> np.datetime64:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return np.datetime64("NaT", "D") if value is None else parse_day(str(value))


def decimals_of(values: FloatArray, most: int = 6) -> int:
    """Decimals that amounts of any shape have, at most `most`: 0 for whole numbers; unknown ones do not count."""
    known = np.abs(values[np.isfinite(values)])
    for k in range(most):
        scaled = known * 10.0**k
        if (np.abs(scaled - np.rint(scaled)) <= 1e-9 + 4 * np.finfo(np.float64).eps * scaled).all():
            return k
    return most


def amount_fault(numbers: Numbers, *, signed: bool = False) -> IntArray:
    """What is wrong with each amount, ``[n]``: an index into `FAULTS`, 0 where nothing is. `signed`: it may be
    negative.
    """
    with np.errstate(invalid="ignore"):
        negative, large = (numbers.values < 0) & (not signed), np.abs(numbers.values) >= EXACT
    fault = np.zeros(len(numbers.values), dtype=np.int8)
    for code, mask in enumerate((large, negative, numbers.bad, numbers.missing), start=1):
        fault[mask] = code
    return fault


def rows_until(batch: pa.RecordBatch, date: str, until: str | None, start: int = 0) -> tuple[pa.RecordBatch, Records]:
    """The rows of a batch that are not after the day `until` (None: all), and their records; the first is `start`."""
    if until is None:
        return batch, range(start, start + batch.num_rows)
    kept = ~(decode_dates(batch.column(date)) > np.datetime64(until, "D"))
    return batch.filter(pa.array(kept)), start + np.flatnonzero(kept)


def first(mask: BoolArray) -> int | None:
    """Position of the first True, None when there is none."""
    return int(np.argmax(mask)) if mask.any() else None


def shown(value: object) -> str:
    """A cell's value for a sentence."""
    if value is None:
        return "empty"
    text = value if isinstance(value, str) else str(value)
    if not text.strip():
        return "empty"
    text = text if len(text) <= 40 else text[:37] + "..."
    return repr(text) if isinstance(value, str) else text
