"""`kind: table`. One table of periods: a date column, one column per target, past covariates if any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from forecasting.axis import WEEK, infer_axis
from forecasting.calendar import Calendar
from forecasting.data.balance import balance_column, closing
from forecasting.data.formats.columns import check_distinct, find_column
from forecasting.data.formats.files import TableFile, table_at
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable
from forecasting.data.formats.whole import read_table
from forecasting.data.loaded import Loaded
from forecasting.data.quality.finding import Finding
from forecasting.data.quality.table_checks import check_amounts, check_covariates, check_days
from forecasting.data.rows import Rows, Rules, Strand, empty_future, until_day
from forecasting.data.spec import DataSpec
from forecasting.data.timeline import panel_of
from forecasting.panel import Series
from forecasting.schema import DateArray, FloatArray, iso

__all__ = ["DailyRows", "DailyTable", "read_daily", "without_future"]


@dataclass(frozen=True)
class DailyRows:
    """A table of periods as it was read: its date column, and our names -> columns of targets and past covariates.

    `notes` say which rows were dropped; `balance` is the column of balances, if one is named.
    """

    table: SmallTable
    date: str
    targets: dict[str, str]
    past: dict[str, str]
    rules: Rules
    notes: tuple[str, ...] = ()
    balance: str | None = None

    def load(self, calendar: Calendar) -> Loaded:
        """The panel; the table's rows may stand in any order.

        Raises
        ------
        DataError
            For a cell that is not what it should be, a day that stands twice or is missing.
        """
        table = self.table
        ds = table.days(self.date)
        covariates = [table.covariate(column) for column in self.past.values()]
        past: FloatArray = np.stack(covariates, axis=-1) if covariates else np.empty((len(ds), 0))
        values = {column: table.numbers(column) for column in self.targets.values()}
        rows = Rows(table, ds, values, past, tuple(self.past), self.rules)
        order = np.argsort(ds, kind="stable")
        loaded = panel_of(rows, [Strand(Series(t), column, order) for t, column in self.targets.items()], calendar)
        balances = {} if self.balance is None else closing(table, self.balance, ds)[0]
        return replace(loaded, notes=table.notes + self.notes + loaded.notes, balances=balances)

    def findings(self, past: Sequence[str], calendar: Calendar) -> tuple[DateArray, list[Finding]]:
        """The days ``[n]``, NaT where there is none, and what is wrong with the table and the covariates `past`."""
        days = np.unique(self.table.dates(self.date))
        axis = infer_axis(days[~np.isnat(days)], calendar, self.rules.freq) if not np.isnat(days).all() else None
        counted = axis is not None and axis.freq != "B" and self.rules.missing == "error"
        unit = WEEK if axis is not None and axis.freq == "W" else 1
        ds, found = check_days(self.table, self.date, gaps="error" if counted else None, unit=unit)
        for target in self.targets.values():
            found += check_amounts(self.table, target, ds, self.rules)
        return ds, found + check_covariates(self.table, past)

    def place(self, day: np.datetime64) -> str:
        """``file:row`` of a day; the file, where the day has no row."""
        rows = np.flatnonzero(self.table.days(self.date) == day)
        return self.table.place(int(rows[0])) if len(rows) else self.table.name


class DailyTable:
    """The data source of one table."""

    kind = "table"

    def __init__(
        self, spec: DataSpec, path: str | Path, cache_dir: Path | None, *, checked: bool, signed: bool
    ) -> None:
        del cache_dir, checked  # a table of periods is small: it is always read whole, and never kept
        self._spec, self._path, self._signed = spec, path, signed

    @cached_property
    def location(self) -> tuple[TableFile, ...]:
        """The table's files."""
        return table_at(self._path, self._spec.table_options)

    @cached_property
    def _rows(self) -> DailyRows:
        with OpenTable(self.location) as opened:
            return read_daily(opened, self._spec, self._spec.past or (), signed=self._signed)

    def load(self, calendar: Calendar) -> Loaded:
        """The panel of the table."""
        return self._rows.load(calendar)

    def check(self, bank_days: Calendar) -> list[Finding]:
        """What is wrong with the table."""
        return self._rows.findings(list(self._rows.past.values()), bank_days)[1]

    def place(self, series: Series, day: np.datetime64) -> str:
        """``file:row`` of a day."""
        del series
        return self._rows.place(day)


def read_daily(opened: OpenTable, spec: DataSpec, past: Sequence[str], *, signed: bool = False) -> DailyRows:
    """The rows of an opened table of periods, with the covariates `past`: up to `spec.as_of`, and without a future of
    empty rows.

    Raises
    ------
    DataError
        For a missing column, or a table that cannot be read.
    """

    def column(name: str) -> str:
        return find_column(name, spec.columns, opened.columns, opened.name)

    date = column("ds")
    targets = {name: column(name) for name in spec.targets}
    check_distinct(targets, opened.name)
    covariates = {name: column(name) for name in past}
    balance = balance_column(spec.balance, opened.columns, opened.name)
    amounts = [*targets.values(), *covariates.values(), *([] if balance is None else [balance])]
    table = read_table(opened, (), list(dict.fromkeys(amounts)), date, spec.as_of)
    table = table.where(until_day(table.dates(date), spec.as_of, table.name))
    table, notes = without_future(table, date, list(targets.values()))
    return DailyRows(table, date, targets, covariates, Rules.of(spec, signed=signed), notes, balance)


def without_future(table: SmallTable, date: str, targets: Sequence[str]) -> tuple[SmallTable, tuple[str, ...]]:
    """The table without its rows after the last day with an amount, and a note if there are any."""
    ds = table.dates(date)
    future = empty_future(ds, [table.numbers(column) for column in targets])
    if not future.any():
        return table, ()
    days = np.unique(ds[future])
    count = f"{len(days)} periods" if len(days) > 1 else "1 period"
    note = f"the rows of {count} from {iso(days[0])} on hold no amounts: taken as days to come, and dropped"
    return table.where(~future), (note,)
