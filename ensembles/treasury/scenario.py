"""A forecast with other levels, and with another plan: what a scenario changes of it without any model.

Days that nothing touches keep their forecasts and bands, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.table import rows_by_name
from forecasting.planned.amounts import Planned
from forecasting.schema import FloatArray

__all__ = ["LevelChange", "with_levels", "with_plan"]


@dataclass(frozen=True)
class LevelChange:
    """From the day `first` on a series is `factor` times what models forecast of it."""

    unique_id: str
    first: np.datetime64
    factor: float


def with_levels(forecast: ForecastFile, changes: Iterable[LevelChange]) -> ForecastFile:
    """The forecast and its bands, times the factors. What is planned or adjusted stays as it is."""
    more = np.ones(len(forecast))
    for change in changes:
        more[(forecast.unique_id == change.unique_id) & (forecast.ds >= change.first)] *= change.factor
    more -= 1.0
    by_hand = forecast.y_hat - forecast.model

    def scaled(values: FloatArray) -> FloatArray:
        return np.where(more != 0.0, values + (values - by_hand) * more, values)

    quantiles = {p: scaled(values) for p, values in forecast.quantiles.items()}
    return replace(forecast, y_hat=scaled(forecast.y_hat), quantiles=quantiles)


def with_plan(forecast: ForecastFile, before: Planned, after: Planned) -> ForecastFile:
    """The blend's forecast with the plan `after` instead of `before`; bands move with it."""
    if forecast.planned is None and not after.rows:
        return forecast
    planned, adjusted, more = (np.zeros(len(forecast)) for _ in range(3))
    for uid, rows in rows_by_name(forecast.unique_id).items():
        ds = forecast.ds[rows]
        planned[rows], adjusted[rows] = after.amounts(uid, ds, after.end), after.adjustments(uid, ds)
        by_hand = before.amounts(uid, ds, before.end) + before.adjustments(uid, ds)
        more[rows] = planned[rows] + adjusted[rows] - by_hand
    quantiles = {p: values + more for p, values in forecast.quantiles.items()}
    return replace(forecast, y_hat=forecast.y_hat + more, quantiles=quantiles, planned=planned, adjusted=adjusted)
