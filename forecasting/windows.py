"""Rolling-origin backtest windows, counted back from the end of the data.

    data      x x x x x x x x x x x x x x x x x x x x |
    window 1  x x x x x x x x x x x | y y y            (x: history up to the cutoff, y: the days forecast)
    window 2  x x x x x x x x x x x x x x | y y y
    window 3  x x x x x x x x x x x x x x x x x | y y y
    final     x x x x x x x x x x x x x x x x x x x x | ? ? ?

With `unit: month` a cutoff is the last day of a month and the horizon is the whole next month (28 to 31 days).
With `split` the days after that share of the data are the windows' days, however many these are; without `refit` a
member is fitted at the first cutoff alone and meets later ones with new data but the same weights, as articles test.
Configurations hold no dates, so the same one runs on data that end elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecasting.errors import DataError
from forecasting.schema import DateArray, iso

__all__ = ["Window", "WindowPlan", "WindowSpec", "plan_windows"]

MIN_HISTORY = 28
"""Fewest days of history before a window's cutoff."""


@dataclass(frozen=True)
class WindowSpec:
    """How to cut windows: whole months, or `horizon` days every `step_size` days; `split`, a share of the days, decides
    their number instead of `n_windows`.
    """

    unit: Literal["month", "day"] = "month"
    n_windows: int = 4
    horizon: int = 30
    step_size: int | None = None
    split: float | None = None
    refit: bool = True


@dataclass(frozen=True)
class Window:
    """Forecast the `horizon` days after `cutoff` from everything up to and including it."""

    cutoff: np.datetime64
    horizon: int

    @property
    def ds(self) -> DateArray:
        """The days forecast, ``[horizon]``."""
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


def plan_windows(ds: DateArray, spec: WindowSpec) -> WindowPlan:
    """Windows that fit into the days `ds` ``[n_days]``, at most `spec.n_windows` of them.

    Raises
    ------
    DataError
        When no window fits, or when data end in mid-month under `unit: month`.
    """
    first, end = np.datetime64(ds[0], "D"), np.datetime64(ds[-1], "D")
    candidates = _month_windows(end, spec.n_windows) if spec.unit == "month" else _day_windows(len(ds), end, spec)
    earliest = first + np.timedelta64(MIN_HISTORY - 1, "D")
    fitting = tuple(w for w in candidates if w.cutoff >= earliest)
    if not fitting:
        raise DataError(
            f"the data hold {len(ds)} days ({iso(first)} to {iso(end)}): no backtest window fits, which needs "
            f"{MIN_HISTORY} days of history and {candidates[-1].horizon} days to forecast; "
            "give more days or a shorter horizon"
        )
    if spec.unit == "month":
        final, longest = Window(end, _days_in_month_after(end)), 31
    else:
        final, longest = Window(end, spec.horizon), spec.horizon
    return WindowPlan(fitting, final, longest, spec.refit)


def _day_windows(n_days: int, end: np.datetime64, spec: WindowSpec) -> list[Window]:
    step = spec.step_size or spec.horizon
    n_windows = spec.n_windows
    if spec.split is not None:
        n_windows = max(1, (n_days - int(spec.split * n_days) - spec.horizon) // step + 1)
    offsets = [spec.horizon + step * k for k in reversed(range(n_windows))]
    return [Window(end - np.timedelta64(offset, "D"), spec.horizon) for offset in offsets]


def _month_windows(end: np.datetime64, n_windows: int) -> list[Window]:
    month_end = _last_day_of_month(end)
    if end != month_end:
        before = end.astype("datetime64[M]").astype("datetime64[D]") - np.timedelta64(1, "D")
        raise DataError(
            f"the data end on {iso(end)}, in mid-month, and the windows are whole months: "
            f"cut them with --as-of {iso(before)}, or use windows.unit: day"
        )
    month = end.astype("datetime64[M]")
    windows = []
    for back in range(n_windows, 0, -1):
        cutoff = (month - back + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
        windows.append(Window(cutoff, _days_in_month_after(cutoff)))
    return windows


def _last_day_of_month(day: np.datetime64) -> np.datetime64:
    last: np.datetime64 = (day.astype("datetime64[M]") + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    return last


def _days_in_month_after(month_end: np.datetime64) -> int:
    following = month_end + np.timedelta64(1, "D")
    return int((_last_day_of_month(following) - month_end).astype(np.int64))
