"""Checks of the series themselves, once they could be read: outlier days, zero days, short and constant series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecasting.axis import absent_work_days
from forecasting.calendar import weekday_of
from forecasting.data.formats.columns import first_few
from forecasting.data.quality.finding import Finding, Severity
from forecasting.panel import Panel
from forecasting.schema import BoolArray, FloatArray, IntArray, iso

__all__ = [
    "Place",
    "SeriesCases",
    "check_periods",
    "check_series",
    "outlier_days",
    "series_cases",
    "signed_log",
    "unusual",
]

_DEVIATIONS = 7.0
"""Robust standard deviations from which a day is an outlier."""
_IDLE = 0.5
"""A series with a larger share of zero days has no usual amount, and so no outliers: those of pay days are its flow."""
_NEAR = 14
"""A day is compared with the days at most this far away."""

COUNTRY = 2
"""Letters of a country's code. It may have regions with holidays of their own."""

Place = Callable[[int, np.datetime64], str]
"""``file:row`` of a series (its row in the panel) on a day."""


@dataclass(frozen=True)
class SeriesCases:
    """What is odd in the series of a panel.

    `outliers` and `zeros` ``[n, 2]`` are row and period of days, by row; `short` and `constant` are rows. `rest`
    ``[n_series, n]`` is how far each day lies from what its neighbours and its weekday say, on the scale of
    `signed_log`, and `weekdays` ``[n_series, 7]`` what the weekday says, Monday first; both NaN for short and constant
    series and where an amount is unknown.
    """

    outliers: IntArray
    zeros: IntArray
    short: tuple[int, ...]
    constant: tuple[int, ...]
    rest: FloatArray
    weekdays: FloatArray


def check_periods(panel: Panel, place: Place) -> list[Finding]:
    """Work days without a row that the calendar does not explain, and rows on days off."""
    if panel.freq != "B":
        return []
    return [*_absent_days(panel, place), *_days_off(panel, place)]


def _days_off(panel: Panel, place: Place) -> list[Finding]:
    """Rows on a day that the calendar or the table's own week calls a day off: perhaps a date mistyped."""
    off = panel.ds[~np.isin(panel.ds, panel.axis.between(panel.ds[0], panel.ds[-1]))]
    if not len(off):
        return []
    value = f"a row for {iso(off[0])}, a day off"
    remedy = "check the date; nothing to do if people worked that day"
    return [Finding("row on a day off", "warning", len(off), place(_first_known(panel, off[0]), off[0]), value, remedy)]


def _first_known(panel: Panel, day: np.datetime64) -> int:
    """The first series whose amount of a day is known."""
    return int(np.argmax(~np.isnan(panel.y[:, np.searchsorted(panel.ds, day)])))


def _absent_days(panel: Panel, place: Place) -> list[Finding]:
    absent = absent_work_days(panel.ds, panel.axis)
    if not len(absent):
        return []
    after = panel.ds[np.searchsorted(panel.ds, absent[0])]
    value = f"no row for {iso(absent[0])}, a work day"
    remedy = "add the missing rows, or do nothing if nobody worked"
    if panel.calendar.country is None:
        remedy += "; with a calendar, models know holidays in advance"
    elif len(panel.calendar.country) == COUNTRY:
        remedy += "; a calendar of a region, such as DE-BY, knows its holidays too"
    return [Finding("absent work day", "warning", len(absent), place(_first_known(panel, after), after), value, remedy)]


def series_cases(panel: Panel) -> SeriesCases:
    """What is odd in the series; see `SeriesCases`."""
    weekday, enough = weekday_of(panel.ds), 2 * panel.axis.least_history
    outliers, short, constant = [np.empty((0, 2), dtype=np.int64)], [], []
    rest, weekdays = np.full(panel.y.shape, np.nan), np.full((len(panel.series), 7), np.nan)
    for row in range(len(panel.series)):
        known = np.flatnonzero(~np.isnan(panel.y[row]))
        y = panel.y[row, known]
        if len(y) < enough:
            short.append(row)
        elif (y == y[0]).all():
            constant.append(row)
        else:
            rest[row, known], weekdays[row] = unusual(y, weekday[known])
            strange = known[_far(rest[row, known]) & (y != 0)] if (y == 0).mean() <= _IDLE else known[:0]
            outliers.append(np.stack([np.full(len(strange), row), strange], axis=1))
    zeros = np.argwhere(panel.y == 0)
    return SeriesCases(np.concatenate(outliers), zeros, tuple(short), tuple(constant), rest, weekdays)


def check_series(panel: Panel, cases: SeriesCases, place: Place) -> list[Finding]:
    """Findings over all series; `place` tells where a day of a series stands."""
    enough = 2 * panel.axis.least_history
    event = "see whether it is real; name it in data.events if known in advance"
    nothing = "nothing to do if nothing flowed; such days leave relative errors"
    more = f"give more {panel.axis.noun} than {enough}, or leave the series out"
    same = "leave the series out, or keep it: it is forecast as it is"
    findings = [
        _days("outlier day", "warning", cases.outliers, panel, place, event),
        _days("zero day", "info", cases.zeros, panel, place, nothing),
        _series("short series", cases.short, panel, place, more),
        _series("constant series", cases.constant, panel, place, same),
    ]
    return [f for f in findings if f is not None]


def outlier_days(y: FloatArray, weekday: IntArray) -> BoolArray:
    """Days ``[n]`` far from the median of their neighbours and from what their weekday does, on log scale."""
    return _far(unusual(y, weekday)[0])


def unusual(y: FloatArray, weekday: IntArray) -> tuple[FloatArray, FloatArray]:
    """How far each day ``[n]`` lies from the median of its neighbours and from what its weekday does, on the scale of
    `signed_log`; and what each weekday does, ``[7]``, NaN for a weekday that never occurs.
    """
    log = signed_log(y)
    padded = np.pad(log, _NEAR, mode="reflect")
    rest = log - np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEAR + 1), axis=1)
    effect = np.full(7, np.nan)
    for day in range(7):
        if (weekday == day).any():
            effect[day] = np.median(rest[weekday == day])
            rest[weekday == day] -= effect[day]
    return rest, effect


def signed_log(y: FloatArray) -> FloatArray:
    """log(1 + |y|) with the sign of y: amounts of either sign, and zeros."""
    return np.asarray(np.copysign(np.log1p(np.abs(y)), y))


def _far(rest: FloatArray) -> BoolArray:
    spread = 1.4826 * float(np.median(np.abs(rest)))
    return np.asarray(np.abs(rest) > _DEVIATIONS * max(spread, 1e-3))


def _days(check: str, severity: Severity, cases: IntArray, panel: Panel, place: Place, remedy: str) -> Finding | None:
    if not len(cases):
        return None
    row, t = cases[np.lexsort((cases[:, 0], cases[:, 1]))[0]].tolist()
    value = f"{panel.unique_ids[row]} on {iso(panel.ds[t])}: {panel.y[row, t]:.15g}"
    return Finding(check, severity, len(cases), place(row, panel.ds[t]), value, remedy)


def _series(check: str, rows: tuple[int, ...], panel: Panel, place: Place, remedy: str) -> Finding | None:
    if not rows:
        return None
    names = first_few([panel.unique_ids[r] for r in rows], 5)
    start = panel.ds[int(np.argmax(~np.isnan(panel.y[rows[0]])))]
    return Finding(check, "warning", len(rows), place(rows[0], start), names, remedy)
