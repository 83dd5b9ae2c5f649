"""What comes in and what goes out, of every entity, as arrays: the blend's honest forecasts, the actual values and
the days to come.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    DateArray,
    FloatArray,
    IntArray,
    Y,
    as_dates,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Flows", "flows_of_run"]


@dataclass(frozen=True)
class Flows:
    """Forecasts and actual values of two targets, axis 0: in, out.

    `entities` ``[n_entities]``, "" for a fund without a name; `cutoffs` ``[n_windows]``; `y_hat` and `y`
    ``[2, n_entities, n_windows, horizon]``, NaN where a window is padded; `ds` ``[horizon]`` the days to come and
    `ahead` ``[2, n_entities, horizon]`` their forecasts.
    """

    entities: tuple[str, ...]
    cutoffs: DateArray
    y_hat: FloatArray
    y: FloatArray
    ds: DateArray
    ahead: FloatArray

    @property
    def horizons(self) -> IntArray:
        """Days of each window, ``[n_windows]``."""
        known = ~np.isnan(self.y_hat).all(axis=(0, 1))
        longest: IntArray = np.where(known, np.arange(1, known.shape[1] + 1), 0).max(axis=1)
        return longest


def flows_of_run(oof: pa.Table, forecast: pa.Table, net: tuple[str, str]) -> Flows | None:
    """The flows of a run; None when no entity has both targets.

    Parameters
    ----------
    oof, forecast
        Contents of oof.parquet and forecast.parquet.
    net
        Targets (in, out).
    """
    past, coming = _of_blend(oof), _of_blend(forecast)
    known = [set(past[UNIQUE_ID]) & set(coming[UNIQUE_ID])]
    entities = [e for e in _entities(coming[UNIQUE_ID], net[0]) if all(_key(e, t) in known[0] for t in net)]
    if not entities:
        return None
    place = {_key(e, t): (side, i) for side, t in enumerate(net) for i, e in enumerate(entities)}
    ds, ahead = _grid(coming, place, len(entities), coming[DS])
    windows, at_window = np.unique(past[CUTOFF], return_inverse=True)
    step = (past[DS] - past[CUTOFF]).astype(np.int64) - 1
    shape = (2, len(entities), len(windows), int(step.max()) + 1)
    y_hat, y = np.full(shape, np.nan), np.full(shape, np.nan)
    for row, uid in enumerate(past[UNIQUE_ID]):
        if uid in place:
            at = (*place[uid], at_window[row], step[row])
            y_hat[at], y[at] = past[Y_HAT][row], past[Y][row]
    return Flows(tuple(entities), windows, y_hat, y, ds, ahead)


def _of_blend(table: pa.Table) -> dict[str, Any]:
    import pyarrow.compute as pc

    rows = table.filter(pc.equal(table[MEMBER], BLEND))
    columns = {name: rows[name].to_numpy() for name in rows.column_names}
    return columns | {name: as_dates(columns[name]) for name in (DS, CUTOFF) if name in columns}


def _entities(unique_ids: Sequence[str], target: str) -> list[str]:
    found = [uid.removesuffix(target).removesuffix("/") for uid in unique_ids if _is(uid, target)]
    return list(dict.fromkeys(found))


def _is(unique_id: str, target: str) -> bool:
    return unique_id == target or unique_id.endswith(f"/{target}")


def _key(entity: str, target: str) -> str:
    return f"{entity}/{target}" if entity else target


def _grid(
    columns: dict[str, Any], place: dict[str, tuple[int, int]], n_entities: int, days: DateArray
) -> tuple[DateArray, FloatArray]:
    ds, at_day = np.unique(days, return_inverse=True)
    values = np.full((2, n_entities, len(ds)), np.nan)
    for row, uid in enumerate(columns[UNIQUE_ID]):
        if uid in place:
            values[(*place[uid], at_day[row])] = columns[Y_HAT][row]
    return ds, values
