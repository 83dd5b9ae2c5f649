"""`kind: yuebao`. The competition's folder: user rows (or their daily totals), two rate tables, a profile table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from forecasting.calendar import Calendar
from forecasting.data.formats.columns import find_column, listed
from forecasting.data.formats.files import Folder, TableFile, open_location
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.writing.numerals import Numbers
from forecasting.data.loaded import Loaded
from forecasting.data.quality.finding import Finding
from forecasting.data.quality.profiles import Profiles, check_profiles, read_profiles
from forecasting.data.quality.rate_checks import check_rates
from forecasting.data.quality.user_checks import USER
from forecasting.data.rows import Rows, Rules, Strand
from forecasting.data.sources.aggregate import DailyTotals, TotalsQuery, sum_table
from forecasting.data.sources.cache import bytes_fingerprint, cached_sums, keep_sums
from forecasting.data.sources.rates import RATE_TABLES, RateRows, RateValues, carry_forward, rate_rows, rate_values
from forecasting.data.sources.table import DailyRows, read_daily
from forecasting.data.sources.user_flows import Users
from forecasting.data.sources.user_table import UserTable, read_users
from forecasting.data.spec import DataSpec
from forecasting.data.timeline import panel_of
from forecasting.errors import DataError
from forecasting.panel import Panel, Series
from forecasting.schema import FloatArray

__all__ = ["CompetitionFolder"]

_T = TypeVar("_T")
_USER_TABLE = "user_balance_table"
_DAILY_TABLE = "daily_totals"


@dataclass(frozen=True)
class _MainTable:
    """The table of users or of days: its columns, and what one reading gave.

    `rows` is an error where the user table could not be judged. Where nobody asked for checks it is None, and `totals`
    are the user table's sums, or why there are none. `notes`: what was guessed of how the user table is written.
    """

    columns: tuple[str, ...]
    of_users: bool
    rows: UserTable | DailyRows | DataError | None
    totals: DailyTotals | DataError | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Sums:
    """Daily sums ``[n_days, n_columns]`` as cells; they stand in no row of the file."""

    name: str
    columns: tuple[str, ...]
    values: FloatArray

    def place(self, record: int, column: str | None = None) -> str:
        """The file."""
        del record, column
        return self.name

    def raw(self, column: str, record: int) -> str:
        """A sum as a number."""
        return f"{self.values[record, self.columns.index(column)]:.15g}"


class CompetitionFolder:
    """The data source of the competition's folder.

    With `checked` the user table is read once for its totals and its checks. Without, only the columns that are summed
    are read, which is several times quicker.
    """

    kind = "yuebao"

    def __init__(
        self, spec: DataSpec, path: str | Path, cache_dir: Path | None, *, checked: bool, signed: bool
    ) -> None:
        del signed  # the competition's amounts are never negative
        self._spec, self._path, self._cache_dir, self._checked = spec, path, cache_dir, checked
        self._counts_users = False

    def with_users(self) -> CompetitionFolder:
        """The same folder, whose one reading gives `users` too."""
        folder = CompetitionFolder(self._spec, self._path, self._cache_dir, checked=True, signed=False)
        folder._counts_users = True
        return folder

    @cached_property
    def location(self) -> Folder | tuple[TableFile, ...]:
        """What stands at the path."""
        return open_location(self._path, self._spec.table_options)

    def load(self, calendar: Calendar) -> Loaded:
        """The panel of the folder.

        Raises
        ------
        DataError
            When neither table is there, for a missing column, a cell that is not what it should be, or a missing day.
        """
        files = self._files
        rates = [rate_values(rows) for rows in map(_or_raise, self._rates.values()) if rows is not None]
        main, names = self._main, tuple(n for table in rates for n in table.names)
        self._check_extras(files[0].name, main.columns, names)
        if main.of_users:
            loaded = self._user_series(files, main, calendar)
        else:
            assert isinstance(main.rows, DailyRows)
            loaded = main.rows.load(calendar)
        panel = _with_rates(loaded.panel, names if self._spec.past is None else self._spec.past, rates)
        said = [note for rows in self._rates.values() if isinstance(rows, RateRows) for note in rows.table.notes]
        return replace(loaded, panel=panel, notes=(*loaded.notes, *said))

    def check(self, bank_days: Calendar) -> list[Finding]:
        """What is wrong with the tables.

        Raises
        ------
        DataError
            When the table of users or of days cannot be judged at all.
        """
        rows = _or_raise(self._main.rows)
        if isinstance(rows, DailyRows):
            ds, found = rows.findings((), bank_days)
            days, users = np.unique(ds[~np.isnat(ds)]), None
        else:
            assert rows is not None
            found, days, users = rows.checks.findings(), rows.checks.sorted_days(), rows.checks.users
        if isinstance(self.location, Folder):
            span = np.arange(days[0], days[-1] + 1) if len(days) else None
            found += check_rates(self._rates, span, bank_days)
            found += check_profiles(self._profiles, users)
        return found

    @property
    def users(self) -> Users | None:
        """The users of the user table; None where there is none, or nobody asked.

        Raises
        ------
        DataError
            When the user table cannot be read.
        """
        rows = _or_raise(self._main.rows)
        if not isinstance(rows, UserTable) or rows.flows is None:
            return None
        return rows.flows.users(rows.checks, self._profiles if isinstance(self._profiles, Profiles) else None)

    def place(self, series: Series, day: np.datetime64) -> str:
        """``file:row`` of a day's first row."""
        del series
        rows = self._main.rows
        assert isinstance(rows, DailyRows | UserTable)
        return rows.place(day) if isinstance(rows, DailyRows) else rows.checks.place(day)

    @cached_property
    def _files(self) -> tuple[TableFile, ...]:
        """The files of the user table or, where it is absent, of the daily totals."""
        if not isinstance(self.location, Folder):
            return self.location
        files = self.location.find(_USER_TABLE) or self.location.find(_DAILY_TABLE)
        if not files:
            what = (
                f"the folder holds neither {_USER_TABLE} nor {_DAILY_TABLE} (.csv, .csv.gz, .zip, .parquet or a "
                "folder of parts)"
            )
            remedy = "check the path, or set data.kind to table or panel"
            raise DataError(where=self.location.name, what=what, remedy=remedy)
        return files

    @cached_property
    def _rates(self) -> dict[str, RateRows | DataError | None]:
        """The rate tables by their stems; an error where one cannot be read."""
        if not isinstance(self.location, Folder):
            return {}
        found: dict[str, RateRows | DataError | None] = {}
        for stem in RATE_TABLES:
            try:
                found[stem] = rate_rows(self.location, stem, self._spec)
            except DataError as error:
                found[stem] = error
        return found

    @cached_property
    def _profiles(self) -> Profiles | Finding | None:
        """The profile table; a finding where it cannot be used."""
        return read_profiles(self.location) if isinstance(self.location, Folder) else None

    @cached_property
    def _extras(self) -> tuple[str, ...]:
        """The past covariates that the main table should hold."""
        named = {n for rows in self._rates.values() if isinstance(rows, RateRows) for n in rows.names}
        return tuple(n for n in self._spec.past or () if n not in named)

    @cached_property
    def _main(self) -> _MainTable:
        with OpenTable(self._files, fingerprinted=self._checked and self._cache_dir is not None) as opened:
            of_users = USER in opened.columns
            if not of_users:
                present = [n for n in self._extras if self._spec.columns.get(n, n) in opened.columns]
                return _MainTable(opened.columns, of_users, read_daily(opened, self._spec, present))
            if not self._checked:
                return _MainTable(opened.columns, of_users, None, self._sums_alone(opened), opened.notes)
            try:
                judged = self._query(opened.columns, opened.name, ())
                rows = read_users(opened, self._query_if_whole(opened), judged, flows=self._counts_users)
            except DataError as error:
                return _MainTable(opened.columns, of_users, error)
            return _MainTable(opened.columns, of_users, rows, notes=opened.notes)

    def _sums_alone(self, opened: OpenTable) -> DailyTotals | DataError | None:
        query = self._query_if_whole(opened)
        if query is None or self._cache_dir is not None:
            return None
        try:
            return sum_table(opened, query)
        except DataError as error:
            return error

    def _query(self, available: Sequence[str], where: str, extras: tuple[str, ...]) -> TotalsQuery:
        """Which columns of the user table are summed."""
        columns = self._spec.columns
        return TotalsQuery(
            date=find_column("ds", columns, available, where),
            amounts=tuple(find_column(t, columns, available, where) for t in self._spec.targets),
            extras=tuple(find_column(p, columns, available, where) for p in extras),
            scale=100 if self._spec.unit == "CNY" else 1,
            until=None if self._spec.as_of is None else self._spec.as_of.isoformat(),
            written=(self._spec.decimal, self._spec.date_format or ""),
        )

    def _query_if_whole(self, opened: OpenTable) -> TotalsQuery | None:
        try:
            return self._query(opened.columns, opened.name, self._extras)
        except DataError:
            return None  # loading says which column is missing

    def _check_extras(self, where: str, available: Sequence[str], rate_names: Sequence[str]) -> None:
        for name in self._extras:
            if self._spec.columns.get(name, name) not in available:
                what = (
                    f"there is no column for the past covariate {name!r} among {listed(available)}, nor in the "
                    f"rate tables ({listed(rate_names) or 'none'})"
                )
                raise DataError(where=where, what=what, remedy="correct data.past")

    def _user_series(self, files: tuple[TableFile, ...], main: _MainTable, calendar: Calendar) -> Loaded:
        query = self._query(main.columns, files[0].name, self._extras)
        totals = self._totals(files, main, query)
        values: FloatArray = totals.sums.astype(np.float64) / query.scale
        n = len(query.amounts)
        known = np.zeros(len(totals.ds), dtype=bool)
        amounts = {column: Numbers(values[:, k], known, known) for k, column in enumerate(query.amounts)}
        cells = _Sums(files[0].name, query.amounts, values)
        rows = Rows(cells, totals.ds, amounts, values[:, n:], self._extras, Rules.of(self._spec, signed=False))
        records = np.arange(len(totals.ds))
        targets = zip(self._spec.targets, query.amounts, strict=True)
        loaded = panel_of(rows, [Strand(Series(target), column, records) for target, column in targets], calendar)
        return replace(loaded, notes=(*main.notes, *totals.notes, *loaded.notes))

    def _totals(self, files: tuple[TableFile, ...], main: _MainTable, query: TotalsQuery) -> DailyTotals:
        if main.totals is not None:
            return _or_raise(main.totals)
        if not isinstance(main.rows, UserTable) or main.rows.sums is None:
            return cached_sums(files, query, self._cache_dir)
        totals = main.rows.sums.totals(files[0].name)
        if self._cache_dir is not None:
            keep_sums(self._cache_dir, main.rows.fingerprint or bytes_fingerprint(files), query, totals)
        return totals


def _or_raise(value: _T | DataError) -> _T:
    if isinstance(value, DataError):
        raise value
    return value


def _with_rates(panel: Panel, names: tuple[str, ...], rates: Sequence[RateValues]) -> Panel:
    """The panel with the covariates `names`, in that order, from its own columns and the rate tables."""
    columns: dict[str, FloatArray] = {n: panel.past[0, :, k] for k, n in enumerate(panel.past_names)}
    gaps = {n: np.zeros(len(panel.ds), dtype=np.bool_) for n in columns}
    for table in rates:
        values, carried = carry_forward(table, panel.ds)
        columns |= dict(zip(table.names, values.T, strict=True))
        gaps |= dict(zip(table.names, carried.T, strict=True))
    past, carried = (_for_all([of[n] for n in names], panel) for of in (columns, gaps))
    return replace(panel, past=past, past_names=tuple(names), carried=carried.astype(bool) if carried.any() else None)


def _for_all(columns: Sequence[np.ndarray[Any, Any]], panel: Panel) -> np.ndarray[Any, Any]:
    """Columns ``[n]`` that all series share, ``[n_series, n, n_columns]``."""
    shared = np.array(columns).reshape(len(columns), len(panel.ds)).T
    return np.repeat(shared[None], len(panel.series), axis=0)
