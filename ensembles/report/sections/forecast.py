"""Pictures and figures of what comes: each target, the net flow, and the cash that covers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ensembles.files.day_names import WEEKDAYS, day_types
from ensembles.report.charts.chart import Area, Bars, Chart, Dots, Layer, Line, marks_of
from ensembles.report.data import Course, ReportData
from ensembles.report.money import Money
from ensembles.risk.alerts import Alerts
from ensembles.risk.liquidity.net_outflow import Liquidity
from forecasting.schema import DateArray, FloatArray, as_dates, iso

__all__ = ["forecast_charts", "forecast_rows", "liquidity_charts"]


def forecast_charts(data: ReportData, money: Money, alerts: Alerts, liquidity: Liquidity | None) -> list[Chart]:
    """One per target, and the net flow (in less out)."""
    charts = [_of_target(course, data, money, alerts) for course in data.courses]
    if data.net and charts:
        charts.append(_of_net(data.courses[0], data.courses[1], data, money, liquidity))
    return charts


def _of_target(course: Course, data: ReportData, money: Money, alerts: Alerts) -> Chart:
    layers: list[Layer] = [
        _area(f"{level}% band", course.next_ds, money.shown(low), money.shown(high))
        for level, (low, high) in sorted(course.bands.items(), reverse=True)
    ]
    layers.append(Line("actual", course.ds, money.shown(course.y), "actual"))
    layers += _then([(ds, money.shown(y_hat)) for ds, y_hat in course.windows])
    layers.append(_ahead(course.next_ds, money.shown(course.next_y_hat)))
    beyond = [a for a in alerts.alerts if a.unique_id == course.target and a.level == max(alerts.inside)]
    if beyond:
        ds, y = as_dates([a.ds for a in beyond]), np.array([a.y for a in beyond])
        layers.append(Dots(f"outside its {max(alerts.inside)}% band", ds, money.shown(y), "bad"))
    marks = marks_of(data.days, np.concatenate([course.ds, course.next_ds]))
    return Chart(f"forecast-{data.targets.index(course.target) + 1}", course.target, "day", money.label, layers, marks)


def _of_net(come: Course, go: Course, data: ReportData, money: Money, liquidity: Liquidity | None) -> Chart:
    layers: list[Layer] = []
    if liquidity is not None:
        daily = liquidity.total.daily
        ends = money.shown(-daily[95]), money.shown(-daily[5])
        layers.append(_area("90% of cases", liquidity.total.ds, *ends))
    shared, a, b = np.intersect1d(come.ds, go.ds, return_indices=True)
    layers.append(Line("actual", shared, money.shown(come.y[a] - go.y[b]), "actual"))
    pairs = zip(come.windows, go.windows, strict=True)
    layers += _then([(ds, money.shown(into - out)) for (ds, into), (_, out) in pairs])
    layers.append(_ahead(come.next_ds, money.shown(come.next_y_hat - go.next_y_hat)))
    marks = marks_of(data.days, np.concatenate([shared, come.next_ds]))
    title = f"net flow: {come.target} less {go.target}"
    return Chart("forecast-net", title, "day", money.label, layers, marks)


def _then(windows: Sequence[tuple[DateArray, FloatArray]]) -> list[Layer]:
    """What was forecast from each cutoff; windows of a single day as dots, since they have no line."""
    name = "blend, from each cutoff"
    if windows and all(len(ds) == 1 for ds, _ in windows):
        ds, y_hat = (np.concatenate(parts) for parts in zip(*windows, strict=True))
        return [Dots(name, ds, y_hat, "honest")]
    return [Line(name, ds, y_hat, "honest") for ds, y_hat in windows]


def _ahead(ds: DateArray, y_hat: FloatArray) -> Layer:
    return Line("forecast", ds, y_hat, "ahead", 2.5) if len(ds) > 1 else Dots("forecast", ds, y_hat, "ahead")


def _area(name: str, ds: DateArray, low: FloatArray, high: FloatArray) -> Layer:
    """A single day is as wide as a day."""
    if len(ds) > 1:
        return Area(name, ds, low, high, "ahead")
    edges = ds.astype("datetime64[h]") + np.array([-12, 12])
    return Area(name, edges, np.repeat(low, 2), np.repeat(high, 2), "ahead")


def forecast_rows(data: ReportData, money: Money) -> list[dict[str, Any]]:
    """Every day to come in CNY and in the unit of the data."""
    if not data.courses:
        return []
    days = data.days.days(data.courses[0].next_ds)
    types = day_types(days)
    flows: Sequence[FloatArray] = [course.next_y_hat for course in data.courses]
    if data.net:
        flows = [*flows, flows[0] - flows[1]]
    return [
        {
            "date": iso(day),
            "weekday": WEEKDAYS[days.weekday[i]],
            "day_type": types[i],
            "note": ", ".join(word for word in (days.holiday[i], days.event[i]) if word),
            "cny": [money.cny(float(np.rint(flow[i]))) for flow in flows],
            "whole": [money.whole(float(flow[i])) for flow in flows],
        }
        for i, day in enumerate(days.ds)
    ]


def liquidity_charts(data: ReportData, money: Money, found: Liquidity) -> list[Chart]:
    """Net outflow day by day, and summed up over the horizon."""
    risk, marks = found.total, marks_of(data.days, found.total.ds)
    limits = {level: money.shown(risk.daily[level]) for level in (95, 99)}
    daily: list[Layer] = [
        Bars("forecast", risk.ds, money.shown(risk.forecast), "ahead"),
        Line("95 of 100 cases stay below", risk.ds, limits[95], "honest", 2),
        Line("99 of 100", risk.ds, limits[99], "bad", 2),
    ]
    sums = {level: money.shown(values) for level, values in risk.cumulative.items()}
    cumulative: list[Layer] = [
        Area("90% of cases", risk.ds, sums[5], sums[95], "ahead"),
        Line("forecast", risk.ds, money.shown(np.cumsum(risk.forecast)), "ahead", 2.5),
        Line("95 of 100 cases stay below", risk.ds, sums[95], "honest", 2),
        Line("99 of 100", risk.ds, sums[99], "bad", 2),
    ]
    return [
        Chart("outflow-daily", "net outflow of each day", "day", money.label, daily, marks, height=260),
        Chart(
            "outflow-cumulative", "net outflow since the first day", "day", money.label, cumulative, marks, height=260
        ),
    ]
