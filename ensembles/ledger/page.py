"""The page of a ledger, made with the templates and the charts of the report. It loads nothing from the network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ensembles.ledger.tables import tables_of
from ensembles.report.charts.chart import Chart, Colour, Dots, Layer, Line
from ensembles.report.money import Money
from forecasting.schema import as_dates

if TYPE_CHECKING:
    from ensembles.ledger.review import Review
    from ensembles.ledger.scoring.accuracy import Accuracy

__all__ = ["page_of"]

TALL = 260
BAND_COLOURS: tuple[Colour, ...] = ("second", "good", "backtest")


def page_of(review: Review) -> str:
    """HTML in one piece."""
    from ensembles.report.charts.bokeh_page import draw, script_of_library
    from ensembles.report.template import environment

    charts = [*_changes(review), *(chart for one in review.accuracy for chart in _by_vintage(one))]
    script, places = draw(charts)
    page: str = (
        environment()
        .get_template("ledger.html.j2")
        .render(
            name=review.name,
            review=review,
            tables=tables_of(review),
            charts=charts,
            places=places,
            script=script,
            library=script_of_library() if places else "",
        )
    )
    return page


def _by_vintage(of: Accuracy) -> Iterable[Chart]:
    """WAPE and bias, and coverage, by the last day of the data."""
    if len(of.by_vintage) < 2:
        return
    days = as_dates([line.name.partition(" ")[0] for line in of.by_vintage])

    def percent(values: list[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return 100.0 * np.array(values)

    errors: list[Layer] = [
        Line("WAPE", days, percent([line.wape.value for line in of.by_vintage]), "bad"),
        Line("bias", days, percent([line.bias.value for line in of.by_vintage]), "forecast"),
    ]
    yield Chart(f"errors-{of.target}", f"{of.target}: errors by forecast", "day", "percent", errors, height=TALL)
    levels = tuple(dict.fromkeys(level for line in of.by_vintage for level in line.coverage))
    lines: list[Layer] = []
    for level, colour in zip(levels, BAND_COLOURS, strict=False):
        share = percent([line.coverage[level].value if level in line.coverage else np.nan for line in of.by_vintage])
        lines += [
            Line(f"days in the {level}% band", days, share, colour),
            Line("", days, np.full(len(days), float(level)), colour, 1.0, True),
        ]
    if lines:
        title = f"{of.target}: days inside the bands (dashed: nominal)"
        yield Chart(f"coverage-{of.target}", title, "day", "percent", lines, height=TALL)


def _changes(review: Review) -> Iterable[Chart]:
    """What was forecast for one day, by the last day of the data."""
    for target in dict.fromkeys(change.target for change in review.changes):
        own = [change for change in review.changes if change.target == target]
        money = Money.of([change.y_hat for change in own], review.amounts)
        days = as_dates([change.as_of for change in own])
        layers: list[Layer] = [
            Line("forecast", days, money.shown(np.array([change.y_hat for change in own])), "forecast"),
            Dots("forecast", days, money.shown(np.array([change.y_hat for change in own])), "forecast"),
        ]
        if own and not np.isnan(own[-1].y):
            layers.append(Line("actual", days, money.shown(np.full(len(own), own[-1].y)), "actual", 1.5, True))
        title = f"{target}: forecasts of {review.day}"
        yield Chart(f"changes-{target}", title, "day", money.label, layers, height=TALL)
