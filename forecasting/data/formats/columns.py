"""Which column of the file is meant by one of our names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from forecasting.errors import DataError

__all__ = ["check_distinct", "find_column", "first_few", "listed", "present"]

_LONGEST = 40
"""Characters of a name that a sentence shows."""
_PANDAS_INDEX = "__index_level_0__"
"""What pandas calls an index without a name in Parquet."""
_CAPTIONS: dict[str, tuple[str, ...]] = {
    "ds": (
        "report_date",
        "date",
        "mfd_date",
        "trade_date",
        "transaction_date",
        "日期",
        "交易日期",
        "报告日期",
        "统计日期",
    ),
    "purchase": ("total_purchase_amt", "apply_amt", "申购", "申购金额", "申购额", "申购总额", "总申购金额"),
    "redeem": ("total_redeem_amt", "redeem_amt", "赎回", "赎回金额", "赎回额", "赎回总额", "总赎回金额"),
}
"""Captions known for our names; more than one of them in a table is refused, not guessed."""


def find_column(name: str, columns: Mapping[str, str], available: Sequence[str], where: str, remedy: str = "") -> str:
    """The column of table `where` that holds our `name`.

    It is the column mapped to the name, else the one of that name, else the only one with a known caption. `remedy`
    says what to do where there is none, if that is not to name it in data.columns.

    Raises
    ------
    DataError
        When there is none, or several captions fit.
    """
    if name in columns:
        if columns[name] in available:
            return _once(columns[name], available, where)
        missing = f"there is no column {columns[name]!r}, which data.columns gives for {name}"
        raise DataError(where=where, what=f"{missing}; the columns are {listed(available)}")
    if name in available:
        return _once(name, available, where)
    known = {caption.casefold() for caption in (name, *_CAPTIONS.get(name, ()))}
    fitting = [column for column in available if column.casefold() in known]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        what = f"the columns {listed(fitting)} could each be {name}"
        raise DataError(where=where, what=what, remedy="name one in data.columns")
    if name == "ds" and _PANDAS_INDEX in available:
        return _PANDAS_INDEX
    what = f"there is no column for {name} among {listed(available)}"
    raise DataError(where=where, what=what, remedy=remedy or f"name it in data.columns ({name}: COLUMN)")


def check_distinct(columns: Mapping[str, str], where: str) -> None:
    """Refuse a column of table `where` that two names of targets are taken from: it would be forecast twice.

    Raises
    ------
    DataError
        At the first such column.
    """
    first: dict[str, str] = {}
    for name, column in columns.items():
        if (other := first.setdefault(column, name)) != name:
            what = f"the targets {other} and {name} are both taken from the column {column!r}"
            raise DataError(where=where, what=what, remedy="name another column for one of them, or leave one out")


def _once(column: str, available: Sequence[str], where: str) -> str:
    if list(available).count(column) > 1:
        what = f"column {column!r} stands twice in the header"
        raise DataError(where=where, what=what, remedy="rename or remove one")
    return column


def present(columns: Mapping[str, str], available: Sequence[str]) -> dict[str, str]:
    """The mapped columns that a table has: one beside the data may have the data's captions or others."""
    return {name: column for name, column in columns.items() if column in available}


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names of columns for a sentence: odd ones are quoted, long ones cut."""
    short = [n if len(n) <= _LONGEST else n[: _LONGEST - 3] + "..." for n in names]
    return first_few([n if n.isprintable() and n == n.strip() != "" else repr(n) for n in short], most)


def first_few(names: Sequence[str], most: int) -> str:
    """Names for a sentence, at most so many, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
