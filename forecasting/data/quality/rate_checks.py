"""Checks of the two rate tables: days, numbers, how far they reach, and holes on days that should have a value."""

from __future__ import annotations

import numpy as np

from forecasting.calendar import Calendar
from forecasting.data.formats.columns import find_column
from forecasting.data.formats.files import Folder
from forecasting.data.formats.reading import columns_of
from forecasting.data.formats.table import Frame, read_frame
from forecasting.data.quality.finding import Finding
from forecasting.data.quality.table_checks import check_covariates, check_days, finding_of
from forecasting.data.sources.rates import RATE_TABLES
from forecasting.errors import DataError
from forecasting.schema import DateArray, iso

__all__ = ["check_rates"]

_FILLED = "days without a value take the last one known"


def check_rates(folder: Folder, span: DateArray | None, calendar: Calendar) -> list[Finding]:
    """Findings about the folder's rate tables over the days of the data (None: unknown)."""
    found: list[Finding] = []
    for stem in RATE_TABLES:
        files = folder.find(stem)
        if not files:
            found.append(Finding("rate table", "info", 1, stem, "absent", "add it to use its rates as past covariates"))
            continue
        try:
            available = columns_of(files[0])
            date = find_column("ds", {}, available, files[0].name)
            frame = read_frame(files, available)
        except DataError as error:
            found.append(finding_of(error))
            continue
        ds, of_days = check_days(frame, date, gaps=None)
        names = [c for c in available if c != date]
        found += of_days + check_covariates(frame, names)
        if span is not None and not np.isnat(ds).all():
            bank_days_only = stem == RATE_TABLES[1]
            found += _coverage(frame, ds, names, span, calendar if bank_days_only else None)
    return found


def _coverage(frame: Frame, ds: DateArray, names: list[str], span: DateArray, bank: Calendar | None) -> list[Finding]:
    name = frame.files[0].name
    known = np.sort(ds[~np.isnat(ds)])
    found = []
    expected = span if bank is None else span[bank.days(span).workday]
    if known[0] > expected[0]:
        late = int((expected < known[0]).sum())
        value = f"begins on {iso(known[0])}, the data on {iso(span[0])}"
        found.append(Finding("rate coverage", "warning", late, name, value, "add the days before; they stay unknown"))
    if known[-1] < expected[-1]:
        early = int((expected > known[-1]).sum())
        value = f"ends on {iso(known[-1])}, the data on {iso(span[-1])}"
        found.append(Finding("rate coverage", "warning", early, name, value, f"add the days after; {_FILLED}"))
    within = expected[(expected >= known[0]) & (expected <= known[-1])]
    holes = within[~np.isin(within, known)]
    if len(holes):
        after = int(np.flatnonzero(ds == known[np.searchsorted(known, holes[0])])[0])
        value = f"no row for {iso(holes[0])}" + ("" if bank is None else ", a bank day")
        found.append(Finding("rate hole", "warning", len(holes), frame.place(after), value, f"add it; {_FILLED}"))
    for column in names:
        empty = np.flatnonzero(frame.numbers(column).missing)
        if len(empty):
            value = f"{column} is empty"
            found.append(
                Finding("rate hole", "warning", len(empty), frame.place(int(empty[0])), value, f"add it; {_FILLED}")
            )
    return found
