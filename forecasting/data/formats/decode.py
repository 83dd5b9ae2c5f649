"""What is wrong with an amount, and how a message shows a cell."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from forecasting.schema import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from forecasting.data.formats.writing.numerals import Numbers

__all__ = ["EXACT", "FAULTS", "Fault", "Records", "amount_fault", "decimals_of", "first", "is_total", "shown"]

Records = Sequence[int] | IntArray
"""Numbers of records in their file."""

EXACT = 2.0**53
"""Whole numbers below this are exact in float64, in which a panel holds them."""
MOST, SIGNIFICANT = 10, 6
TELLING = 1e14
"""Whole numbers up to this are told from others in spite of the noise of float64."""
FINEST = 100
"""Decimals, also where amounts are smaller than any currency has them."""
DIGITS = 13
"""Of an amount, so that a thousand of them have an exact sum."""

_TOTAL = re.compile(
    r"\W*(?:grand |sub[- ]?)?(?:totals?|sum|summe|gesamt\w*|zwischensumme|insgesamt|somme|totale|suma|razem|totaal|"
    r"итого|всего|сумма|合计|总计|小计|總計|合計|小計|累计)(?!\w)",
    re.IGNORECASE,
)


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


def decimals_of(values: FloatArray) -> int:
    """Decimals that amounts of any shape have: 0 for whole numbers; unknown ones do not count.

    A difference counts as noise where it is small beside the amount itself: a tiny amount is not taken as 0. Amounts
    with more than `MOST` decimals, as results of a computation have, are taken to six, or fewer where sums of the
    largest would not be exact in float64; or to as many as leave nine in ten amounts `SIGNIFICANT` digits.
    """
    known = np.abs(values[np.isfinite(values)])
    for k in range(MOST + 1):
        scaled = known * 10.0**k
        if k >= SIGNIFICANT and not len(scaled := scaled[scaled <= TELLING]):
            break
        noise = np.minimum(1e-9, 1e-6 * scaled) + 4 * np.finfo(np.float64).eps * scaled
        if (np.abs(scaled - np.rint(scaled)) <= noise).all():
            return k
    small, largest = np.quantile(known[known > 0], [0.1, 1.0]).tolist()
    return max(0, min(SIGNIFICANT, DIGITS - _digits(largest)), min(SIGNIFICANT - _digits(small), FINEST))


def _digits(amount: float) -> int:
    """Digits before the decimal point; below 0 for the zeros after it."""
    return math.floor(math.log10(amount)) + 1


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


def is_total(text: str) -> bool:
    """Whether a cell of a row without a day names a total."""
    return _TOTAL.match(text) is not None
