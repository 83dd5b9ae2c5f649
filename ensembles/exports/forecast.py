"""forecast.csv: the submission for people, with ISO dates, day types, net flow and prediction intervals; and both.

Amounts are in the user's unit, with the decimals of the data; the competition's fen are given in CNY and in fen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ensembles.bands.quantiles import quantile_name
from ensembles.exports.layout import Cell, by_entity, csv_for_people
from ensembles.exports.submission import submission_csv, submission_names
from ensembles.files.amounts import Amounts
from ensembles.files.day_names import DAY_COLUMNS, named_days
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.table import Quantiles
from ensembles.judging.signals import signals_ahead
from forecasting.calendar import Calendar
from forecasting.panel import Series
from forecasting.schema import DateArray, FloatArray, IntArray

__all__ = ["forecast_csv", "forecast_files"]

Columns = dict[str, Sequence[Cell]]
"""Cells of one entity's days by the name of the column."""


def forecast_files(
    forecast: ForecastFile,
    targets: Sequence[str],
    calendar: Calendar,
    amounts: Amounts,
    beyond: float | None,
    last: Mapping[Series, float],
) -> dict[str, bytes]:
    """The submission, under each of its names, and forecast.csv, of the blend's rows.

    Parameters
    ----------
    beyond
        Least change that is a signal, as a share; None: no signals.
    last
        Last amount known of each series, which signals are held against.
    """
    series = forecast.blend_by_series()
    ds = next(iter(series.values())).ds
    y_hat = {found: rows.y_hat for found, rows in series.items()}
    quantiles = {found: rows.quantiles for found, rows in series.items()}
    signals = {} if beyond is None else signals_ahead(y_hat, last, beyond)
    submission = submission_csv(ds, y_hat, targets, amounts)
    return {
        **dict.fromkeys(submission_names(amounts, targets), submission),
        "forecast.csv": forecast_csv(ds, y_hat, targets, calendar, amounts, quantiles, signals),
    }


def forecast_csv(
    ds: DateArray,
    y_hat: Mapping[Series, FloatArray],
    targets: Sequence[str],
    calendar: Calendar,
    amounts: Amounts,
    quantiles: Mapping[Series, Quantiles] | None = None,
    signals: Mapping[Series, IntArray] | None = None,
) -> bytes:
    """ISO dates, weekday, day type and holiday, amounts; in a panel the entity first.

    Two targets are what comes in and what goes out: their difference is the net flow.

    Parameters
    ----------
    ds
        The days forecast, ``[horizon]``.
    y_hat
        Forecast ``[horizon]`` of each series. The cells of a target that an entity lacks are empty.
    quantiles
        Of the prediction intervals, ``[horizon]`` of each series; empty cells where there are none.
    signals
        Which way each series is forecast to go, -1, 0 or +1 ``[horizon]``; no columns where there are none.

    Raises
    ------
    ValueError
        When a forecast is not finite.
    """
    named = {s: {quantile_name(p): v for p, v in found.items()} for s, found in (quantiles or {}).items()}
    ends, ways = dict(by_entity(named, targets)), dict(by_entity(signals or {}, targets))
    tables: list[tuple[str | None, Columns]] = []
    for entity, values in by_entity(y_hat, targets):
        columns = _amounts({t: amounts.submitted(column, t) for t, column in values.items()}, targets, amounts, len(ds))
        columns |= _band_amounts(ends.get(entity, {}), targets, amounts, len(ds))
        tables.append((entity, columns | _signals(ways.get(entity), targets, len(ds))))
    return csv_for_people(_rows(tables, ds, calendar))


def _rows(tables: Sequence[tuple[str | None, Columns]], ds: DateArray, calendar: Calendar) -> Iterator[list[Cell]]:
    panel = any(entity is not None for entity, _ in tables)
    days = named_days(calendar, ds)
    for place, (entity, columns) in enumerate(tables):
        if place == 0:
            yield [*(["entity"] if panel else []), *DAY_COLUMNS, *columns]
        for i, day in enumerate(days):
            yield [*([entity] if panel else []), *day.cells, *(column[i] for column in columns.values())]


def _amounts(values: Mapping[str, FloatArray], targets: Sequence[str], amounts: Amounts, n_days: int) -> Columns:
    """`values` are rounded."""
    unknown = np.full(n_days, np.nan)
    flows = {target: values.get(target, unknown) for target in targets}
    columns: Columns = {amounts.column(t): _cells(flow, amounts) for t, flow in flows.items()}
    if len(targets) == 2:
        columns[amounts.column("net_flow")] = _cells(flows[targets[0]] - flows[targets[1]], amounts)
    if amounts.converted:
        columns |= {f"{target}_{amounts.unit}": [amounts.text(v) for v in flow] for target, flow in flows.items()}
    return columns


def _band_amounts(
    bands: Mapping[str, Mapping[str, FloatArray]], targets: Sequence[str], amounts: Amounts, n_days: int
) -> Columns:
    """`bands` by target and name of the quantile."""
    names = dict.fromkeys(name for ends in bands.values() for name in ends)
    return {
        f"{amounts.column(target)}_{name}": _cells(
            amounts.rounded(bands.get(target, {}).get(name, np.full(n_days, np.nan)), target), amounts
        )
        for target in targets
        for name in names
    }


def _signals(ways: Mapping[str, IntArray] | None, targets: Sequence[str], n_days: int) -> Columns:
    """One column, named by its target where there are several."""
    empty: list[Cell] = [None] * n_days
    names = {target: "signal" if len(targets) == 1 else f"{target}_signal" for target in targets}
    return {} if ways is None else {names[t]: ways[t].tolist() if t in ways else empty for t in targets}


def _cells(values: FloatArray, amounts: Amounts) -> list[Cell]:
    """Empty where unknown."""
    return ["" if np.isnan(value) else amounts.exact(float(value)) for value in values]
