"""The blend and what it has to beat, on the backtest windows: forecasts, actual values, scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ensembles.files.oof_parquet import cubes_of_run
from ensembles.judging.judge import Forecasts, Judge
from ensembles.oof import OofCube, average_families
from ensembles.report.data import ReportData
from forecasting.schema import BLEND, CUTOFF, DS, MEMBER, UNIQUE_ID, Y_HAT, FloatArray, as_dates

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BEST_SINGLE", "NAIVE", "Honest", "honest_of"]

BEST_SINGLE = "best single member"
NAIVE = "seasonal naive"


@dataclass(frozen=True)
class Honest:
    """`cubes` of all members per target; `forecasts` by contender, the blend first."""

    cubes: Mapping[str, OofCube]
    judge: Judge
    forecasts: Mapping[str, Forecasts]

    @property
    def blend(self) -> Forecasts:
        return self.forecasts[BLEND]


def honest_of(data: ReportData) -> Honest | None:
    """None when the run has no blend.

    Raises
    ------
    StorageError
        When the files do not belong together.
    """
    if data.oof is None or data.blend is None:
        return None
    cubes = cubes_of_run(data.oof, data.board)
    first = next(iter(cubes.values()))
    judge = Judge({t: c.y for t, c in cubes.items()}, data.board["weights"], data.board["surrogate"], first.horizons)
    forecasts: dict[str, Forecasts] = {BLEND: {t: _of_blend(data.oof, cube) for t, cube in cubes.items()}}
    if data.board["best_single"] is not None:
        picks = data.board["best_single"]["picks"]
        forecasts[BEST_SINGLE] = {t: _as_picked(cube, picks) for t, cube in cubes.items()}
    naive = {t: found for t, cube in cubes.items() if (found := _naive(cube)) is not None}
    if len(naive) == len(cubes):
        forecasts[NAIVE] = naive
    return Honest(cubes, judge, forecasts)


def _of_blend(oof: pa.Table, cube: OofCube) -> FloatArray:
    import pyarrow.compute as pc

    rows = oof.filter(pc.and_(pc.equal(oof[MEMBER], BLEND), pc.is_in(oof[UNIQUE_ID], _set_of(cube))))
    series = {uid: i for i, uid in enumerate(cube.unique_ids)}
    cutoffs = as_dates(rows[CUTOFF].to_numpy())
    step = (as_dates(rows[DS].to_numpy()) - cutoffs).astype(np.int64) - 1
    y_hat = np.full(cube.y.shape, np.nan)
    place = [series[uid] for uid in rows[UNIQUE_ID].to_pylist()]
    y_hat[place, np.searchsorted(as_dates(cube.cutoffs), cutoffs), step] = rows[Y_HAT].to_numpy()
    return y_hat


def _set_of(cube: OofCube) -> pa.Array:
    import pyarrow as pa

    return pa.array(cube.unique_ids, pa.string())


def _as_picked(cube: OofCube, picks: list[str | None]) -> FloatArray:
    """The mean over families stands where nothing could be picked yet."""
    by_name = {member.name: i for i, member in enumerate(cube.members)}
    y_hat = np.empty(cube.y.shape)
    fallback = average_families(cube.blendable()).y_hat.mean(axis=-1)
    for window, pick in enumerate(picks):
        y_hat[:, window] = fallback[:, window] if pick is None else cube.y_hat[:, window, :, by_name[pick]]
    return y_hat


def _naive(cube: OofCube) -> FloatArray | None:
    found = (i for i, member in enumerate(cube.members) if member.setting.startswith("seasonal-naive"))
    place = next(found, None)
    return None if place is None else cube.y_hat[..., place]
