"""From stored results to the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ensembles.evaluation.contenders import Honest, honest_of
from ensembles.judging.ranking import LISTED
from ensembles.report.charts.chart import Chart
from ensembles.report.data import ReportData
from ensembles.report.money import Money
from ensembles.report.sections.errors import (
    error_groups,
    heat_charts,
    residual_charts,
    residual_rows,
    step_chart,
    surrogate_rows,
)
from ensembles.report.sections.forecast import forecast_charts, forecast_rows, liquidity_charts
from ensembles.report.sections.headline import cash_facts, headline_facts, method_words, window_rows
from ensembles.report.sections.leaderboard import leaderboard_table
from ensembles.report.sections.learning import curve_charts, input_size_charts, seeds_chart
from ensembles.report.sections.provenance import provenance_facts
from ensembles.report.template import environment
from ensembles.risk.alerts import Alerts, alerts_of_backtest
from ensembles.risk.liquidity.net_outflow import Liquidity
from forecasting.schema import iso

__all__ = ["Charts", "liquidity_of", "render", "report_charts"]

MAX_ALERTS = 40
MAX_PAIRS = 8
MAX_ENTITIES = 100


@dataclass(frozen=True)
class _Found:
    """What is worked out once and used by several sections."""

    data: ReportData
    honest: Honest | None
    money: Money
    alerts: Alerts
    liquidity: Liquidity | None

    @classmethod
    def of(cls, data: ReportData) -> _Found:
        flows = [float(v) for course in data.courses for v in course.next_y_hat]
        nothing = Alerts((), 0, {}, "", "")
        alerts = alerts_of_backtest(data.oof, data.days) if data.oof is not None and data.courses else nothing
        return cls(data, honest_of(data), Money.of(flows, data.unit), alerts, data.liquidity)


def liquidity_of(data: ReportData) -> Liquidity | None:
    """Liquidity at risk of a run, as in its report; None where there is none."""
    return data.liquidity


@dataclass(frozen=True)
class Charts:
    """The report's pictures, by section."""

    forecast: tuple[Chart, ...]
    liquidity: tuple[Chart, ...]
    heat: tuple[Chart, ...]
    steps: tuple[Chart, ...]
    learning: tuple[Chart, ...]
    settings: tuple[Chart, ...]
    residuals: tuple[Chart, ...]

    @property
    def all(self) -> tuple[Chart, ...]:
        """In the order of the page."""
        return tuple(chart for section in fields(self) for chart in getattr(self, section.name))

    @classmethod
    def of(cls, found: _Found) -> Charts:
        data, honest, liquidity = found.data, found.honest, found.liquidity
        steps = step_chart(honest) if honest else None
        settings = [*input_size_charts(data), seeds_chart(honest) if honest else None]
        return cls(
            forecast=tuple(forecast_charts(data, found.money, found.alerts, liquidity)),
            liquidity=tuple(liquidity_charts(data, found.money, liquidity)) if liquidity else (),
            heat=tuple(heat_charts(honest)) if honest else (),
            steps=() if steps is None else (steps,),
            learning=tuple(curve_charts(data.learning)),
            settings=tuple(chart for chart in settings if chart is not None),
            residuals=tuple(residual_charts(honest)) if honest else (),
        )


def report_charts(data: ReportData) -> tuple[Chart, ...]:
    """Every picture of the report, for `on_paper.chart_files`."""
    return Charts.of(_Found.of(data)).all


def render(data: ReportData) -> str:
    """The page as HTML, in one piece: it asks nothing of the network.

    Raises
    ------
    StorageError
        When the stored files do not belong together.
    """
    from ensembles.report.charts.bokeh_page import draw, script_of_library

    found = _Found.of(data)
    charts = Charts.of(found)
    script, places = draw(charts.all)
    page: str = (
        environment()
        .get_template("report.html.j2")
        .render(
            **_facts(found),
            board=data.board,
            blend=data.blend,
            run=data.run,
            name=Path(data.run["config_name"]).stem,
            charts=charts,
            places=places,
            script=script,
            library=script_of_library() if places else "",
            table=leaderboard_table(data),
            failed=[row for row in data.board["rows"] if row["status"] != "ok"],
            quality=data.quality,
            validated=any(layer.name == "validation" for c in charts.learning for layer in c.layers),  # type: ignore[union-attr]
            provenance=provenance_facts(data),
            config=json.dumps(data.run["config"], indent=2, ensure_ascii=False),
        )
    )
    return page


def _facts(found: _Found) -> dict[str, Any]:
    """What the sections on the blend say."""
    data, honest = found.data, found.honest
    surrogates, by_surrogate = surrogate_rows(honest) if honest else ([], [])
    return {
        "headline": headline_facts(data, honest),
        "cash": cash_facts(found.liquidity, found.money),
        "money": found.money,
        "alerts": found.alerts,
        "max_alerts": MAX_ALERTS,
        "pairs": _pairs(data.board["pairs"]),
        "tie": (data.run["config"].get("blend") or {}).get("tie"),
        "liquidity": found.liquidity,
        "risky": _risky_days(found),
        "entities": _entities(found),
        "days": forecast_rows(data, found.money),
        "flows": [*data.targets, *(["net flow"] if data.net else [])],
        "weights": _weights(data.blend) if data.blend else [],
        "windows": window_rows(data, honest),
        "contenders": list(honest.forecasts) if honest else [],
        "groups": error_groups(data, honest) if honest else [],
        "surrogates": surrogates,
        "by_surrogate": by_surrogate,
        "residuals": residual_rows(honest) if honest else [],
    }


def _risky_days(found: _Found) -> list[dict[str, Any]]:
    """Days to come with the largest outflow at risk."""
    if found.liquidity is None:
        return []
    risk = found.liquidity.total
    days = forecast_rows(found.data, found.money)
    order = sorted(range(len(risk.ds)), key=lambda i: int(risk.ranks[i]))
    return [
        {
            **{key: days[i][key] for key in ("date", "weekday", "day_type", "note")},
            "rank": int(risk.ranks[i]),
            "forecast": found.money.plain(float(risk.forecast[i])),
            "chance": float(risk.chance[i]),
            "buffers": {level: found.money.plain(float(risk.buffer(level)[i])) for level in (95, 99)},
            "cumulative": {level: found.money.plain(float(max(risk.cumulative[level][i], 0.0))) for level in (95, 99)},
        }
        for i in order
    ]


def _entities(found: _Found) -> list[dict[str, Any]]:
    """Funds of a panel by the cash that covers their worst day, the largest first."""
    if found.liquidity is None:
        return []
    rows = []
    for risk in found.liquidity.entities:
        worst = int(np.argmin(risk.ranks))
        buffers = {level: float(risk.buffer(level)[worst]) for level in (95, 99)}
        rows.append((buffers[99], risk.entity, iso(risk.ds[worst]), buffers, risk))
    return [
        {
            "entity": name,
            "day": day,
            "buffers": {level: found.money.plain(value) for level, value in buffers.items()},
            "month": {level: found.money.plain(risk.month_buffer(level)) for level in (95, 99)},
            "forecast": found.money.plain(float(risk.forecast.sum())),
        }
        for _, name, day, buffers, risk in sorted(rows, key=lambda row: (-row[0], row[1]))[:MAX_ENTITIES]
    ]


def _pairs(listed: Sequence[Mapping[str, Any]]) -> list[tuple[int | None, Mapping[str, Any]]]:
    """The best, the one chosen and the last listed, with their ranks as far as the list has no gaps."""
    ranks = [place if place <= LISTED else None for place in range(1, len(listed) + 1)]
    rows = list(zip(ranks, listed, strict=True))
    return [row for i, row in enumerate(rows) if i < MAX_PAIRS or row[1]["chosen"] or i == len(rows) - 1]


def _weights(blend: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Per target the method and its units, heaviest first; widths of bars in percent of the heaviest."""
    out = []
    for target, facts in blend["targets"].items():
        units = sorted(facts["units"], key=lambda unit: (-(unit["weight"] or 0), unit["name"]))
        top = max((unit["weight"] or 0 for unit in units), default=0)
        bars = [{**unit, "width": 100 * (unit["weight"] or 0) / top if top else 0} for unit in units]
        plain = {key: facts[key] for key in ("method", "level", "factor")}
        words = method_words(facts["method"], facts["level"])
        out.append({"target": target, **plain, "words": words, "units": bars})
    return out
