"""Rolling-origin backtest windows, counted back from the end of the data. All numbers count periods (see `axis`).

    data      x x x x x x x x x x x x x x x x x x x x |
    window 1  x x x x x x x x x x x | y y y            (x: history up to the cutoff, y: what is forecast)
    window 2  x x x x x x x x x x x x x x | y y y
    window 3  x x x x x x x x x x x x x x x x x | y y y
    final     x x x x x x x x x x x x x x x x x x x x | ? ? ?

With `unit: month` a cutoff is the last period of a month and the horizon is the whole next month (28 to 31 days).
With `split` the periods after that share of the data are the windows', however many these are; without `refit` a
member is fitted at the first cutoff alone and meets later ones with new data but the same weights, as articles test.
Configurations hold no dates, so the same one runs on data that end elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecasting.axis import DAILY, Axis
from forecasting.errors import ConfigError, DataError
from forecasting.schema import DateArray, iso

__all__ = ["LONGEST_MONTH", "Window", "WindowPlan", "WindowSpec", "plan_windows", "window_after"]

LONGEST_MONTH = 31
"""Outputs of a direct member under `unit: month`."""


@dataclass(frozen=True)
class WindowSpec:
    """How to cut windows: whole months, or `horizon` periods every `step_size` periods.

    `split`, a share of the periods, decides their number instead of `n_windows`.
    """

    unit: Literal["month", "day"] = "month"
    n_windows: int = 4
    horizon: int = 30
    step_size: int | None = None
    split: float | None = None
    refit: bool = True


@dataclass(frozen=True)
class Window:
    """Forecast the `horizon` periods after `cutoff` from everything up to and including it.

    `days` are the periods' dates; None: consecutive calendar days.
    """

    cutoff: np.datetime64
    horizon: int
    days: tuple[np.datetime64, ...] | None = None

    @classmethod
    def on(cls, cutoff: np.datetime64, ds: DateArray) -> Window:
        """The window after `cutoff` whose periods are `ds` ``[horizon]``."""
        consecutive = np.array_equal(ds, cutoff + np.arange(1, len(ds) + 1))
        return cls(cutoff, len(ds), None if consecutive else tuple(ds))

    @property
    def ds(self) -> DateArray:
        """The dates forecast, ``[horizon]``."""
        if self.days is not None:
            return np.array(self.days, dtype="datetime64[D]")
        return self.cutoff + np.arange(1, self.horizon + 1)

    @property
    def start(self) -> np.datetime64:
        return np.datetime64(self.ds[0], "D")

    @property
    def end(self) -> np.datetime64:
        return np.datetime64(self.ds[-1], "D")


@dataclass(frozen=True)
class WindowPlan:
    """Backtest windows, oldest first, the final forecast, and the longest horizon among them; whether members are
    fitted anew at each.
    """

    backtest: tuple[Window, ...]
    final: Window
    max_horizon: int
    refit: bool = True

    @property
    def all(self) -> tuple[Window, ...]:
        """Backtest windows, then the final one."""
        return (*self.backtest, self.final)

    @property
    def fitted(self) -> tuple[Window, ...]:
        """Those at whose cutoff a member is fitted."""
        return self.all if self.refit else self.all[:1]


def plan_windows(ds: DateArray, spec: WindowSpec, axis: Axis = DAILY) -> WindowPlan:
    """Windows that fit into the periods `ds` ``[n]`` of an axis, at most `spec.n_windows` of them.

    Raises
    ------
    DataError
        When no window fits, or when data end in mid-month under `unit: month`.
    ConfigError
        Weeks under `unit: month`.
    """
    final = window_after(np.datetime64(ds[-1], "D"), spec, axis)
    months = spec.unit == "month"
    wanted = _month_windows(ds, spec.n_windows) if months else _period_windows(ds, spec)
    fitting = tuple(
        Window.on(ds[at], ds[at + 1 : at + 1 + horizon]) for at, horizon in wanted if at >= axis.least_history - 1
    )
    if not fitting:
        noun = axis.noun
        raise DataError(
            f"the data hold {len(ds)} {noun} ({iso(ds[0])} to {iso(ds[-1])}): no backtest window fits, which needs "
            f"{axis.least_history} {noun} of history and {wanted[-1][1]} {noun} to forecast; "
            f"give more {noun} or a shorter horizon"
        )
    return WindowPlan(fitting, final, LONGEST_MONTH if months else spec.horizon, spec.refit)


def window_after(end: np.datetime64, spec: WindowSpec, axis: Axis = DAILY) -> Window:
    """The window that follows data which end on `end`.

    Raises
    ------
    DataError, ConfigError
        As `plan_windows`, but for too little history.
    """
    if spec.unit == "day":
        return Window.on(end, axis.after(end, spec.horizon))
    if axis.freq == "W":
        raise ConfigError(
            "windows.unit is month, and the data are weeks: set windows.unit to day, and horizon in weeks"
        )
    if len(axis.until(end, _end_of_month(end))):
        before = end.astype("datetime64[M]").astype("datetime64[D]") - np.timedelta64(1, "D")
        raise DataError(
            f"the data end on {iso(end)}, in mid-month, and the windows are whole months: "
            f"cut them with --as-of {iso(before)}, or use windows.unit: day"
        )
    return Window.on(end, axis.until(end, _end_of_month(_end_of_month(end) + np.timedelta64(1, "D"))))


def _period_windows(ds: DateArray, spec: WindowSpec) -> list[tuple[int, int]]:
    """Position of each cutoff in `ds` (it may lie before the data), and the horizon."""
    step = spec.step_size or spec.horizon
    n_windows = spec.n_windows
    if spec.split is not None:
        n_windows = max(1, (len(ds) - int(spec.split * len(ds)) - spec.horizon) // step + 1)
    return [(len(ds) - 1 - spec.horizon - step * k, spec.horizon) for k in reversed(range(n_windows))]


def _month_windows(ds: DateArray, n_windows: int) -> list[tuple[int, int]]:
    """As `_period_windows`; a horizon is the number of periods in its month."""
    month = np.datetime64(ds[-1], "M")
    firsts = [(month - back).astype("datetime64[D]") for back in range(n_windows - 1, -2, -1)]
    starts = np.searchsorted(ds, np.array(firsts))
    horizons = [int(b - a) if a else _days(first) for a, b, first in zip(starts, starts[1:], firsts, strict=False)]
    return [(int(start) - 1, horizon) for start, horizon in zip(starts, horizons, strict=False)]


def _days(first: np.datetime64) -> int:
    """Days of the month that begins on `first`."""
    return int((_end_of_month(first) - first).astype(np.int64)) + 1


def _end_of_month(day: np.datetime64) -> np.datetime64:
    last: np.datetime64 = (day.astype("datetime64[M]") + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    return last
