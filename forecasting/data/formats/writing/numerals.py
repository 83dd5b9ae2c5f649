"""How numbers are written: decimal points and commas, thousands, currencies, and minus signs in every place."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecasting.data.formats.writing.arrays import plain
from forecasting.schema import BoolArray, FloatArray

__all__ = [
    "MISSING",
    "Numbers",
    "Shapes",
    "currencies",
    "decode_numbers",
    "holds_comma",
    "is_currency",
    "parse_number",
    "shapes_of",
]

MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "Null", "null", "None", r"\N")
"""Texts of a cell in which nothing stands."""
_SPACES = " \u00a0\u202f\u2009"
_PLAIN = {
    ".": r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$",
    ",": r"^[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d{1,3})?$",
}
_GROUPED = {".": r"^[+-]?[1-9]\d{0,2}([,，]\d{3})+(\.\d*)?$", ",": r"^[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?$"}
_THOUSANDS = {".": "[,，]", ",": r"\."}
_CODES = (
    "AED ARS AUD BGN BRL CAD CHF CLP CNH CNY COP CZK DKK EUR GBP HKD HRK HUF IDR ILS INR ISK JPY KRW MXN MYR NOK NZD "
    "PEN PHP PLN RMB RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
).replace(" ", "|")
_CURRENCY = re.compile(
    rf"^(?:(?:US|CA|AU|NZ|HK|NT|[RSCA])?\$|[€£¥￥₹₽₩₺₴₫฿₪₱元円]|{_CODES}|S?Fr\.|kr\.?|zł|Kč|Ft|lei|Rs\.?)"
)
_BEHIND = re.compile(rf"(?:[€£$¥￥₹₽₩₺₴₫฿₪₱元円]|{_CODES}|S?Fr\.|kr\.?|zł|Kč|Ft|lei)$")
_LAKHS = "[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}"
"""Whole numbers as India writes them: the last three digits, and pairs before."""
_CORE = {
    decimal: re.compile(
        rf"[0-9]+(?:{mark}[0-9]*)?(?:[eE][+-]?[0-9]{{1,3}})?|{mark}[0-9]+"
        rf"|[1-9][0-9]{{0,2}}(?P<t>[{other}'’{_SPACES}])[0-9]{{3}}(?:(?P=t)[0-9]{{3}})*(?:{mark}[0-9]*)?{indian}"
    )
    for decimal, other, mark, indian in ((".", ",，", r"\.", rf"|{_LAKHS}(?:\.[0-9]*)?"), (",", ".", ",", ""))
}
_SAME = {
    "€": "EUR",
    "£": "GBP",
    "Fr": "CHF",
    "SFr": "CHF",
    "RMB": "CNY",
    "元": "CNY",
    "￥": "¥",
    "US$": "USD",
    "円": "JPY",
}
_MINUS = str.maketrans("\u2212\u2013", "--")


@dataclass(frozen=True)
class Numbers:
    """A decoded column: `values` ``[n]``, NaN where nothing usable stands; `missing`, `bad` ``[n]`` mark the cells that
    are empty and those that are no number.
    """

    values: FloatArray
    missing: BoolArray
    bad: BoolArray


@dataclass(frozen=True)
class Shapes:
    """Cells of a column by what they show, each ``[n]``: that the decimal mark is a point, that it is a comma, or
    neither: one mark before exactly three digits, which may be thousands (`open_point`, `open_comma`).
    """

    point: BoolArray
    comma: BoolArray
    open_point: BoolArray
    open_comma: BoolArray


def decode_numbers(column: pa.Array | pa.ChunkedArray, decimal: str = ".") -> Numbers:
    """Numbers ``[n]`` from text whose decimal mark is `decimal`, or from numeric columns."""
    column = plain(column)
    if pa.types.is_string(column.type):
        return _from_text(column, decimal)
    n = len(column)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string()).cast(pa.float64())  # straight to float64, Arrow often misses the nearest one
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        # float32 holds a float64's text badly but its own values exactly; nothing is lost here.
        raw = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        values = np.array(raw, dtype=np.float64)
        missing, bad = np.isnan(values), np.isinf(values)
        values[bad] = np.nan
        return Numbers(values, missing, bad)
    missing = np.asarray(column.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    return Numbers(np.full(n, np.nan), missing, ~missing)


def _from_text(column: pa.Array, decimal: str) -> Numbers:
    text = pc.utf8_trim_whitespace(column).fill_null("")
    absent = _mask(pc.is_in(text, value_set=pa.array(MISSING)))
    grouped = pc.match_substring_regex(text, _GROUPED[decimal])
    if pc.any(grouped).as_py():
        text = pc.if_else(grouped, pc.replace_substring_regex(text, _THOUSANDS[decimal], ""), text)
    good = pc.match_substring_regex(text, _PLAIN[decimal])
    usable = pc.if_else(good, text, pa.scalar(None, pa.string()))
    if decimal == ",":
        usable = pc.replace_substring(usable, ",", ".")
    values = np.array(usable.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    others = ~absent & ~_mask(good)
    if others.any():
        values[others] = _one_by_one(text.filter(pa.array(others)), decimal)
    values[np.isinf(values)] = np.nan
    return Numbers(values, absent, ~absent & np.isnan(values))


def _one_by_one(text: pa.Array, decimal: str) -> FloatArray:
    encoded = text.dictionary_encode()
    distinct = [parse_number(cell, decimal) for cell in encoded.dictionary.to_pylist()]
    return np.asarray(np.array(distinct, dtype=np.float64)[encoded.indices.to_numpy()])


def parse_number(text: str, decimal: str = ".") -> float:
    """The number that a text means; NaN if it is none.

    Understood are currencies before and behind, spaces, apostrophes and the other mark between thousands, and a minus
    in front, behind or as brackets.
    """
    core, negative, _ = _bare(text)
    if core is None or _CORE[decimal].fullmatch(core) is None:
        return float("nan")
    for mark in (*_SPACES, "'", "’", "，", "," if decimal == "." else "."):
        core = core.replace(mark, "")
    value = float(core.replace(decimal, "."))
    return -value if negative else value


def _bare(text: str) -> tuple[str | None, bool, str]:
    """The digits of a number and their marks (None: two signs), whether it is negative, and the currency."""
    text, sign, currency = text.translate(_MINUS).strip(), "", ""
    while True:
        before = text
        found = _CURRENCY.match(text) or _BEHIND.search(text)
        if found is not None and not currency:
            currency = found[0]
            text = (text[: found.start()] + text[found.end() :]).strip()
        if text[:1] == "(" and text[-1:] == ")":
            sign, text = sign + "-", text[1:-1].strip()
        if text[:1] in ("-", "+"):
            sign, text = sign + text[0], text[1:].strip()
        elif text[-1:] == "-":
            sign, text = sign + "-", text[:-1].strip()
        if text == before:
            return (None if len(sign) > 1 else text), sign == "-", currency


def currencies(column: pa.Array | pa.ChunkedArray) -> dict[str, str]:
    """The currencies of a text column, each with the first cell that shows it."""
    column = plain(column)
    if not pa.types.is_string(column.type):
        return {}
    odd = column.filter(pc.match_substring_regex(column, r"\d").fill_null(False))
    odd = odd.filter(pc.match_substring_regex(odd, r"[^\d\s.,+()'-]")).unique().to_pylist()
    found: dict[str, str] = {}
    for text in odd:
        core, _, currency = _bare(text)
        if currency and core:
            name = currency.rstrip(".")
            found.setdefault(_SAME.get(name, name), text)
    return found


def is_currency(text: str) -> bool:
    """Whether a text is the name or the sign of a currency and nothing else."""
    found = _CURRENCY.match(text)
    return found is not None and found[0] == text


def _patterns(mark: str, other: str) -> str:
    """What shows that `mark` is the decimal mark."""
    spaced = rf"\d{{1,3}}(['’\x{{a0}}\x{{202f}}\x{{2009}} ]\d{{3}})+{mark}\d*"
    several = rf"[1-9]\d{{0,2}}({other}\d{{3}}){{2,}}"
    grouped = rf"[1-9]\d{{0,2}}({other}\d{{3}})+{mark}\d*"
    long = rf"\d*{mark}(\d{{0,2}}|\d{{4,}})|(0\d*|\d{{4,}}|){mark}\d{{3}}"
    exponent = rf"\d*{mark}\d*[eE][+-]?\d{{1,3}}"
    return f"{_BEFORE}({spaced}|{several}|{grouped}|{long}|{exponent}){_AFTER}"


_BEFORE, _AFTER = r"^(\D*[^\d.,])?", r"([^\d.,]\D*)?$"
_POINT, _COMMA = _patterns(r"\.", ",") + rf"|{_BEFORE}{_LAKHS}(\.\d*)?{_AFTER}", _patterns(",", r"\.")
_OPEN = {mark: rf"{_BEFORE}[1-9]\d{{0,2}}{mark}\d{{3}}{_AFTER}" for mark in (r"\.", ",")}


def shapes_of(column: pa.Array | pa.ChunkedArray) -> Shapes | None:
    """What the cells of a column show about its decimal mark; None where they show nothing."""
    column = plain(column)
    if not pa.types.is_string(column.type):
        return None
    text = pc.utf8_trim_whitespace(column).fill_null("")
    if not pc.any(pc.match_substring_regex(text, r"\d[.,]|[.,]\d")).as_py():
        return None
    return Shapes(*(_mask(pc.match_substring_regex(text, p)) for p in (_POINT, _COMMA, _OPEN[r"\."], _OPEN[","])))


def holds_comma(column: pa.Array | pa.ChunkedArray) -> bool:
    """Whether any cell of a text column holds a comma; none of other types does."""
    column = plain(column)
    return pa.types.is_string(column.type) and bool(pc.any(pc.match_substring(column, ",")).as_py())


def _mask(found: pa.Array) -> BoolArray:
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)
