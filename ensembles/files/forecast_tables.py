"""Forecasts and out-of-fold forecasts of all members as Arrow tables, in long format."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ensembles.oof import OofCube
from ensembles.risk.bands import Bands
from forecasting.schema import (
    BLEND,
    CUTOFF,
    DS,
    MEMBER,
    UNIQUE_ID,
    Y_HAT,
    BoolArray,
    DateArray,
    FloatArray,
    IntArray,
    Y,
    as_dates,
)

__all__ = ["forecast_table", "oof_table", "parquet_bytes"]


def forecast_table(
    cubes: Mapping[str, OofCube],
    final: Mapping[str, FloatArray],
    blended: Mapping[str, FloatArray],
    ds: DateArray,
    bands: Mapping[str, Bands] | None = None,
) -> pa.Table:
    """forecast.parquet: unique_id, ds, member, y_hat; the blend is member ``blend``, and has lo_80 … hi_95.

    Parameters
    ----------
    final
        Per target ``[n_series, horizon, n_members]``, members in the order of its cube.
    blended
        Per target ``[n_series, horizon]``.
    ds
        The days forecast, ``[horizon]``.
    bands
        Per target the blend's prediction intervals, ``[n_series, horizon]``.
    """
    parts = []
    for target, cube in cubes.items():
        names = [*(m.name for m in cube.members), BLEND]
        values = np.concatenate([final[target], blended[target][..., None]], axis=-1)
        series, day, member = (axis.ravel() for axis in np.indices(values.shape))
        columns = {
            UNIQUE_ID: _labels(cube.unique_ids, series),
            DS: pa.array(as_dates(ds)[day]),
            MEMBER: _labels(names, member),
            Y_HAT: pa.array(values.ravel()),
            **(_ends(bands[target], member == len(cube.members), series, day) if bands else {}),
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def oof_table(
    cubes: Mapping[str, OofCube], blended: Mapping[str, FloatArray], bands: Mapping[str, Bands] | None = None
) -> pa.Table:
    """oof.parquet: unique_id, ds, cutoff, member, y_hat, y; the blend's prequential forecasts are member ``blend``.

    Parameters
    ----------
    blended
        Per target ``[n_series, n_windows, horizon]``.
    bands
        Per target its intervals in the same shape: columns lo_80 … hi_95, null for other members.
    """
    parts = []
    for target, cube in cubes.items():
        names = [*(m.name for m in cube.members), BLEND]
        values = np.concatenate([cube.y_hat, blended[target][..., None]], axis=-1)
        series, window, step, member = np.nonzero(~np.isnan(values))
        cutoffs = as_dates(cube.cutoffs)[window]
        columns = {
            UNIQUE_ID: _labels(cube.unique_ids, series),
            DS: pa.array(cutoffs + step + 1),
            CUTOFF: pa.array(cutoffs),
            MEMBER: _labels(names, member),
            Y_HAT: pa.array(values[series, window, step, member]),
            Y: pa.array(cube.y[series, window, step], from_pandas=True),
            **(_ends(bands[target], member == len(cube.members), series, window, step) if bands else {}),
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def _ends(bands: Bands, of_blend: BoolArray, *place: IntArray) -> dict[str, pa.Array]:
    """Ends of the bands on the rows of the blend, null on the others."""
    ends = {name: np.where(of_blend, values[place], np.nan) for name, values in bands.columns().items()}
    return {name: pa.array(values, from_pandas=True) for name, values in ends.items()}


def _labels(names: Sequence[str], index: IntArray) -> pa.Array:
    encoded = pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), pa.array(list(names), pa.string()))
    return encoded.cast(pa.string())


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
