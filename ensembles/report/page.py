"""From stored results to the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ensembles.report.data import Course, ReportData
from forecasting.calendar import Calendar
from forecasting.schema import BLEND

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render"]

FEN_PER_CNY = 100
SCALES = ((1e8, "100 million CNY"), (1e6, "million CNY"), (1e3, "thousand CNY"), (1.0, "CNY"))


def render(data: ReportData) -> str:
    """The page as HTML, in one piece: it asks nothing of the network."""
    from ensembles.report.figures import draw, script_of_library

    courses = data.courses()
    scale, unit = _scale(courses, data.run["config"]["data"]["unit"])
    calendar = Calendar(data.run["config"]["calendar"])
    script, places = draw(courses, calendar, scale, unit)
    page: str = _template().render(
        board=data.board,
        blend=data.blend,
        run=data.run,
        name=Path(data.run["config_name"]).stem,
        headline=_headline(data.board),
        weights=_weights(data.blend),
        windows=_windows(data),
        places=places,
        banded=any(course.bands for course in courses),
        script=script,
        library=script_of_library(),
        config=json.dumps(data.run["config"], indent=2, ensure_ascii=False),
    )
    return page


def _scale(courses: Sequence[Course], unit: str) -> tuple[float, str]:
    """What to divide amounts by, and what the result is called."""
    cny = FEN_PER_CNY if unit == "fen" else 1
    largest = max(float(course.next_y_hat.max()) for course in courses) / cny
    return next((cny * size, name) for size, name in SCALES if largest >= size or size == 1.0)


def _headline(board: Mapping[str, Any]) -> Mapping[str, Any]:
    """The blend's row, and those it has to beat."""
    blend = next(row for row in board["rows"] if row["family"] == BLEND)
    naive = next((row for row in board["rows"] if row["member"].startswith("seasonal-naive") and row["score"]), None)
    return {"blend": blend, "best_single": board["best_single"], "naive": naive, "days": 30}


def _weights(blend: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Per target the method and its units, heaviest first; widths of bars in percent of the heaviest."""
    out = []
    for target, facts in blend["targets"].items():
        units = sorted(facts["units"], key=lambda unit: (-(unit["weight"] or 0), unit["name"]))
        top = max((unit["weight"] or 0 for unit in units), default=0)
        bars = [{**unit, "width": 100 * (unit["weight"] or 0) / top if top else 0} for unit in units]
        plain = {key: facts[key] for key in ("method", "level", "factor")}
        out.append({"target": target, **plain, "units": bars})
    return out


def _windows(data: ReportData) -> list[dict[str, Any]]:
    """One row per backtest window: what was chosen then, and what it scored."""
    best = data.board["best_single"]
    return [
        {
            **window,
            "methods": choice["methods"],
            "real": choice["real"],
            "score": score,
            "best": None if best is None else best["per_window"][i],
            "pick": None if best is None else best["picks"][i],
        }
        for i, (window, choice, score) in enumerate(
            zip(data.board["windows"], data.blend["choices"], data.blend["per_window"], strict=True)
        )
    ]


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment: Environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["points"] = lambda value: "–" if value is None else f"{value:.2f}"
    environment.filters["whole"] = lambda value: "–" if value is None else f"{value:,.1f}"
    environment.filters["percent"] = lambda value: "–" if value is None else f"{value:.1%}"
    return environment.get_template("report.html.j2")
