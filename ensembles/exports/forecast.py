"""forecast.csv: the submission for people, with ISO dates, day types, net flow and prediction intervals; and both.

Amounts are in the user's unit, with the decimals of the data; the competition's fen are given in CNY and in fen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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

__all__ = ["Beside", "forecast_csv", "forecast_files"]

Columns = dict[str, Sequence[Cell]]
"""Cells of one entity's days by the name of the column."""


@dataclass(frozen=True)
class Beside:
    """What stands beside the forecasts, ``[horizon]`` of each series: `quantiles` of the prediction intervals, empty
    cells where there are none; `signals`, which way it is to go, -1, 0 or +1; the parts of a forecast that were
    `planned` and `adjusted`. No columns where there is nothing.
    """

    quantiles: Mapping[Series, Quantiles] = field(default_factory=dict)
    signals: Mapping[Series, IntArray] = field(default_factory=dict)
    planned: Mapping[Series, FloatArray] = field(default_factory=dict)
    adjusted: Mapping[Series, FloatArray] = field(default_factory=dict)


NOTHING = Beside()


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
    beside = Beside(
        quantiles={found: rows.quantiles for found, rows in series.items()},
        signals={} if beyond is None else signals_ahead(y_hat, last, beyond),
        planned={found: rows.planned for found, rows in series.items() if rows.planned is not None},
        adjusted={found: rows.adjusted for found, rows in series.items() if rows.adjusted is not None},
    )
    submission = submission_csv(ds, y_hat, targets, amounts)
    return {
        **dict.fromkeys(submission_names(amounts, targets), submission),
        "forecast.csv": forecast_csv(ds, y_hat, targets, calendar, amounts, beside),
    }


def forecast_csv(
    ds: DateArray,
    y_hat: Mapping[Series, FloatArray],
    targets: Sequence[str],
    calendar: Calendar,
    amounts: Amounts,
    beside: Beside = NOTHING,
) -> bytes:
    """ISO dates, weekday, day type and holiday, amounts; in a panel the entity first.

    Two targets are what comes in and what goes out: their difference is the net flow.

    Parameters
    ----------
    ds
        The days forecast, ``[horizon]``.
    y_hat
        Forecast ``[horizon]`` of each series. The cells of a target that an entity lacks are empty.
    beside
        What else is said of the days.

    Raises
    ------
    ValueError
        When a forecast is not finite.
    """
    named = {s: {quantile_name(p): v for p, v in found.items()} for s, found in beside.quantiles.items()}
    ends, ways = dict(by_entity(named, targets)), dict(by_entity(beside.signals, targets))
    parts = dict(by_entity(_parts(y_hat, beside, amounts), targets))
    tables: list[tuple[str | None, Columns]] = []
    for entity, values in by_entity(y_hat, targets):
        columns = _amounts({t: amounts.submitted(column, t) for t, column in values.items()}, targets, amounts, len(ds))
        columns |= _band_amounts(ends.get(entity, {}), targets, amounts, len(ds))
        columns |= _part_amounts(parts.get(entity, {}), targets, amounts, len(ds)) if parts else {}
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


def _parts(y_hat: Mapping[Series, FloatArray], beside: Beside, amounts: Amounts) -> dict[Series, dict[str, FloatArray]]:
    """What a forecast with a plan is made of, by name of the part: as they are written, `planned`, `adjusted` and
    `model` add up to the forecast, unless that is held at 0.
    """
    adjusts = any(values.any() for values in beside.adjusted.values())
    found: dict[Series, dict[str, FloatArray]] = {}
    for series, planned in beside.planned.items():
        adjusted = beside.adjusted.get(series, np.zeros(len(planned)))
        added = planned + adjusted
        model = amounts.rounded(y_hat[series], series.target) - added
        held = y_hat[series] < 0
        model = np.where(held, y_hat[series] - added, model)
        found[series] = {"planned": planned} | ({"adjusted": adjusted} if adjusts else {}) | {"model": model}
    return found


def _part_amounts(
    parts: Mapping[str, Mapping[str, FloatArray]], targets: Sequence[str], amounts: Amounts, n_days: int
) -> Columns:
    """`parts` by target and name; the names stand alone where there is one target."""
    names = dict.fromkeys(name for of_target in parts.values() for name in of_target) or {
        "planned": None,
        "model": None,
    }
    empty = np.full(n_days, np.nan)
    return {
        (name if len(targets) == 1 else f"{amounts.column(target)}_{name}"): _cells(
            parts.get(target, {}).get(name, empty), amounts
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
