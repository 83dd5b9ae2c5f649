"""Numbers on the axes of the page's pictures."""

from __future__ import annotations

import numpy as np
import pytest

from ensembles.report.charts.bokeh_page import draw
from ensembles.report.charts.chart import Area, Chart, Line

X = np.arange(3)


@pytest.mark.parametrize(
    ("layer", "written"),
    [
        (Line("training", X, np.array([0.031, np.nan, 0.0059]), "forecast"), "0.0[000]"),
        (Line("flow", X, np.array([0.5, 2e6, 1.0]), "forecast"), "0,0.[00]"),
        (Area("band", X, np.zeros(3), np.array([0.1, 3.0, 1.0]), "forecast"), "0,0.[00]"),
    ],
)
def test_small_numbers_get_the_decimals_that_tell_them_apart(layer, written):
    script, places = draw([Chart("key", "title", "number", "unit", [layer])])
    assert f'"format":"{written}"' in script.replace('\\"', '"')
    assert f"@y{{{written}}}" in script
    assert set(places) == {"key"}
