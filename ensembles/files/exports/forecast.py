"""forecast.csv: the submission for people, with ISO dates, day types, CNY and prediction intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ensembles.files.amounts import exact_cny, whole_units
from ensembles.files.day_names import DAY_COLUMNS, named_days
from ensembles.files.exports.layout import Cell, csv_bytes, forecasts_by_entity
from forecasting.calendar import Calendar
from forecasting.panel import Series
from forecasting.schema import DateArray, FloatArray
from forecasting.score.points import round_submission

if TYPE_CHECKING:
    from ensembles.risk.bands import Bands

__all__ = ["forecast_csv"]

Columns = dict[str, Sequence[Cell]]
"""Cells of one entity's days by the name of the column."""


def forecast_csv(
    ds: DateArray,
    y_hat: Mapping[str, FloatArray],
    targets: Sequence[str],
    calendar: Calendar,
    unit: str,
    net: tuple[str, str] | None = None,
    bands: Mapping[str, Bands] | None = None,
) -> bytes:
    """ISO dates, weekday, day type and holiday, amounts in CNY and fen; in a panel the entity first.

    Parameters
    ----------
    ds
        The days forecast, ``[horizon]``.
    y_hat
        Forecast ``[horizon]`` of each series by unique_id. An entity without a forecast of every target is left out.
    unit
        Unit of `y_hat`, ``fen`` or ``CNY``; with CNY there are no columns in fen.
    net
        Targets (in, out) whose difference is the net flow; None for no such column.
    bands
        Prediction intervals ``[horizon]`` of each series by unique_id, given in CNY; empty cells where there are none.

    Raises
    ------
    ValueError
        When a forecast is not finite.
    """
    tables: list[tuple[str | None, Columns]] = []
    for entity, values in forecasts_by_entity(y_hat, targets):
        columns = _amounts(dict(zip(targets, values, strict=True)), unit, net)
        if bands is not None:
            for target in targets:
                columns |= _band_amounts(target, bands[Series(target, entity).unique_id], unit)
        tables.append((entity, columns))
    return csv_bytes(_rows(tables, ds, calendar))


def _rows(tables: Sequence[tuple[str | None, Columns]], ds: DateArray, calendar: Calendar) -> Iterator[list[Cell]]:
    panel = any(entity is not None for entity, _ in tables)
    days = named_days(calendar, ds)
    for place, (entity, columns) in enumerate(tables):
        if place == 0:
            yield [*(["entity"] if panel else []), *DAY_COLUMNS, *columns]
        for i, day in enumerate(days):
            yield [*([entity] if panel else []), *day.cells, *(column[i] for column in columns.values())]


def _amounts(y_hat: Mapping[str, FloatArray], unit: str, net: tuple[str, str] | None) -> Columns:
    whole = {target: whole_units(values) for target, values in y_hat.items()}
    columns: Columns = {f"{t}_cny": [exact_cny(v, unit) for v in values] for t, values in whole.items()}
    if net:
        columns["net_flow_cny"] = [exact_cny(a - b, unit) for a, b in zip(whole[net[0]], whole[net[1]], strict=True)]
    return columns | ({f"{target}_fen": values for target, values in whole.items()} if unit == "fen" else {})


def _band_amounts(target: str, bands: Bands, unit: str) -> Columns:
    return {
        f"{target}_cny_{name}": ["" if np.isnan(v) else exact_cny(int(round_submission(v)), unit) for v in values]
        for name, values in bands.columns().items()
    }
