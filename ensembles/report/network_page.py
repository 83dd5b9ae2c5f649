"""Pictures of a network that was fitted once, as articles show it: losses by epoch, truth and fit over training,
validation and test days, and for prices the test days rebuilt from the changes forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ensembles.report.charts.chart import Chart, Colour, Layer, Line, Marks
from ensembles.report.money import Money
from forecasting.schema import DateArray, FloatArray, as_date

__all__ = ["NetworkFit", "network_charts", "network_html"]

PARTS: tuple[tuple[str, Colour], ...] = (("training", "forecast"), ("validation", "backtest"), ("test", "good"))


@dataclass(frozen=True)
class NetworkFit:
    """A member on one series.

    `facts` of its state: epoch, train_loss, valid_loss, days (first day of ``train``, ``valid`` and, as published,
    ``test``), claim, compounds. `ds` ``[n]``, `y` and one-step fits `y_hat`; `test` first test day; `published` fits
    of the article's own test, which knew more than a forecast may, NaN where there is none.
    """

    name: str
    unique_id: str
    facts: Mapping[str, Any]
    ds: DateArray
    y: FloatArray
    y_hat: FloatArray
    test: np.datetime64
    published: FloatArray | None


def network_charts(fits: Sequence[NetworkFit], unit: str) -> list[Chart]:
    """Losses, fit and, where changes compound, rebuilt prices of each member."""
    charts = []
    for place, fit in enumerate(fits, start=1):
        money = Money.of(fit.y, unit)
        charts += [_loss_chart(fit, f"losses-{place}"), _fit_chart(fit, money, f"fit-{place}")]
        if fit.facts.get("compounds"):
            charts.append(_rebuilt_chart(fit, money, f"rebuilt-{place}"))
    return charts


def _loss_chart(fit: NetworkFit, key: str) -> Chart:
    train, valid = (np.asarray(fit.facts[part], dtype=float) for part in ("train_loss", "valid_loss"))
    best = int(fit.facts["epoch"])
    layers: list[Layer] = [
        Line(name, np.arange(1, len(loss) + 1), loss, colour, 2)
        for (name, colour), loss in zip(PARTS[:2], (train, valid), strict=True)
    ]
    losses = f"training {train[best - 1]:.4f}, validation {valid[best - 1]:.4f}"
    title = f"{fit.name}: weights of epoch {best} of {len(train)}, {losses}"
    return Chart(key, title, "number", "mean squared error, scaled", layers, x_label="epoch", height=240)


def _fit_chart(fit: NetworkFit, money: Money, key: str) -> Chart:
    days = fit.facts["days"]
    edges = [as_date(days["train"]), as_date(days["valid"]), fit.test, fit.ds[-1] + 1]
    layers: list[Layer] = [Line("truth", fit.ds, money.shown(fit.y), "actual", 2)]
    for (name, colour), (first, end) in zip(PARTS, pairwise(edges), strict=True):
        chosen = (fit.ds >= first) & (fit.ds < end)
        if chosen.any():
            layers.append(Line(f"{name}, one step ahead", fit.ds[chosen], money.shown(fit.y_hat[chosen]), colour))
    if fit.published is not None:
        name = f"as published: {fit.facts['claim']}"
        layers.append(Line(name, fit.ds, money.shown(fit.published), "bad", dashed=True))
    named = tuple((edge, name) for edge, (name, _) in zip(edges, PARTS, strict=False) if fit.ds[0] < edge)
    title = f"{fit.name}: truth and fit of {fit.unique_id}"
    return Chart(key, title, "day", money.label, layers, Marks(named=named), height=320)


def _rebuilt_chart(fit: NetworkFit, money: Money, key: str) -> Chart:
    """Forecast changes compounded from the price before the first test day, beside the price itself."""
    test = np.flatnonzero(fit.ds >= fit.test)
    test = test[test > 0]
    start = fit.y[test[0] - 1]
    rebuilt = start * np.cumprod(fit.y_hat[test] / fit.y[test - 1])
    layers: list[Layer] = [
        Line("truth", fit.ds[test], money.shown(fit.y[test]), "actual", 2),
        Line("changes forecast, compounded", fit.ds[test], money.shown(rebuilt), "forecast"),
        Line("last price", fit.ds[test], money.shown(np.full(len(test), start)), "second", dashed=True),
    ]
    title = f"{fit.name}: prices of the test days rebuilt from the changes forecast"
    return Chart(key, title, "day", money.label, layers, height=300)


def network_html(name: str, fits: Sequence[NetworkFit], unit: str) -> str:
    """All pictures on one page of HTML that asks nothing of the network."""
    from ensembles.report.charts.bokeh_page import draw, script_of_library
    from ensembles.report.template import environment

    charts = network_charts(fits, unit)
    script, places = draw(charts)
    page: str = (
        environment()
        .get_template("network.html.j2")
        .render(name=name, charts=charts, places=places, script=script, library=script_of_library())
    )
    return page
