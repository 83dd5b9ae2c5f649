"""All checks of one data set, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from forecasting.calendar import Calendar
from forecasting.data.formats.columns import find_column, listed
from forecasting.data.formats.decode import decode_dates
from forecasting.data.formats.files import Folder, TableFile, open_location, table_at
from forecasting.data.formats.reading import columns_of, rows_of
from forecasting.data.formats.table import read_frame
from forecasting.data.load import read
from forecasting.data.quality.finding import Finding
from forecasting.data.quality.identities import IDENTITIES
from forecasting.data.quality.profiles import check_profiles
from forecasting.data.quality.rate_checks import check_rates
from forecasting.data.quality.series_checks import Place, check_series
from forecasting.data.quality.table_checks import check_amounts, check_covariates, check_days, finding_of
from forecasting.data.quality.user_checks import USER, UserTable, check_users
from forecasting.data.sources.aggregate import TotalsQuery
from forecasting.data.sources.yuebao import totals_query, user_or_daily_table
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Panel
from forecasting.schema import UNIQUE_ID, DateArray, iso

__all__ = ["check"]

_ORDER = {"error": 0, "warning": 1, "info": 2}
_Where = Callable[[np.datetime64], str]
"""``file:row`` of a day."""


def check(spec: DataSpec, path: str | Path, calendar: str | None) -> list[Finding]:
    """Everything worth saying about the data at `path`, errors first.

    There is an error among the findings whenever `forecasting.data.load.read` would raise DataError; duplicate rows of
    a user and day are errors too, since their amounts would count twice. Series of a panel that would be left out are
    warnings.

    Parameters
    ----------
    spec
        What the data are.
    path
        A file or folder, or a pyarrow.fs URI.
    calendar
        ISO code of the country whose bank days count, None for weekends only.

    Raises
    ------
    ConfigError
        For a calendar that is not known.
    """
    try:
        if spec.kind == "yuebao":
            found, where = _check_yuebao(spec, open_location(path), Calendar(calendar))
        elif spec.kind == "table":
            found, where = _check_daily(spec, table_at(path), spec.past or ())
        else:
            found, where = [], None
    except DataError as error:
        return [finding_of(error)]
    if not any(f.severity == "error" for f in found):
        found += _check_panel(spec, path, calendar, where)
    return sorted(found, key=lambda f: _ORDER[f.severity])


def _check_panel(spec: DataSpec, path: str | Path, calendar: str | None, where: _Where | None) -> list[Finding]:
    """What reading itself says, and what the series look like."""
    try:
        loaded = read(spec, path, calendar)
    except DataError as error:
        return [finding_of(error)]
    found = []
    for problem in loaded.problems:
        as_error = finding_of(DataError(problem.reason))
        check_name = f"series left out: {problem.series.unique_id}"
        found.append(Finding(check_name, "warning", 1, as_error.where, as_error.value, as_error.remedy))
    if where is not None:
        day_place = where
        return found + check_series(loaded.panel, lambda _, day: day_place(day))
    return found + check_series(loaded.panel, _panel_place(spec, table_at(path), loaded.panel))


def _panel_place(spec: DataSpec, files: Sequence[TableFile], panel: Panel) -> Place:
    """Where a day of a panel's series stands; the table is looked through again when asked."""

    def place(row: int, day: np.datetime64) -> str:
        available, name = columns_of(files[0]), files[0].name
        date = find_column("ds", spec.columns, available, name)
        key = spec.entity or find_column(UNIQUE_ID, spec.columns, available, name)
        frame = read_frame(files, [key, date])
        series = panel.series[row]
        wanted = {series.entity, series.unique_id} if spec.entity is None else {series.entity}
        texts = frame.columns[key].cast(pa.string()).to_pylist()
        mine = np.array([(t or "").strip() in wanted for t in texts])
        return frame.place(int(np.argmax(mine & (frame.days(date) == day))))

    return place


def _check_yuebao(
    spec: DataSpec, data: Folder | tuple[TableFile, ...], calendar: Calendar
) -> tuple[list[Finding], _Where]:
    files = user_or_daily_table(data)
    users: UserTable | None = None
    if USER in columns_of(files[0]):
        users = check_users(files, _query(spec, files))
        found, where = _about_users(files, users)
        span = _span(np.array(sorted(users.days), dtype="datetime64[D]"))
    else:
        found, where = _check_daily(spec, files, ())
        span = _span(_days_of(spec, files))
    if isinstance(data, Folder):
        found += check_rates(data, span, calendar)
        found += check_profiles(data, None if users is None else users.users)
    return found, where


def _about_users(files: Sequence[TableFile], table: UserTable) -> tuple[list[Finding], _Where]:
    found = table.findings(files)
    available = columns_of(files[0])
    absent = [c for total, (plus, minus) in IDENTITIES.items() for c in (total, *plus, *minus) if c not in available]
    if absent:
        value = f"no column {listed(list(dict.fromkeys(absent)))}"
        found.append(Finding("schema", "info", 1, files[0].name, value, "nothing to do: sums over it are not checked"))

    def where(day: np.datetime64) -> str:
        part, record = table.days[day]
        return f"{files[part].name}:{rows_of(files[part], [record])[0]}"

    days = np.array(sorted(table.days), dtype="datetime64[D]")
    after = np.flatnonzero(np.diff(days).astype(np.int64) > 1)
    if len(after):
        missing = int((np.diff(days).astype(np.int64) - 1).sum())
        value, place = f"no row for {iso(days[after[0]] + 1)}", where(days[after[0] + 1])
        found.append(Finding("missing day", "error", missing, place, value, "add the missing day(s)"))
    if len(table.first_day):
        first = table.first_day
        begin = int((first == first.min()).sum())
        value = f"{begin} of {len(first)} users begin on {iso(first.min())}, the last on {iso(first.max())}"
        found.append(Finding("users' first days", "info", len(first), files[0].name, value, "nothing to do"))
    if not table.days and not any(f.severity == "error" for f in found):
        found.append(
            Finding("rows", "error", 1, files[0].name, "a header and no rows", "give at least some days of data")
        )
    return found, where


def _check_daily(spec: DataSpec, files: Sequence[TableFile], past: Sequence[str]) -> tuple[list[Finding], _Where]:
    available, name = columns_of(files[0]), files[0].name
    date = find_column("ds", spec.columns, available, name)
    targets = [find_column(t, spec.columns, available, name) for t in spec.targets]
    covariates = [find_column(p, spec.columns, available, name) for p in past]
    frame = read_frame(files, [date, *targets, *covariates])
    ds, found = check_days(frame, date, gaps="error")
    for target in targets:
        found += check_amounts(frame, target, ds)
    found += check_covariates(frame, covariates)
    return found, lambda day: frame.place(int(np.flatnonzero(ds == day)[0]))


def _days_of(spec: DataSpec, files: Sequence[TableFile]) -> DateArray:
    date = find_column("ds", spec.columns, columns_of(files[0]), files[0].name)
    ds = decode_dates(read_frame(files, [date]).columns[date])
    return np.unique(ds[~np.isnat(ds)])


def _query(spec: DataSpec, files: Sequence[TableFile]) -> TotalsQuery:
    return totals_query(spec.model_copy(update={"past": None}), columns_of(files[0]), files[0].name)


def _span(days: DateArray) -> DateArray | None:
    return np.arange(days[0], days[-1] + 1) if len(days) else None
