from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.report.charts.chart import Bars, Chart, Dots, Ranges
from ensembles.report.charts.image_files import chart_files
from ensembles.report.page import report_charts
from forecasting.schema import iso
from tests.ensembles.report.pages import small_context
from tests.ensembles.runs import changed


def test_figures_are_written_as_png_and_svg() -> None:
    pytest.importorskip("matplotlib")
    context = small_context()
    event = (iso(context.histories[0].next_ds[3]), "双十一 $x$ <b>")
    charts = report_charts(replace(context, results=changed(context.results, events=(event,))))
    assert {"forecast-1", "forecast-net", "heat-1", "cash-balance"} <= {chart.key for chart in charts}
    shown = [chart for chart in charts if chart.key in ("forecast-1", "heat-1", "residuals-1")]
    files = chart_files(shown)
    assert set(files) == {f"{chart.key}.{kind}" for chart in shown for kind in ("png", "svg")}
    assert files["forecast-1.png"].startswith(b"\x89PNG")
    assert "双十一 $x$ &lt;b&gt;" in files["forecast-1.svg"].decode()
    assert chart_files(shown[:1])["forecast-1.svg"] == files["forecast-1.svg"]


@pytest.mark.parametrize("x", [["Mon", "Tue"], np.arange(2)])
def test_intervals_stand_beside_their_dots(x: object) -> None:
    pytest.importorskip("matplotlib")
    ends = np.array([-1.0, 2.0])
    layers = [Ranges("", x, ends - 1, ends + 1, "forecast", 0.2), Dots("in", x, ends, "forecast", 0.2)]
    svg = chart_files([Chart("key", "title", "name", "unit", layers, factors=True)])["key.svg"].decode()
    assert "×2" in svg
    assert "÷2" in svg


def test_bars_begin_at_their_base() -> None:
    pytest.importorskip("matplotlib")
    y, base = np.array([2.0, -1.0]), np.array([100.0, 102.0])
    bars = [Bars("b", ["x", "y"], y, "forecast", base=base if raised else None) for raised in (False, True)]
    on_zero, raised = (chart_files([Chart("key", "title", "name", "unit", [one])])["key.svg"].decode() for one in bars)
    assert ">100" in raised
    assert ">100" not in on_zero
