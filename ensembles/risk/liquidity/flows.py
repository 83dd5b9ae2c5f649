"""Inflow and outflow of every entity as arrays: the blend's backtest forecasts, the actual values, and the forecast of
the days after the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ensembles.bands.rules import BandSpec
from ensembles.files.table import rows_by_name
from ensembles.oof import window_lengths
from forecasting.schema import DateArray, FloatArray, IntArray

if TYPE_CHECKING:
    from ensembles.files.forecast_parquet import ForecastFile
    from ensembles.files.oof_parquet import OofFile

__all__ = ["Flows", "flows_of_run"]


@dataclass(frozen=True)
class Flows:
    """Forecasts and actual values of two targets; axis 0 is (in, out).

    `entities` ``[n_entities]``, "" for a fund without a name; `cutoffs` ``[n_windows]``; `y_hat` and `y`
    ``[2, n_entities, n_windows, horizon]``, NaN where a window is padded or an amount unknown; `ds` ``[horizon]`` the
    days to come and `ahead` ``[2, n_entities, horizon]`` their forecasts; `windows` ``[n_windows, horizon]`` the dates
    of each window, NaT where it is padded; `half_life` of errors in calendar days.
    """

    entities: tuple[str, ...]
    cutoffs: DateArray
    y_hat: FloatArray
    y: FloatArray
    ds: DateArray
    ahead: FloatArray
    windows: DateArray
    half_life: float

    @property
    def horizons(self) -> IntArray:
        """Days of each window, ``[n_windows]``."""
        return window_lengths(self.y_hat)


def flows_of_run(oof: OofFile, forecast: ForecastFile, net: tuple[str, str], freq: str = "D") -> Flows | None:
    """The flows of a run; None when no entity has both targets.

    Parameters
    ----------
    net
        Targets (in, out).
    freq
        Of the data, which the memory of errors depends on.
    """
    coming = forecast.blend
    known = set(oof.blend.unique_id)
    unique_ids = {(series.entity, series.target): uid for uid, series in coming.identities().items() if uid in known}
    entities = [
        entity
        for entity in dict.fromkeys(entity for entity, _ in unique_ids)
        if all((entity, target) in unique_ids for target in net)
    ]
    if not entities:
        return None
    past = [oof.blend_grid(target) for target in net]
    chosen = [[unique_ids[entity, target] for entity in entities] for target in net]
    rows_of = [{uid: row for row, uid in enumerate(grid.unique_ids)} for grid in past]
    rows = [[found[uid] for uid in mine] for found, mine in zip(rows_of, chosen, strict=True)]
    y_hat = np.stack([grid.y_hat[mine] for grid, mine in zip(past, rows, strict=True)])
    y = np.stack([grid.y[mine] for grid, mine in zip(past, rows, strict=True)])
    ds, ahead = _ahead(coming, chosen)
    names, half_life = tuple(entity or "" for entity in entities), BandSpec.of((), freq).half_life
    return Flows(names, past[0].cutoffs, y_hat, y, ds, ahead, past[0].ds, half_life)


def _ahead(coming: ForecastFile, unique_ids: Sequence[Sequence[str]]) -> tuple[DateArray, FloatArray]:
    """The days to come, ``[horizon]``, and the forecasts of these series, ``[2, n_entities, horizon]``."""
    ds = np.unique(coming.ds)
    values, rows = np.full((len(unique_ids), len(unique_ids[0]), len(ds)), np.nan), rows_by_name(coming.unique_id)
    for side, of_side in enumerate(unique_ids):
        for entity, uid in enumerate(of_side):
            values[side, entity, np.searchsorted(ds, coming.ds[rows[uid]])] = coming.y_hat[rows[uid]]
    return ds, values
