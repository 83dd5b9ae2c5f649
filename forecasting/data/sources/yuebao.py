"""The competition's folder: user rows (or their daily totals), two rate tables, a profile table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from forecasting.calendar import Calendar
from forecasting.data.formats.columns import find_column, listed
from forecasting.data.formats.files import Folder, TableFile
from forecasting.data.formats.reading import columns_of
from forecasting.data.sources.aggregate import DailyTotals, TotalsQuery
from forecasting.data.sources.cache import cached_sums
from forecasting.data.sources.daily import read_daily
from forecasting.data.sources.rates import RATE_TABLES, RateTable, carry_forward, read_rates
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Panel, Series
from forecasting.schema import DateArray, FloatArray, iso

__all__ = ["DAILY_TABLE", "USER_TABLE", "read_yuebao", "totals_query", "user_or_daily_table"]

USER_TABLE = "user_balance_table"
DAILY_TABLE = "daily_totals"


def read_yuebao(
    spec: DataSpec, data: Folder | tuple[TableFile, ...], calendar: Calendar, cache_dir: Path | None
) -> Panel:
    """The panel of the competition's folder.

    Raises
    ------
    DataError
        When neither table is there, for a missing column, a cell that is not what it should be, or a missing day.
    """
    files = user_or_daily_table(data)
    rates = [t for s in RATE_TABLES if isinstance(data, Folder) and (t := read_rates(data, s)) is not None]
    available, where = columns_of(files[0]), files[0].name
    rate_names = tuple(n for table in rates for n in table.names)
    past = rate_names if spec.past is None else spec.past
    extras = tuple(n for n in past if n not in rate_names)
    for name in extras:
        if spec.columns.get(name, name) not in available:
            raise DataError(
                f"{where}: there is no column for the past covariate {name!r} among {listed(available)}, nor in the "
                f"rate tables ({listed(rate_names) or 'none'}): correct data.past"
            )
    inner = spec.model_copy(update={"past": extras})
    if "user_id" in available:
        panel = _from_users(inner, files, calendar, cache_dir)
    else:
        panel = read_daily(inner, files, calendar)
    return _with_rates(panel, past, rates)


def user_or_daily_table(data: Folder | tuple[TableFile, ...]) -> tuple[TableFile, ...]:
    """The files of the user table or, where it is absent, of the daily totals.

    Raises
    ------
    DataError
        When neither is there.
    """
    if not isinstance(data, Folder):
        return data
    files = data.find(USER_TABLE) or data.find(DAILY_TABLE)
    if not files:
        raise DataError(
            f"{data.name}: the folder holds neither {USER_TABLE} nor {DAILY_TABLE} (.csv, .csv.gz, .zip, .parquet or a "
            f"folder of parts): check the path, or set data.kind to table or panel"
        )
    return files


def totals_query(spec: DataSpec, available: Sequence[str], where: str) -> TotalsQuery:
    """Which columns of the user table are summed.

    Raises
    ------
    DataError
        When a column is missing.
    """
    return TotalsQuery(
        date=find_column("ds", spec.columns, available, where),
        amounts=tuple(find_column(t, spec.columns, available, where) for t in spec.targets),
        extras=tuple(find_column(p, spec.columns, available, where) for p in spec.past or ()),
        scale=100 if spec.unit == "CNY" else 1,
    )


def _from_users(spec: DataSpec, files: tuple[TableFile, ...], calendar: Calendar, cache_dir: Path | None) -> Panel:
    query = totals_query(spec, columns_of(files[0]), files[0].name)
    totals = cached_sums(files, query, cache_dir)
    _check_every_day(files[0].name, totals)
    values: FloatArray = totals.sums.T.astype(np.float64) / query.scale
    n = len(query.amounts)
    return Panel(
        ds=totals.ds,
        series=tuple(Series(t) for t in spec.targets),
        y=values[:n],
        past=np.repeat(values[n:].T[None], n, axis=0),
        past_names=spec.past or (),
        calendar=calendar,
    )


def _check_every_day(where: str, totals: DailyTotals) -> None:
    step = np.diff(totals.ds).astype(np.int64)
    if (step != 1).any():
        k = int(np.argmax(step != 1))
        raise DataError(
            f"{where}: no row for {iso(totals.ds[k] + 1)}, the day after {iso(totals.ds[k])}: "
            f"add the {step[k] - 1} missing day(s) before {iso(totals.ds[k + 1])}"
        )


def _with_rates(panel: Panel, names: tuple[str, ...], rates: Sequence[RateTable]) -> Panel:
    """The panel with the covariates `names`, in that order, from its own columns and the rate tables."""
    columns: dict[str, FloatArray] = {n: panel.past[0, :, k] for k, n in enumerate(panel.past_names)}
    for table in rates:
        columns |= dict(zip(table.names, carry_forward(table, panel.ds).T, strict=True))
    shared = np.stack([columns[n] for n in names], axis=-1) if names else _no_columns(panel.ds)
    past = np.repeat(shared[None], len(panel.series), axis=0)
    return Panel(panel.ds, panel.series, panel.y, past, tuple(names), panel.calendar)


def _no_columns(ds: DateArray) -> FloatArray:
    return np.empty((len(ds), 0))
