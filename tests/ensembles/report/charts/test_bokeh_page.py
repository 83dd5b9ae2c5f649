"""Numbers on the axes of the page's pictures."""

from __future__ import annotations

import numpy as np
import pytest

from ensembles.report.charts.bokeh_page import draw
from ensembles.report.charts.chart import Area, Chart, Dots, Line, Ranges, factor_text

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


def test_dots_and_ranges_of_names_stand_side_by_side():
    names, half = ["Mon\n5", "Tue\n6"], np.array([0.5, 0.7])
    layers = [
        Ranges("", names, half, 2 * half, "forecast", -0.15),
        Dots("in", names, half, "forecast", -0.15),
        Dots("out", names, half, "backtest", 0.15),
    ]
    chart = Chart("key", "title", "name", "unit", layers)
    script, _ = draw([chart])
    plain = script.replace('\\"', '"')
    assert '["Mon\\\\n5",-0.15]' in plain
    assert '["Tue\\\\n6",0.15]' in plain
    assert [key.name for key in chart.legend] == ["in", "out"]


def test_long_names_stand_upright():
    wide = ["city 6411949\n10", "city 6412149\n20", "city 6301949\n30", "city 6281949\n40"]
    upright = '"major_label_orientation":"vertical"'
    for names, stands in ((wide, True), (["Mon\n5", "Tue\n6"], False)):
        script, _ = draw([Chart("key", "title", "name", "unit", [Dots("in", names, np.ones(len(names)), "forecast")])])
        assert (upright in script.replace('\\"', '"')) == stands


def test_powers_of_two_are_written_as_factors():
    layer = Dots("in", X, np.array([-1.0, 0.0, 2.0]), "forecast")
    script, _ = draw([Chart("key", "title", "number", "unit", [layer], factors=True)])
    assert [factor_text(power) for power in (-1.0, 0.0, 2.0, 0.585)] == ["÷2", "×1", "×4", "×1.5"]
    assert "@factor" in script
