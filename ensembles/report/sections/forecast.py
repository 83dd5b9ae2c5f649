"""Each target's past and forecast, the net flow, and every day in figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.bands.quantiles import ends_of, levels_of
from ensembles.oof import in_unit
from ensembles.report.charts.chart import Area, Chart, Dots, Layer, Line, marks_of
from ensembles.report.context import ReportContext
from ensembles.report.days_ahead import DayAhead, flows_ahead, forecast_days, planned_ahead
from ensembles.report.flow_history import FlowHistory
from ensembles.report.money import Money
from ensembles.report.section import Section
from ensembles.treasury.planned import PlannedDay, files_in_words
from forecasting.schema import DateArray, FloatArray, as_dates

__all__ = ["SECTION", "ForecastFacts"]


@dataclass(frozen=True)
class ForecastFacts:
    """`flows` name the columns of `days` (see `flows_ahead`); `off_median` says where the forecasts are not the medians
    of their bands; `planned` what no model forecast, and `files` what that is to forecasts of the user's own files.
    """

    charts: tuple[Chart, ...]
    has_bands: bool
    flows: tuple[str, ...]
    days: tuple[DayAhead, ...]
    off_median: str = ""
    planned: tuple[PlannedDay, ...] = ()
    files: tuple[str, ...] = ()


def forecast_facts(context: ReportContext) -> ForecastFacts:
    charts = [_of_target(place, history, context) for place, history in enumerate(context.histories, start=1)]
    banded = bool(charts) and any(key.kind in ("area", "inner") for key in charts[0].legend)
    charts += [_of_net_flow(place, *pair, context) for place, pair in enumerate(context.in_and_out)]
    flows = tuple(flow.name for flow in flows_ahead(context))
    off = _off_median(context) if banded else ""
    planned, files = planned_ahead(context), files_in_words(context.results.run)
    return ForecastFacts(tuple(charts), banded, flows, forecast_days(context), off, planned, files)


def _off_median(context: ReportContext) -> str:
    """Which forecasts lie off their medians on purpose, in one sentence; nothing where none does."""
    blend = context.results.blend
    factors = {} if blend is None else {t: made.factor for t, made in blend.targets.items() if made.factor != 1.0}
    off = [f"{t} {abs(1 - f):.1%} {'below' if f < 1 else 'above'} it" for t, f in factors.items() if f is not None]
    if not off:
        return ""
    why = "the forecast lies off it on purpose, because that scores better"
    return f" The middle of a band is the median; {why}: {', '.join(off)}."


def _of_target(place: int, history: FlowHistory, context: ReportContext) -> Chart:
    money = context.money.of_unit(history.unit)
    layers: list[Layer] = [
        _area(f"{level}% band", history.next_ds, money.shown(low), money.shown(high))
        for level, (low, high) in sorted(history.bands.items(), reverse=True)
    ]
    layers.append(Line("actual", history.ds, money.shown(history.y), "actual"))
    layers += _backtest([(ds, money.shown(y_hat)) for ds, y_hat in history.windows])
    layers.append(_coming(history.next_ds, money.shown(history.next_y_hat)))
    layers += _planned(history, money)
    layers += _alerts(history.target, context)
    marks = marks_of(context.results.calendar, np.concatenate([history.ds, history.next_ds]))
    return Chart(f"forecast-{place}", history.name, "day", money.label, layers, marks)


def _planned(history: FlowHistory, money: Money) -> list[Layer]:
    """Days whose forecast holds what was planned."""
    days = history.planned != 0
    if not days.any():
        return []
    return [Dots("with what is planned", history.next_ds[days], money.shown(history.next_y_hat[days]), "second")]


def _alerts(target: str, context: ReportContext) -> list[Layer]:
    """Days outside the widest band."""
    if context.alerts is None or not context.alerts.inside:
        return []
    level = max(context.alerts.inside)
    beyond = [a for a in context.alerts.alerts if (a.target, a.entity, a.level) == (target, None, level)]
    if not beyond:
        return []
    y = context.money.shown(np.array([a.y for a in beyond]))
    return [Dots(f"outside its {level}% band", as_dates([a.ds for a in beyond]), y, "bad")]


def _of_net_flow(place: int, inward: FlowHistory, outward: FlowHistory, context: ReportContext) -> Chart:
    money, layers = context.money.of_unit(inward.unit), list[Layer]()
    # Several units: histories name the one that has none.
    mine = [position.total for position in context.cash_by_unit if inward.unit in (None, position.unit or "no unit")]
    for total in mine:
        found = total.flows["net_flow"].quantiles
        for level in levels_of(list(found)):
            low, high = (money.shown(found[end]) for end in ends_of(level))
            layers.append(_area(f"{level}% of cases", total.ds, low, high))
    shared, a, b = np.intersect1d(inward.ds, outward.ds, return_indices=True)
    layers.append(Line("actual", shared, money.shown(inward.y[a] - outward.y[b]), "actual"))
    pairs = zip(inward.windows, outward.windows, strict=True)
    layers += _backtest([(ds, money.shown(come - go)) for (ds, come), (_, go) in pairs])
    layers.append(_coming(inward.next_ds, money.shown(inward.next_y_hat - outward.next_y_hat)))
    marks = marks_of(context.results.calendar, np.concatenate([shared, inward.next_ds]))
    title = in_unit(f"net flow: {inward.target} less {outward.target}", inward.unit)
    return Chart(f"forecast-net-{place}" if place else "forecast-net", title, "day", money.label, layers, marks)


def _backtest(windows: Sequence[tuple[DateArray, FloatArray]]) -> list[Layer]:
    """The forecast from each cutoff; windows of a single day are dots, since they have no line."""
    name = "blend, from each cutoff"
    if windows and all(len(ds) == 1 for ds, _ in windows):
        ds, y_hat = (np.concatenate(parts) for parts in zip(*windows, strict=True))
        return [Dots(name, ds, y_hat, "backtest")]
    return [Line(name, ds, y_hat, "backtest") for ds, y_hat in windows]


def _coming(ds: DateArray, y_hat: FloatArray) -> Layer:
    return Line("forecast", ds, y_hat, "forecast", 2.5) if len(ds) > 1 else Dots("forecast", ds, y_hat, "forecast")


def _area(name: str, ds: DateArray, low: FloatArray, high: FloatArray) -> Layer:
    """The area of a single day is a day wide."""
    if len(ds) > 1:
        return Area(name, ds, low, high, "forecast")
    edges = ds.astype("datetime64[h]") + np.array([-12, 12])
    return Area(name, edges, np.repeat(low, 2), np.repeat(high, 2), "forecast")


def forecast_charts(facts: ForecastFacts) -> Sequence[Chart]:
    return facts.charts


SECTION = Section("forecast", "Forecast", 10, "forecast.j2", forecast_facts, forecast_charts)
