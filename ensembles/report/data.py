"""What a report is made of: nothing but the files of a run directory, so that it can be rebuilt at any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

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
    Y,
    as_dates,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Course", "ReportData"]


@dataclass(frozen=True)
class Course:
    """One target over time, summed over entities: actual values, the blend's honest forecasts by window, and
    what comes.

    `ds` ``[n]`` and `y` ``[n]`` days of the backtest windows; `windows` (days, forecasts) of each; `next_ds`
    and `next_y_hat` ``[horizon]``; `bands` by level (low, high) ``[horizon]``, none for a sum over entities.
    """

    target: str
    ds: DateArray
    y: FloatArray
    windows: tuple[tuple[DateArray, FloatArray], ...]
    next_ds: DateArray
    next_y_hat: FloatArray
    bands: Mapping[int, tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class ReportData:
    """Contents of leaderboard.json, blend.json, run.json, oof.parquet and forecast.parquet."""

    board: Mapping[str, Any]
    blend: Mapping[str, Any]
    run: Mapping[str, Any]
    oof: pa.Table
    forecast: pa.Table

    def courses(self) -> tuple[Course, ...]:
        """One per target, in the order of the weights."""
        oof, ahead = _of_blend(self.oof), _of_blend(self.forecast)
        return tuple(_course(target, oof, ahead) for target in self.board["weights"])


_Columns = Mapping[str, Any]


def _of_blend(table: pa.Table) -> _Columns:
    import pyarrow.compute as pc

    rows = table.filter(pc.equal(table[MEMBER], BLEND))
    return {
        name: as_dates(rows[name].to_numpy()) if name in (DS, CUTOFF) else np.asarray(rows[name].to_numpy())
        for name in rows.column_names
    }


def _course(target: str, oof: _Columns, ahead: _Columns) -> Course:
    mine, coming = _is_target(oof[UNIQUE_ID], target), _is_target(ahead[UNIQUE_ID], target)
    windows = []
    for cutoff in np.unique(oof[CUTOFF][mine]):
        rows = mine & (oof[CUTOFF] == cutoff)
        windows.append(_summed(oof[DS][rows], oof[Y_HAT][rows]))
    last = {(uid, day): row for row, (uid, day) in enumerate(zip(oof[UNIQUE_ID], oof[DS], strict=True)) if mine[row]}
    once = sorted(last.values())  # overlapping windows hold a day more than once
    ds, y = _summed(oof[DS][once], oof[Y][once])
    next_ds, next_y_hat = _summed(ahead[DS][coming], ahead[Y_HAT][coming])
    return Course(target, ds, y, tuple(windows), next_ds, next_y_hat, _bands(ahead, coming))


def _bands(ahead: _Columns, coming: BoolArray) -> dict[int, tuple[FloatArray, FloatArray]]:
    """Bands of a target with one series: ends of several do not add up."""
    if len(set(ahead[UNIQUE_ID][coming])) > 1:
        return {}
    order = np.argsort(ahead[DS][coming])
    levels = [int(name.removeprefix("lo_")) for name in ahead if name.startswith("lo_")]
    ends = {level: (ahead[f"lo_{level}"][coming][order], ahead[f"hi_{level}"][coming][order]) for level in levels}
    return {level: pair for level, pair in ends.items() if not np.isnan(pair[0]).any()}


def _is_target(unique_ids: Sequence[str], target: str) -> BoolArray:
    return np.array([uid == target or uid.endswith(f"/{target}") for uid in unique_ids], dtype=bool)


def _summed(ds: DateArray, values: FloatArray) -> tuple[DateArray, FloatArray]:
    """Days in order, with the sum of each; NaN where a part is unknown."""
    days, place = np.unique(ds, return_inverse=True)
    total: FloatArray = np.zeros(len(days))
    np.add.at(total, place, values)
    return days, total
