"""`kind: table`. One daily table: a date column, one column per target, past covariates if any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from forecasting.calendar import Calendar
from forecasting.data.formats.columns import find_column
from forecasting.data.formats.files import TableFile, table_at
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable, check_every_day, read_table
from forecasting.data.loaded import Loaded
from forecasting.data.quality.finding import Finding
from forecasting.data.quality.table_checks import check_amounts, check_covariates, check_days
from forecasting.data.spec import DataSpec
from forecasting.panel import Panel, Series
from forecasting.schema import DateArray, FloatArray

__all__ = ["DailyRows", "DailyTable", "read_daily"]


@dataclass(frozen=True)
class DailyRows:
    """A daily table as it was read: its date column, and our names -> columns of targets and past covariates."""

    table: SmallTable
    date: str
    targets: dict[str, str]
    past: dict[str, str]

    def panel(self, calendar: Calendar) -> Panel:
        """The panel; the table's rows may stand in any order.

        Raises
        ------
        DataError
            For a cell that is not what it should be, a day that stands twice or is missing.
        """
        table = self.table
        ds = table.days(self.date)
        order = check_every_day(table, ds)
        y = np.stack([table.amounts(column, ds)[order] for column in self.targets.values()])
        covariates = [table.covariate(column)[order] for column in self.past.values()]
        shared: FloatArray = np.stack(covariates, axis=-1) if covariates else np.empty((len(ds), 0))
        return Panel(
            ds=ds[order],
            series=tuple(Series(t) for t in self.targets),
            y=y,
            past=np.repeat(shared[None], len(self.targets), axis=0),
            past_names=tuple(self.past),
            calendar=calendar,
        )

    def findings(self, past: Sequence[str]) -> tuple[DateArray, list[Finding]]:
        """The days ``[n]``, NaT where there is none, and what is wrong with the table and the covariates `past`."""
        ds, found = check_days(self.table, self.date, gaps="error")
        for target in self.targets.values():
            found += check_amounts(self.table, target, ds)
        return ds, found + check_covariates(self.table, past)

    def place(self, day: np.datetime64) -> str:
        """``file:row`` of a day."""
        return self.table.place(int(np.flatnonzero(self.table.days(self.date) == day)[0]))


class DailyTable:
    """The data source of one daily table."""

    kind = "table"

    def __init__(self, spec: DataSpec, path: str | Path, cache_dir: Path | None, *, checked: bool) -> None:
        del cache_dir, checked  # a daily table is small: it is always read whole, and never kept
        self._spec, self._path = spec, path

    @cached_property
    def location(self) -> tuple[TableFile, ...]:
        """The table's files."""
        return table_at(self._path)

    @cached_property
    def _rows(self) -> DailyRows:
        with OpenTable(self.location) as opened:
            return read_daily(opened, self._spec, self._spec.past or ())

    def load(self, calendar: Calendar) -> Loaded:
        """The panel of the table."""
        return Loaded(self._rows.panel(calendar))

    def check(self, bank_days: Calendar) -> list[Finding]:
        """What is wrong with the table."""
        del bank_days
        return self._rows.findings(list(self._rows.past.values()))[1]

    def place(self, series: Series, day: np.datetime64) -> str:
        """``file:row`` of a day."""
        del series
        return self._rows.place(day)


def read_daily(opened: OpenTable, spec: DataSpec, past: Sequence[str]) -> DailyRows:
    """The rows of an opened daily table, with the covariates `past`.

    Raises
    ------
    DataError
        For a missing column, or a table that cannot be read.
    """

    def column(name: str) -> str:
        return find_column(name, spec.columns, opened.columns, opened.name)

    date = column("ds")
    targets = {name: column(name) for name in spec.targets}
    covariates = {name: column(name) for name in past}
    return DailyRows(read_table(opened, [date, *targets.values(), *covariates.values()]), date, targets, covariates)
