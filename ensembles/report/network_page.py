"""Charts of a network that was fitted once, as articles show it: losses by epoch, truth and fit over training,
validation and test days, and for prices the test days rebuilt from the forecast changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ensembles.evaluation.run_results import LearningCurve
from ensembles.files.amounts import Amounts
from ensembles.report.charts.chart import Chart, Colour, Layer, Line, Marks
from ensembles.report.money import Money
from forecasting.schema import DateArray, FloatArray

__all__ = ["NetworkFit", "network_charts", "network_html"]

PARTS: tuple[tuple[str, Colour], ...] = (("training", "forecast"), ("validation", "backtest"), ("test", "good"))


@dataclass(frozen=True)
class NetworkFit:
    """A member on one series.

    `losses` of each epoch, of which the weights of `epoch` are kept; `train`, `valid` and `test` are the first days of
    the three parts. `ds` ``[n]``, `y` and one-step fits `y_hat`. `compounds`: forecasts are changes of a price.
    `published` are fits of the article's own test, which knew more than a forecast may, as `claim` says; NaN where
    there is none.
    """

    name: str
    unique_id: str
    losses: LearningCurve
    epoch: int
    train: np.datetime64
    valid: np.datetime64
    test: np.datetime64
    ds: DateArray
    y: FloatArray
    y_hat: FloatArray
    compounds: bool = False
    claim: str = ""
    published: FloatArray | None = None


def network_charts(fits: Sequence[NetworkFit], amounts: Amounts) -> list[Chart]:
    """Losses, fit and, where changes compound, rebuilt prices of each member."""
    charts = []
    for place, fit in enumerate(fits, start=1):
        money = Money.of(fit.y, amounts)
        charts += [_loss_chart(fit, f"losses-{place}"), _fit_chart(fit, money, f"fit-{place}")]
        if fit.compounds:
            charts.append(_rebuilt_chart(fit, money, f"rebuilt-{place}"))
    return charts


def _loss_chart(fit: NetworkFit, key: str) -> Chart:
    train, valid = (np.asarray(losses, dtype=float) for losses in (fit.losses.train, fit.losses.valid))
    best = fit.epoch
    layers: list[Layer] = [
        Line(name, np.arange(1, len(loss) + 1), loss, colour, 2)
        for (name, colour), loss in zip(PARTS[:2], (train, valid), strict=True)
    ]
    losses = f"training {train[best - 1]:.4f}, validation {valid[best - 1]:.4f}"
    title = f"{fit.name}: weights of epoch {best} of {len(train)}, {losses}"
    return Chart(key, title, "number", "mean squared error, scaled", layers, x_label="epoch", height=240)


def _fit_chart(fit: NetworkFit, money: Money, key: str) -> Chart:
    edges = [fit.train, fit.valid, fit.test, fit.ds[-1] + 1]
    layers: list[Layer] = [Line("truth", fit.ds, money.shown(fit.y), "actual", 2)]
    for (name, colour), (first, end) in zip(PARTS, pairwise(edges), strict=True):
        chosen = (fit.ds >= first) & (fit.ds < end)
        if chosen.any():
            layers.append(Line(f"{name}, one step ahead", fit.ds[chosen], money.shown(fit.y_hat[chosen]), colour))
    if fit.published is not None:
        name = f"as published: {fit.claim}"
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


def network_html(name: str, fits: Sequence[NetworkFit], amounts: Amounts) -> str:
    """All charts on one page of HTML, which loads nothing from the network."""
    from ensembles.report.charts.bokeh_page import draw, script_of_library
    from ensembles.report.template import environment

    charts = network_charts(fits, amounts)
    script, places = draw(charts)
    page: str = (
        environment()
        .get_template("network.html.j2")
        .render(name=name, charts=charts, places=places, script=script, library=script_of_library())
    )
    return page
