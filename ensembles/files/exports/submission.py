"""submission.csv: the forecast as the competition takes it, without a header."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ensembles.files.amounts import whole_units
from ensembles.files.exports.layout import Cell, csv_bytes, forecasts_by_entity
from forecasting.schema import DateArray, FloatArray, as_dates, iso

__all__ = ["submission_csv"]


def submission_csv(ds: DateArray, y_hat: Mapping[str, FloatArray], targets: Sequence[str]) -> bytes:
    """``YYYYMMDD`` and one whole number per target, at least 0; in a panel the entity first.

    Parameters
    ----------
    ds
        The days forecast, ``[horizon]``.
    y_hat
        Forecast ``[horizon]`` of each series by unique_id. An entity without a forecast of every target is left out.
    targets
        Order of the columns.

    Raises
    ------
    ValueError
        When a forecast is not finite.
    """
    return csv_bytes(_rows(ds, y_hat, targets))


def _rows(ds: DateArray, y_hat: Mapping[str, FloatArray], targets: Sequence[str]) -> Iterator[list[Cell]]:
    for entity, values in forecasts_by_entity(y_hat, targets):
        head: list[Cell] = [] if entity is None else [entity]
        whole = [whole_units(column) for column in values]
        for i, day in enumerate(as_dates(ds)):
            yield [*head, iso(day).replace("-", ""), *(column[i] for column in whole)]
