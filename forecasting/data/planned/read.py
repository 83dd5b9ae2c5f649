"""Reading a plan: its cells are understood here, the series and days that they mean in `check`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from forecasting.data.formats.columns import find_column, listed
from forecasting.data.formats.decode import EXACT, decimals_of, first
from forecasting.data.formats.files import TableFile
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable
from forecasting.data.formats.whole import read_table
from forecasting.data.planned.plan import PlanFile, PlanRow
from forecasting.errors import DataError
from forecasting.planned.amounts import Kind
from forecasting.schema import DateArray, FloatArray, iso

__all__ = ["COLUMNS", "read_plan"]

COLUMNS = "date, series, amount, known, until, kind, note, author"
"""Columns of a plan, as sentences name them."""
_SERIES = ("series", "entity", "target")
_OTHERS = ("known", "until", "kind", "note", "author", "unit")
_KINDS: dict[str, Kind] = {"": "planned", "planned": "planned", "adjust": "adjust"}


def read_plan(files: tuple[TableFile, ...]) -> PlanFile:
    """The rows of a plan.

    Raises
    ------
    DataError
        For an unknown column, a cell that is no day or no amount, an unknown kind, or an adjustment without a reason.
    """
    with OpenTable(files) as opened:
        date = find_column("ds", {}, opened.columns, opened.name)
        texts = [name for name in (*_SERIES, *_OTHERS) if name in opened.columns]
        _check_columns(opened, {date, "amount", *texts})
        table = read_table(opened, texts, ["amount"], date)
    amounts = _amounts(table)
    columns = {name: [text.strip() for text in table.texts(name)] for name in texts}
    days: dict[str, DateArray] = {n: _days(table, n, columns[n]) for n in ("known", "until") if n in texts}
    rows = tuple(_rows(table, table.days(date), amounts, columns, days))
    return PlanFile(table.name, rows, "known" in texts, decimals_of(amounts), table.notes)


def _check_columns(opened: OpenTable, understood: set[str]) -> None:
    """A column that is misspelt would count for nothing without a word: that is refused."""
    missing = "amount" not in opened.columns
    unknown = [column for column in opened.columns if column not in understood]
    if missing or unknown:
        what = "there is no column 'amount'" if missing else f"the column {listed(unknown[:1])} means nothing here"
        remedy = f"use the columns {COLUMNS} (or entity and target in place of series, and unit)"
        raise DataError(where=opened.name, what=what, remedy=remedy)


def _amounts(table: SmallTable) -> FloatArray:
    """The amounts ``[n]``, all of them known."""
    numbers = table.numbers("amount")
    wrong = first(numbers.bad | numbers.missing)
    if wrong is not None:
        what = f"amount is {table.raw('amount', wrong)}, not a number"
        raise DataError(where=table.place(wrong, "amount"), what=what, remedy="give the amount, or take the row out")
    large = first(np.abs(numbers.values) >= EXACT)
    if large is not None:
        what = f"amount is {table.raw('amount', large)}, too large to be held exactly (2^53)"
        raise DataError(where=table.place(large, "amount"), what=what, remedy="use a larger unit")
    return numbers.values


def _days(table: SmallTable, column: str, texts: list[str]) -> DateArray:
    """A column of days ``[n]`` of which some cells may be empty: NaT there."""
    ds = table.dates(column)
    wrong = first(np.isnat(ds) & np.array([text != "" for text in texts]))
    if wrong is not None:
        what, remedy = table.day_fault(column, wrong)
        raise DataError(where=table.place(wrong, column), what=what, remedy=remedy)
    return ds


def _rows(
    table: SmallTable,
    ds: DateArray,
    amounts: FloatArray,
    columns: dict[str, list[str]],
    days: dict[str, DateArray],
) -> Iterator[PlanRow]:
    nothing = np.datetime64("NaT", "D")
    for record, (day, amount) in enumerate(zip(ds, amounts.tolist(), strict=True)):
        cells = {name: columns[name][record] if name in columns else "" for name in (*_SERIES, *_OTHERS)}
        known, until = (days[name][record] if name in days else nothing for name in ("known", "until"))
        row = PlanRow(
            place=table.place(record),
            day=day,
            until=until,
            known=known,
            amount=amount,
            kind=_kind(table.place(record), cells.pop("kind")),
            **{name: cells[name] for name in ("series", "entity", "target", "note", "author", "unit")},
        )
        _check_row(row)
        yield row


def _kind(place: str, text: str) -> Kind:
    if text not in _KINDS:
        raise DataError(where=place, what=f"kind is {text!r}", remedy="write planned or adjust, or nothing for planned")
    return _KINDS[text]


def _check_row(row: PlanRow) -> None:
    """Raises DataError for what a row cannot say."""
    if row.kind == "adjust" and not row.note:
        raise DataError(where=row.place, what="the adjustment has no reason", remedy="say why in the column note")
    if np.isnat(row.until):
        return
    if row.kind == "planned":
        what = "until is for adjustments, and this amount is planned"
        raise DataError(where=row.place, what=what, remedy="give a row for each day, or kind adjust with a reason")
    if row.until < row.day:
        what = f"until is {iso(row.until)}, before its date {iso(row.day)}"
        raise DataError(where=row.place, what=what, remedy="write the first day in date and the last in until")
