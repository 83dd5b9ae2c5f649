"""Checks of one small table in which every row is a day: daily totals, a daily table, a rate table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecasting.data.formats.decode import EXACT, decode_dates
from forecasting.data.formats.table import Frame
from forecasting.data.quality.finding import Finding, Severity
from forecasting.errors import DataError
from forecasting.schema import DateArray, IntArray, iso

__all__ = ["DAY_REMEDY", "check_amounts", "check_covariates", "check_days", "finding_of", "records_finding"]

DAY_REMEDY = "write YYYYMMDD or YYYY-MM-DD"


def finding_of(error: DataError, check: str = "readable") -> Finding:
    """An error's sentence as a row: its place, what is there, its remedy."""
    place, _, rest = str(error).partition(": ")
    value, _, remedy = rest.rpartition(": ")
    return Finding(check, "error", 1, place, value, remedy)


def records_finding(
    frame: Frame, check: str, severity: Severity, records: Sequence[int] | IntArray, value: str, remedy: str
) -> list[Finding]:
    """One finding for the records, none when there are none."""
    if len(records) == 0:
        return []
    return [Finding(check, severity, len(records), frame.place(int(min(records))), value, remedy)]


def check_days(frame: Frame, column: str, *, gaps: Severity | None) -> tuple[DateArray, list[Finding]]:
    """The days ``[n]``, NaT where there is none, with what is wrong with them; missing days have severity `gaps`."""
    ds = decode_dates(frame.columns[column])
    bad = np.flatnonzero(np.isnat(ds))
    shown = frame.raw(column, int(bad[0])) if len(bad) else ""
    found = records_finding(frame, "date", "error", bad, f"{column} is {shown}", DAY_REMEDY)
    order = np.argsort(ds, kind="stable")
    order = order[: len(ds) - len(bad)]  # NaT sorts last
    step = np.diff(ds[order]).astype(np.int64)
    twice = order[1:][step == 0]
    if len(twice):
        day = iso(ds[int(twice.min())])
        found += records_finding(frame, "duplicate day", "error", twice, day, "keep one row a day")
    after = np.flatnonzero(step > 1)
    if len(after) and gaps is not None:
        missing = int((step[after] - 1).sum())
        record, day = int(order[after[0] + 1]), iso(ds[order[after[0]]] + 1)
        found.append(
            Finding("missing day", gaps, missing, frame.place(record), f"no row for {day}", "add the missing day(s)")
        )
    return ds, found


def check_amounts(frame: Frame, column: str, ds: DateArray) -> list[Finding]:
    """What is wrong with a target's column."""
    numbers = frame.numbers(column)
    with np.errstate(invalid="ignore"):
        kinds = {
            "missing amount": (numbers.missing, "fill it in (0 if nothing flowed)"),
            "not a number": (numbers.bad, "correct it"),
            "negative amount": (numbers.values < 0, "correct it"),
            "too large": (numbers.values >= EXACT, "use a larger unit: amounts above 2^53 are not exact"),
        }
    found: list[Finding] = []
    for check, (mask, remedy) in kinds.items():
        records = np.flatnonzero(mask)
        if len(records):
            k = int(records[0])
            value = f"{column} on {'?' if np.isnat(ds[k]) else iso(ds[k])} is {frame.raw(column, k)}"
            found += records_finding(frame, f"{check}: {column}", "error", records, value, remedy)
    return found


def check_covariates(frame: Frame, columns: Sequence[str]) -> list[Finding]:
    """Cells of past covariates that are no numbers."""
    found: list[Finding] = []
    for column in columns:
        bad = np.flatnonzero(frame.numbers(column).bad)
        if len(bad):
            value = f"{column} is {frame.raw(column, int(bad[0]))}"
            found += records_finding(frame, f"not a number: {column}", "error", bad, value, "mend it or leave it empty")
    return found
