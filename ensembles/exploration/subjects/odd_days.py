"""Days far from what their neighbours and their weekday say, and whether the calendar explains them: an event, a
holiday, the end of a month, or the same day of the month again and again, such as a pay day.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.material import Material
from ensembles.exploration.words import numbered, percent, some
from ensembles.report.charts.chart import Chart, Colour, Dots, Layer, Line
from forecasting.data.quality.series_checks import signed_log
from forecasting.schema import BoolArray, FloatArray, IntArray, iso

__all__ = ["SUBJECT"]

WEEK = 7
LONG = 3
"""Days off in a row that make a break."""
EDGE = 2
"""Days at either end of a month that count as its end."""
MOST_TOLD = 200
"""Odd days that JSON and the picture hold, the farthest first."""
CAUSES: tuple[tuple[str, str, Colour], ...] = (
    ("event", "on an event", "second"),
    ("holiday", "in or beside a holiday", "backtest"),
    ("month end", "at the end of a month", "good"),
    ("month day", "on a day of the month that is odd in most months", "forecast"),
    ("", "not explained by the calendar", "bad"),
)
"""What explains a day, how it is said, and its colour; the first that fits counts."""
LINES: tuple[Colour, ...] = ("actual", "forecast")
OFTEN, FEWEST_MONTHS = 0.5, 3
"""Share of all months, and number of them, in which a series' day of the month is odd if it is so by rule."""


def odd_fact(material: Material) -> Fact:
    cases = material.cases
    if np.isnan(cases.rest).all():
        return Fact("No day can be called odd: the series are constant, or too short to show what is usual.")
    if not len(cases.outliers):
        return Fact("No day differs much from its neighbours and its weekday.", {"odd_days": 0, "days": []})
    causes = _causes(material)
    marked = {name: mask[cases.outliers[:, 1]] for name, mask in causes.items()} | {"month day": _recurs(material)}
    cause = np.select([marked[name] for name, _, _ in CAUSES[:-1]], range(len(CAUSES) - 1), len(CAUSES) - 1)
    counts = {name or "unexplained": int((cause == k).sum()) for k, (name, _, _) in enumerate(CAUSES)}
    shares = {name: float(mask.mean()) for name, mask in causes.items()}
    told = _farthest(material)
    numbers = {
        "odd_days": len(cases.outliers),
        "by_cause": counts,
        "share_of_all_days": shares,
        "days": [_day(material, k, CAUSES[cause[k]][0]) for k in told],
    }
    return Fact(_sentence(material, cause, counts, shares), numbers, _chart(material, cause, told))


def _causes(material: Material) -> Mapping[str, BoolArray]:
    """What might explain each period, ``[n]``: of a week, an event or a holiday on one of its days."""
    days, weekly = material.calendar_days, material.axis.freq == "W"
    span = material.panel.calendar.days(np.arange(days.ds[0] - WEEK, days.ds[-1] + 2))
    at = np.searchsorted(span.ds, days.ds)[:, None]
    within = at - np.arange(WEEK if weekly else 1)
    beside = within if weekly else at + np.array([-1, 0, 1])
    named, event = (np.array([bool(name) for name in names]) for names in (span.holiday, span.event))
    holiday = named | (span.offday_run >= LONG) | span.shifted
    known = material.panel.calendar.country is not None
    return {
        "event": event[within].any(axis=1),
        "holiday": holiday[beside].any(axis=1) & known,
        "month end": ((days.day <= EDGE) | (days.days_left < EDGE)) & (not weekly),
    }


def _recurs(material: Material) -> BoolArray:
    """Which odd days ``[n]`` are on a day of the month on which their series is odd in most months."""
    days, (row, period) = material.calendar_days, material.cases.outliers.T
    months = len(np.unique(material.ds.astype("datetime64[M]")))
    _, place, counts = np.unique(row * 32 + days.day[period], return_inverse=True, return_counts=True)
    return np.asarray((counts >= max(FEWEST_MONTHS, OFTEN * months))[place])


def _farthest(material: Material) -> IntArray:
    """Places of the odd days that are told, the farthest first."""
    rows, periods = material.cases.outliers.T
    return np.asarray(np.argsort(-np.abs(material.cases.rest[rows, periods]), kind="stable")[:MOST_TOLD])


def _day(material: Material, place: int, cause: str) -> dict[str, object]:
    """One odd day with the amount that its neighbours and its weekday would have it."""
    row, period = material.cases.outliers[place].tolist()
    days, panel = material.calendar_days, material.panel
    log = float(signed_log(panel.y[row, [period]])[0] - material.cases.rest[row, period])
    return {
        "series": panel.unique_ids[row],
        "date": iso(panel.ds[period]),
        "amount": float(panel.y[row, period]),
        "usual": float(np.copysign(np.expm1(abs(log)), log)),
        "cause": cause or None,
        "holiday": days.holiday[period] or None,
        "event": days.event[period] or None,
    }


def _sentence(material: Material, cause: IntArray, counts: Mapping[str, int], shares: Mapping[str, float]) -> str:
    outliers, n = material.cases.outliers, len(cause)
    who = f" in {numbered(len(np.unique(outliers[:, 0])), 'series')}" if material.is_panel else ""
    said = []
    for name, words, _ in CAUSES[:-1]:
        if counts[name]:
            share = f", as {percent(shares[name])} of all {material.axis.noun} are" if name in shares else ""
            said.append(f"{counts[name]:,} {words}{share}")
    left = np.unique(material.ds[outliers[cause == len(CAUSES) - 1, 1]])
    if counts["unexplained"]:
        said.append(f"the calendar does not explain {counts['unexplained']:,} ({some([iso(day) for day in left])})")
    elif n > 1:
        said.append("the calendar leaves none unexplained")
    if material.panel.calendar.country is None:
        said.append("no calendar is set, so holidays are not known")
    return f"{n:,} odd {material.noun if n == 1 else material.axis.noun}{who}: {'; '.join(said)}."


def _chart(material: Material, cause: IntArray, told: IntArray) -> Chart:
    layers: list[Layer] = []
    for target, rest in material.rest.items() if not material.is_panel else ():
        layers.append(Line(target, material.ds, _times(rest), LINES[len(layers) % len(LINES)], 1))
    rows, periods = material.cases.outliers.T
    for k, (_, words, colour) in enumerate(CAUSES):
        mine = told[cause[told] == k]
        if len(mine):
            values = _times(material.cases.rest[rows[mine], periods[mine]])
            layers.append(Dots(words, material.ds[periods[mine]], values, colour))
    title = "how far odd days lie from the usual" + (f", the farthest {MOST_TOLD}" if len(cause) > len(told) else "")
    return Chart("explore-odd-days", title, "day", "amount / usual", layers, factors=True)


def _times(rest: FloatArray) -> FloatArray:
    """Distances as powers of 2."""
    return np.asarray(rest / np.log(2.0))


SUBJECT = Subject("odd-days", "Odd days", 100, odd_fact)
