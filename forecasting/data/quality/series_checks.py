"""Checks of the series themselves, once they could be read: outlier days, zero days, short and constant series."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forecasting.axis import absent_work_days
from forecasting.calendar import weekday_of
from forecasting.data.quality.finding import Finding, Severity
from forecasting.panel import Panel
from forecasting.schema import BoolArray, FloatArray, IntArray, iso

__all__ = ["Place", "check_periods", "check_series", "outlier_days"]

_DEVIATIONS = 7.0
"""Robust standard deviations from which a day is an outlier."""
_NEAR = 14
"""A day is compared with the days at most this far away."""

Place = Callable[[int, np.datetime64], str]
"""``file:row`` of a series (its row in the panel) on a day."""


def check_periods(panel: Panel, place: Place) -> list[Finding]:
    """Work days without a row that the calendar does not explain."""
    absent = absent_work_days(panel.ds, panel.axis) if panel.freq == "B" else panel.ds[:0]
    if not len(absent):
        return []
    after = panel.ds[np.searchsorted(panel.ds, absent[0])]
    row = int(np.argmax(~np.isnan(panel.y[:, np.searchsorted(panel.ds, after)])))
    value = f"no row for {iso(absent[0])}, a work day"
    remedy = "add what is missing; nothing to do if nobody worked"
    if panel.calendar.country is None:
        remedy += ", but a calendar would know such days in advance"
    return [Finding("absent work day", "warning", len(absent), place(row, after), value, remedy)]


def check_series(panel: Panel, place: Place) -> list[Finding]:
    """Findings over all series; `place` tells where a day of a series stands."""
    axis, weekday = panel.axis, weekday_of(panel.ds)
    enough = 2 * axis.least_history
    outliers: list[tuple[int, int]] = []
    zeros: list[tuple[int, int]] = []
    short, constant = [], []
    for row in range(len(panel.series)):
        known = np.flatnonzero(~np.isnan(panel.y[row]))
        y = panel.y[row, known]
        zeros += [(row, int(known[k])) for k in np.flatnonzero(y == 0)]
        if len(y) < enough:
            short.append(row)
        elif (y == y[0]).all():
            constant.append(row)
        else:
            strange = outlier_days(y, weekday[known]) & (y != 0)
            outliers += [(row, int(known[k])) for k in np.flatnonzero(strange)]
    findings = [
        _days(
            "outlier day",
            "warning",
            outliers,
            panel,
            place,
            "see whether it is real; name it in data.events if known in advance",
        ),
        _days(
            "zero day", "info", zeros, panel, place, "nothing to do if nothing flowed; such days leave relative errors"
        ),
        _series(
            "short series",
            short,
            panel,
            place,
            f"give more {panel.axis.noun} than {enough}, or leave the series out",
        ),
        _series("constant series", constant, panel, place, "leave the series out, or keep it: it is forecast as it is"),
    ]
    return [f for f in findings if f is not None]


def outlier_days(y: FloatArray, weekday: IntArray) -> BoolArray:
    """Days ``[n]`` far from the median of their neighbours and from what their weekday does, on log scale."""
    log = np.copysign(np.log1p(np.abs(y)), y)
    padded = np.pad(log, _NEAR, mode="reflect")
    near = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEAR + 1), axis=1)
    rest = log - near
    for day in range(7):
        if (weekday == day).any():
            rest[weekday == day] -= np.median(rest[weekday == day])
    spread = 1.4826 * float(np.median(np.abs(rest)))
    return np.asarray(np.abs(rest) > _DEVIATIONS * max(spread, 1e-3))


def _days(
    check: str, severity: Severity, cases: list[tuple[int, int]], panel: Panel, place: Place, remedy: str
) -> Finding | None:
    if not cases:
        return None
    row, t = min(cases, key=lambda case: (case[1], case[0]))
    value = f"{panel.unique_ids[row]} on {iso(panel.ds[t])}: {panel.y[row, t]:.15g}"
    return Finding(check, severity, len(cases), place(row, panel.ds[t]), value, remedy)


def _series(check: str, rows: list[int], panel: Panel, place: Place, remedy: str) -> Finding | None:
    if not rows:
        return None
    names = ", ".join(panel.unique_ids[r] for r in rows[:5]) + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")
    start = panel.ds[int(np.argmax(~np.isnan(panel.y[rows[0]])))]
    return Finding(check, "warning", len(rows), place(rows[0], start), names, remedy)
