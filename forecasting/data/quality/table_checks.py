"""Checks of one small table in which every row is a day: daily totals, a daily table, a rate table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecasting.data.formats.decode import FAULTS
from forecasting.data.formats.table import SmallTable
from forecasting.data.quality.finding import Finding, Severity
from forecasting.data.rows import FILL_REMEDY, Rules
from forecasting.schema import DateArray, IntArray, iso

__all__ = ["check_amounts", "check_covariates", "check_days", "records_finding"]


def records_finding(
    table: SmallTable,
    check: tuple[str, Severity],
    records: Sequence[int] | IntArray,
    value: str,
    remedy: str,
    column: str | None = None,
) -> list[Finding]:
    """One finding for the records, none when there are none; `column` is the one in which they are found."""
    if len(records) == 0:
        return []
    return [Finding(*check, len(records), table.place(int(min(records)), column), value, remedy)]


def check_days(
    table: SmallTable, column: str, *, gaps: Severity | None, unit: int = 1
) -> tuple[DateArray, list[Finding]]:
    """The days ``[n]``, NaT where there is none, with what is wrong with them; missing days have severity `gaps`.

    `unit`: days between two periods.
    """
    ds = table.dates(column)
    bad = np.flatnonzero(np.isnat(ds))
    what, remedy = table.day_fault(column, int(bad[0])) if len(bad) else ("", "")
    found = records_finding(table, ("date", "error"), bad, what, remedy, column)
    order = np.argsort(ds, kind="stable")
    order = order[: len(ds) - len(bad)]  # NaT sorts last
    step = np.diff(ds[order]).astype(np.int64) // unit
    twice = order[1:][step == 0]
    if len(twice):
        day = iso(ds[int(twice.min())])
        found += records_finding(table, ("duplicate day", "error"), twice, day, "keep one row a day")
    after = np.flatnonzero(step > 1)
    if len(after) and gaps is not None:
        missing = int((step[after] - 1).sum())
        record, day = int(order[after[0] + 1]), iso(ds[order[after[0]]] + unit)
        value, remedy = f"no row for {day}", f"add the missing day(s), or {FILL_REMEDY}"
        found.append(Finding("missing day", gaps, missing, table.place(record), value, remedy))
    return ds, found


def check_amounts(table: SmallTable, column: str, ds: DateArray, rules: Rules) -> list[Finding]:
    """What is wrong with a target's column."""
    faults = rules.faults(table.numbers(column))
    found: list[Finding] = []
    for code in (4, 3, 2, 1):
        records = np.flatnonzero(faults == code)
        if len(records):
            k = int(records[0])
            value = f"{column} on {'?' if np.isnat(ds[k]) else iso(ds[k])} is {table.raw(column, k)}"
            check = f"{FAULTS[code].check}: {column}"
            found += records_finding(table, (check, "error"), records, value, rules.remedy(code), column)
    return found


def check_covariates(table: SmallTable, columns: Sequence[str]) -> list[Finding]:
    """Cells of past covariates that are no numbers."""
    found: list[Finding] = []
    for column in columns:
        bad = np.flatnonzero(table.numbers(column).bad)
        if len(bad):
            value, check = f"{column} is {table.raw(column, int(bad[0]))}", f"not a number: {column}"
            found += records_finding(table, (check, "error"), bad, value, "mend it or leave it empty", column)
    return found
