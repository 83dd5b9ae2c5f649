"""Which column of a table tells the series of a panel apart, and what is wrong where none does."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from cluster.inference.flows import names_a_key
from forecasting.data.formats.columns import listed
from forecasting.data.ids import trimmed
from forecasting.errors import DataError
from forecasting.schema import DateArray, IntArray, iso

if TYPE_CHECKING:
    from cluster.inference.columns import Look

__all__ = ["entity_of"]

OFTEN = 0.5
"""Share of dates that have several rows in a panel, and most ids a row of one may have."""
FEW_DOUBLE = 0.05
"""Share of rows that may stand twice by mistake."""


def entity_of(look: Look, ds: DateArray) -> tuple[str | None, str]:
    """The column that tells series apart, None where dates do not repeat, and a sentence about it.

    Raises
    ------
    DataError
        When dates repeat, and no column or more than one tells their rows apart.
    """
    days, day = np.unique(ds, return_inverse=True)
    if (np.bincount(day) > 1).mean() < OFTEN:
        return None, ""
    able = {c: codes for c, codes in look.texts.items() if _tells_apart(day, codes)}
    if not able:
        keys = [c for c in look.numbers if names_a_key(c)]
        able = {c: codes for c in keys if (codes := look.codes(c)) is not None and _tells_apart(day, codes)}
    if not able:
        _check_spelling(look, day)
        _check_double(look, ds, day)
        what = f"{len(ds)} rows stand on {len(days)} dates, and no column alone tells the rows of a date apart"
        raise DataError(where=look.name, what=what, remedy=_remedy(look, day))
    one, *others = able
    if any(not _alike(able[one], able[other]) for other in others):
        what = f"each date has several rows, and {listed(list(able))} could each tell the series apart"
        raise DataError(where=look.name, what=what, remedy=f"say which does, as in --set data.entity={one}")
    also = f" (as does {listed(others)})" if others else ""
    return one, f"series: one for each of {int(able[one].max()) + 1} values of {one}, the column in " + (
        f"which rows of a date differ{also}"
    )


def _check_spelling(look: Look, day: IntArray) -> None:
    """Refuse ids that would tell the rows of a date apart, were it not that some differ in the spaces around them."""
    for column in look.columns:
        if column not in look.days and (column in look.texts or names_a_key(column)):
            texts = look.table.texts(column)
            if _tells_apart(day, np.unique(np.array(texts, dtype=str), return_inverse=True)[1]):
                trimmed(texts, column, look.table.place)


def _check_double(look: Look, ds: DateArray, day: IntArray) -> None:
    """Refuse a row that stands twice, where a column tells nearly all other rows of a date apart; raises DataError."""
    for column in _candidates(look):
        codes = look.codes(column)
        if codes is None or int(codes.max()) + 1 > OFTEN * len(codes):
            continue
        pairs, first_at, which = np.unique(_pairs(day, codes), return_index=True, return_inverse=True)
        if len(codes) - len(pairs) > FEW_DOUBLE * len(codes):
            continue
        double = int(np.flatnonzero(first_at[which] != np.arange(len(codes)))[0])
        before = look.table.place(int(first_at[which][double]), column)
        what = f"{look.table.raw(column, double)} on {iso(ds[double])} stands twice, first at {before}"
        remedy = f"keep one row for each date and {column}"
        raise DataError(where=look.table.place(double, column), what=what, remedy=remedy)


def _candidates(look: Look) -> list[str]:
    return [*look.texts, *(column for column in look.numbers if names_a_key(column))]


def _remedy(look: Look, day: IntArray) -> str:
    """What to do where no column alone tells rows apart: two may do so together."""
    known = {column: codes for column in look.texts if (codes := look.codes(column)) is not None}
    for one, other in combinations(known, 2):
        both = np.unique(_pairs(known[one], known[other]), return_inverse=True)[1]
        if _tells_apart(day, both):
            return f"join {listed([one, other])}, which do so together, in one column, and name it in data.entity"
    return "keep one row a date, or one a date and series"


def _pairs(one: IntArray, other: IntArray) -> IntArray:
    """A number for each row ``[n]``, the same where both of its own are."""
    return np.asarray(one.astype(np.int64) * (int(other.max()) + 1) + other)


def _tells_apart(day: IntArray, codes: IntArray) -> bool:
    """Whether a column's texts repeat over the dates, each once a date."""
    pairs = _pairs(day, codes)
    return len(np.unique(pairs)) == len(pairs) and int(codes.max()) + 1 <= OFTEN * len(codes)


def _alike(one: IntArray, other: IntArray) -> bool:
    """Whether two columns part the rows in the same way, such as a code and a name."""
    return len(np.unique(_pairs(one, other))) == int(one.max()) + 1 == int(other.max()) + 1
