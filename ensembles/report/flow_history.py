"""The past and the forecast of a target, summed over its series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ensembles.evaluation.run_results import RunResults
from ensembles.files.table import StoredTable, places
from ensembles.oof import in_unit
from forecasting.schema import DateArray, FloatArray

if TYPE_CHECKING:
    from ensembles.files.forecast_parquet import ForecastFile
    from ensembles.files.history_parquet import HistoryFile
    from ensembles.files.oof_parquet import OofFile

__all__ = ["FlowHistory", "histories_of", "in_and_out", "one_sided"]

Table = TypeVar("Table", bound=StoredTable)

RECENT = 120
"""Periods shown before the forecast, at least. The backtest windows are always shown."""
WEEK = 7


@dataclass(frozen=True)
class FlowHistory:
    """One target over time, summed over entities of one unit: actual values, the blend's backtest forecasts, and its
    forecast.

    `ds` ``[n]`` and `y` ``[n]`` are recent days on which every series that has begun is known; `windows` (days,
    forecasts) of each backtest window; `next_ds` and `next_y_hat` ``[horizon]``; `bands` by level (low, high)
    ``[horizon]``, none for a sum over entities; `planned` ``[horizon]`` the part of `next_y_hat` that no model
    forecast; `unit` where there are several.
    """

    target: str
    ds: DateArray
    y: FloatArray
    windows: tuple[tuple[DateArray, FloatArray], ...]
    next_ds: DateArray
    next_y_hat: FloatArray
    bands: Mapping[int, tuple[FloatArray, FloatArray]]
    planned: FloatArray
    unit: str | None = None

    @property
    def name(self) -> str:
        """The target, with its unit where there are several."""
        return in_unit(self.target, self.unit)


def histories_of(results: RunResults, without: Collection[str] = ()) -> tuple[FlowHistory, ...]:
    """One per target, in each unit after the other where there are several, of all entities but those `without`; none
    without a blend.
    """

    def others(entity: str) -> bool:
        return entity not in without

    if results.oof is None or results.forecast is None or results.blend is None:
        return ()
    oof, forecast = _of(results.oof.blend, others), _of(results.forecast.blend, others)
    recent = np.timedelta64(RECENT * (WEEK if results.run.data.freq == "W" else 1), "D")
    units = dict.fromkeys(results.run.units.values())
    if len(units) < 2:
        parts = [(t, oof.of_target(t), forecast.of_target(t)) for t in results.targets]
        return tuple(_history(*part, results, recent) for part in parts if len(part[2]))
    found = []
    for unit in units:
        entities = {entity for entity, of in results.run.units.items() if of == unit}
        mine, ahead = _of(oof, entities.__contains__), _of(forecast, entities.__contains__)
        parts = [(t, mine.of_target(t), ahead.of_target(t)) for t in results.targets]
        found += [replace(_history(*part, results, recent), unit=unit or "no unit") for part in parts if len(part[2])]
    return tuple(found)


def in_and_out(results: RunResults, histories: Sequence[FlowHistory]) -> tuple[tuple[FlowHistory, FlowHistory], ...]:
    """What comes in and what goes out, once for each unit: of runs with two targets.

    They are of entities with both targets, as the net flow is in all files: so the three add up.

    Parameters
    ----------
    histories
        Of all entities, see `histories_of`.
    """
    if results.in_and_out is None:
        return ()
    alone, by_unit = one_sided(results), dict[str | None, list[FlowHistory]]()
    for history in histories_of(results, alone) if alone else histories:
        by_unit.setdefault(history.unit, []).append(history)
    return tuple((flows[0], flows[1]) for flows in by_unit.values() if len(flows) == 2)


def one_sided(results: RunResults) -> tuple[str, ...]:
    """The entities of which one of two targets alone is forecast."""
    if results.in_and_out is None or results.forecast is None:
        return ()
    sides = Counter(series.entity or "" for series in results.forecast.blend.identities().values())
    return tuple(entity for entity, n in sides.items() if n < 2)


def _of(table: Table, wanted: Callable[[str], bool]) -> Table:
    """The rows of the series whose entities are wanted."""
    unique_ids, place = places(table.unique_id)
    mine = np.array([wanted(table.identity(uid).entity or "") for uid in unique_ids], dtype=bool)
    return table if mine.all() else table.where(mine[place])


def _history(
    target: str, oof: OofFile, forecast: ForecastFile, results: RunResults, recent: np.timedelta64
) -> FlowHistory:
    """Of a target's rows of the blend. What is to come is the sum of what is written."""
    actual = results.history
    windows = []
    for cutoff in np.unique(oof.cutoff):
        rows = oof.cutoff == cutoff
        windows.append(_summed(oof.ds[rows], oof.y_hat[rows]))
    next_ds, next_y_hat = _summed(forecast.ds, results.run.amounts.rounded(forecast.y_hat, target))
    start = min([next_ds[0] - recent, *(days[0] for days, _ in windows)])
    if actual is None:
        ds, y = _backtest_days(oof)
    else:
        ds, y = _days_from(start, next_ds[0], actual.of_target(target), set(forecast.unique_id))
    _, planned = _summed(forecast.ds, forecast.y_hat - forecast.model)
    return FlowHistory(target, ds, y, tuple(windows), next_ds, next_y_hat, _bands(forecast), planned)


def _backtest_days(oof: OofFile) -> tuple[DateArray, FloatArray]:
    """Actual values of the backtest windows."""
    last = {(uid, day): row for row, (uid, day) in enumerate(zip(oof.unique_id, oof.ds, strict=True))}
    once = sorted(last.values())  # overlapping windows hold a day more than once
    return _summed(oof.ds[once], oof.y[once])


def _days_from(
    start: np.datetime64, end: np.datetime64, actual: HistoryFile, unique_ids: Collection[str]
) -> tuple[DateArray, FloatArray]:
    """Sums over these series from `start` to the day before `end`, of days on which all that have begun are known."""
    names, place = places(actual.unique_id)
    actual = actual.where(np.array([uid in unique_ids for uid in names], dtype=bool)[place])
    _, series = places(actual.unique_id)
    first = np.full(int(series.max(initial=-1)) + 1, np.datetime64("9999-12-31"))
    np.minimum.at(first, series, actual.ds)
    rows = (actual.ds >= start) & (actual.ds < end)
    days, total = _summed(actual.ds[rows], actual.y[rows])
    _, known = np.unique(actual.ds[rows], return_counts=True)
    whole = known == np.searchsorted(np.sort(first), days, side="right")
    return days[whole], total[whole]


def _bands(forecast: ForecastFile) -> dict[int, tuple[FloatArray, FloatArray]]:
    """Bands of a target with one series. The ends of several series do not add up."""
    if len(set(forecast.unique_id)) > 1:
        return {}
    order = np.argsort(forecast.ds)
    ends = {level: (low[order], high[order]) for level, (low, high) in forecast.bands.items()}
    return {level: pair for level, pair in ends.items() if not np.isnan(pair[0]).any()}


def _summed(ds: DateArray, values: FloatArray) -> tuple[DateArray, FloatArray]:
    """Days in order, with the sum of each; NaN where a part is unknown."""
    days, place = np.unique(ds, return_inverse=True)
    total: FloatArray = np.zeros(len(days))
    np.add.at(total, place, values)
    return days, total
