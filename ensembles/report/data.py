"""What a report is made of: nothing but the files of a run directory, so that it can be rebuilt at any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ensembles.risk.liquidity.at_risk import Liquidity, liquidity_at_risk
from ensembles.risk.liquidity.flows import flows_of_run
from forecasting.calendar import Calendar
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

__all__ = ["Course", "Curves", "ReportData"]

Curves = Mapping[str, Sequence[Mapping[str, Sequence[float]]]]
"""By setting and then seed the losses of each epoch, ``{"train": [...], "valid": [...]}``."""
RECENT_DAYS = np.timedelta64(120, "D")
"""Shown before the days to come, at least: the backtest's windows are shown as well."""


@dataclass(frozen=True)
class Course:
    """One target over time, summed over entities: actual values, the blend's honest forecasts by window, and
    what comes.

    `ds` ``[n]`` and `y` ``[n]`` recent days; `windows` (days, forecasts) of each; `next_ds` and `next_y_hat`
    ``[horizon]``; `bands` by level (low, high) ``[horizon]``, none for a sum over entities.
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
    """Contents of the files of a run.

    Parameters
    ----------
    board, run
        leaderboard.json and run.json.
    blend, oof, forecast
        blend.json, oof.parquet and forecast.parquet; None when the run did not get that far.
    history
        Columns unique_id, ds, y: actual values for the pictures; without them, those of the backtest windows.
    learning
        Learning curves of the final fits.
    quality
        Rows of the data's quality: check, severity, count, where, value, remedy. None: not looked at.
    calendar
        By default the country's of the configuration, without events.
    """

    board: Mapping[str, Any]
    blend: Mapping[str, Any] | None
    run: Mapping[str, Any]
    oof: pa.Table | None
    forecast: pa.Table | None
    history: pa.Table | None = None
    learning: Curves | None = None
    quality: Sequence[Mapping[str, Any]] | None = None
    calendar: Calendar | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """In the order of the weights."""
        return tuple(self.board["weights"])

    @property
    def net(self) -> tuple[str, str] | None:
        """Targets (in, out): two are what comes in and what goes out; with another number there is no net flow."""
        return (self.targets[0], self.targets[1]) if len(self.targets) == 2 else None

    @property
    def unit(self) -> str:
        """Unit of all amounts."""
        return str(self.run["config"]["data"]["unit"])

    @cached_property
    def days(self) -> Calendar:
        """The calendar to look days up in."""
        return self.calendar or Calendar(self.run["config"]["calendar"])

    @cached_property
    def liquidity(self) -> Liquidity | None:
        """Liquidity at risk; None without a blend, or with a number of targets other than two."""
        if self.oof is None or self.forecast is None or self.blend is None or self.net is None:
            return None
        flows = flows_of_run(self.oof, self.forecast, self.net)
        return None if flows is None else liquidity_at_risk(flows, self.run["config"]["seed"])

    @cached_property
    def courses(self) -> tuple[Course, ...]:
        """One per target; none without a blend."""
        if self.oof is None or self.forecast is None or self.blend is None:
            return ()
        oof, ahead = _of_blend(self.oof), _of_blend(self.forecast)
        return tuple(_course(target, oof, ahead, self.history) for target in self.targets)


_Columns = Mapping[str, Any]


def _of_blend(table: pa.Table) -> _Columns:
    import pyarrow.compute as pc

    return _columns(table.filter(pc.equal(table[MEMBER], BLEND)))


def _columns(rows: pa.Table) -> _Columns:
    return {
        name: as_dates(rows[name].to_numpy()) if name in (DS, CUTOFF) else np.asarray(rows[name].to_numpy())
        for name in rows.column_names
    }


def _course(target: str, oof: _Columns, ahead: _Columns, history: pa.Table | None) -> Course:
    mine, coming = _is_target(oof[UNIQUE_ID], target), _is_target(ahead[UNIQUE_ID], target)
    windows = []
    for cutoff in np.unique(oof[CUTOFF][mine]):
        rows = mine & (oof[CUTOFF] == cutoff)
        windows.append(_summed(oof[DS][rows], oof[Y_HAT][rows]))
    next_ds, next_y_hat = _summed(ahead[DS][coming], ahead[Y_HAT][coming])
    start = min([next_ds[0] - RECENT_DAYS, *(days[0] for days, _ in windows)])
    ds, y = _past(oof, mine) if history is None else _since(start, target, _columns(history), next_ds[0])
    return Course(target, ds, y, tuple(windows), next_ds, next_y_hat, _bands(ahead, coming))


def _past(oof: _Columns, mine: BoolArray) -> tuple[DateArray, FloatArray]:
    """Actual values of the backtest windows."""
    last = {(uid, day): row for row, (uid, day) in enumerate(zip(oof[UNIQUE_ID], oof[DS], strict=True)) if mine[row]}
    once = sorted(last.values())  # overlapping windows hold a day more than once
    return _summed(oof[DS][once], oof[Y][once])


def _since(start: np.datetime64, target: str, history: _Columns, end: np.datetime64) -> tuple[DateArray, FloatArray]:
    """Actual values from `start` to the day before `end`."""
    rows = _is_target(history[UNIQUE_ID], target) & (history[DS] >= start) & (history[DS] < end)
    return _summed(history[DS][rows], history[Y][rows])


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
