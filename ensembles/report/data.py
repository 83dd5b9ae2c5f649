"""What a report is made of: nothing but the files of a run directory, so that it can be rebuilt at any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.history_parquet import HistoryFile
from ensembles.files.oof_parquet import OofFile
from ensembles.risk.liquidity.flows import flows_of_run
from ensembles.risk.liquidity.net_outflow import Liquidity, liquidity_at_risk
from forecasting.calendar import Calendar
from forecasting.schema import DateArray, FloatArray

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
        Actual values for the pictures; without them, those of the backtest windows.
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
    oof: OofFile | None
    forecast: ForecastFile | None
    history: HistoryFile | None = None
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
        oof, ahead = self.oof.blend, self.forecast.blend
        return tuple(_course(target, oof, ahead, self.history) for target in self.targets)


def _course(target: str, oof: OofFile, ahead: ForecastFile, history: HistoryFile | None) -> Course:
    mine, coming = oof.of_target(target), ahead.of_target(target)
    windows = []
    for cutoff in np.unique(mine.cutoff):
        rows = mine.cutoff == cutoff
        windows.append(_summed(mine.ds[rows], mine.y_hat[rows]))
    next_ds, next_y_hat = _summed(coming.ds, coming.y_hat)
    start = min([next_ds[0] - RECENT_DAYS, *(days[0] for days, _ in windows)])
    ds, y = _past(mine) if history is None else _since(start, target, history, next_ds[0])
    return Course(target, ds, y, tuple(windows), next_ds, next_y_hat, _bands(coming))


def _past(mine: OofFile) -> tuple[DateArray, FloatArray]:
    """Actual values of the backtest windows."""
    last = {key: row for row, key in enumerate(zip(mine.unique_id, mine.ds, strict=True))}
    once = sorted(last.values())  # overlapping windows hold a day more than once
    return _summed(mine.ds[once], mine.y[once])


def _since(start: np.datetime64, target: str, history: HistoryFile, end: np.datetime64) -> tuple[DateArray, FloatArray]:
    """Actual values from `start` to the day before `end`."""
    recent = history.where((history.ds >= start) & (history.ds < end)).of_target(target)
    return _summed(recent.ds, recent.y)


def _bands(coming: ForecastFile) -> dict[int, tuple[FloatArray, FloatArray]]:
    """Bands of a target with one series: ends of several do not add up."""
    if len(set(coming.unique_id)) > 1:
        return {}
    order = np.argsort(coming.ds)
    ends = {level: (low[order], high[order]) for level, (low, high) in coming.bands.items()}
    return {level: pair for level, pair in ends.items() if not np.isnan(pair[0]).any()}


def _summed(ds: DateArray, values: FloatArray) -> tuple[DateArray, FloatArray]:
    """Days in order, with the sum of each; NaN where a part is unknown."""
    days, place = np.unique(ds, return_inverse=True)
    total: FloatArray = np.zeros(len(days))
    np.add.at(total, place, values)
    return days, total
