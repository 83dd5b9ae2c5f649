"""Checks of the two rate tables: days, numbers, how far they reach, and holes on days that should have a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from forecasting.calendar import Calendar
from forecasting.data.formats.table import SmallTable
from forecasting.data.quality.finding import Finding, finding_of
from forecasting.data.quality.table_checks import check_covariates, check_days
from forecasting.errors import DataError
from forecasting.schema import DateArray, iso

if TYPE_CHECKING:
    from forecasting.data.sources.rates import RateRows

__all__ = ["check_rates"]

_FILLED = "days without a value take the last one known"


def check_rates(
    tables: Mapping[str, RateRows | DataError | None], span: DateArray | None, calendar: Calendar
) -> list[Finding]:
    """Findings about the rate tables, by their stems, over the days of the data (None: unknown).

    A table may be absent (None), or unreadable (the error).
    """
    found: list[Finding] = []
    for stem, rows in tables.items():
        if rows is None:
            found.append(Finding("rate table", "info", 1, stem, "absent", "add it to use its rates as past covariates"))
        elif isinstance(rows, DataError):
            found.append(finding_of(rows))
        else:
            found += _about(rows, span, calendar if rows.on_bank_days else None)
    return found


def _about(rows: RateRows, span: DateArray | None, bank: Calendar | None) -> list[Finding]:
    """One table; with `bank` it is expected to have rows on that calendar's work days only."""
    table, names = rows.table, list(rows.names)
    ds, found = check_days(table, rows.date, gaps=None)
    found += check_covariates(table, names)
    if span is None or np.isnat(ds).all():
        return found
    known = np.sort(ds[~np.isnat(ds)])
    expected = span if bank is None else span[bank.days(span).workday]
    found += _reach(table, known, expected, span)
    found += _missing_days(table, ds, known, expected, "" if bank is None else ", a bank day")
    return found + _empty_cells(table, names)


def _reach(table: SmallTable, known: DateArray, expected: DateArray, span: DateArray) -> list[Finding]:
    """Whether the table begins and ends with the data."""
    name, found = table.name, []
    if known[0] > expected[0]:
        late = int((expected < known[0]).sum())
        value = f"begins on {iso(known[0])}, the data on {iso(span[0])}"
        found.append(Finding("rate coverage", "warning", late, name, value, "add the days before; they stay unknown"))
    if known[-1] < expected[-1]:
        early = int((expected > known[-1]).sum())
        value = f"ends on {iso(known[-1])}, the data on {iso(span[-1])}"
        found.append(Finding("rate coverage", "warning", early, name, value, f"add the days after; {_FILLED}"))
    return found


def _missing_days(table: SmallTable, ds: DateArray, known: DateArray, expected: DateArray, kind: str) -> list[Finding]:
    """Days within the table's reach that should have a row and have none; `kind` of day, for the sentence."""
    within = expected[(expected >= known[0]) & (expected <= known[-1])]
    holes = within[~np.isin(within, known)]
    if len(holes):
        after = int(np.flatnonzero(ds == known[np.searchsorted(known, holes[0])])[0])
        value = f"no row for {iso(holes[0])}" + kind
        return [Finding("rate hole", "warning", len(holes), table.place(after), value, f"add it; {_FILLED}")]
    return []


def _empty_cells(table: SmallTable, names: list[str]) -> list[Finding]:
    found = []
    for column in names:
        empty = np.flatnonzero(table.numbers(column).missing)
        if len(empty):
            value = f"{column} is empty"
            found.append(
                Finding("rate hole", "warning", len(empty), table.place(int(empty[0])), value, f"add it; {_FILLED}")
            )
    return found
