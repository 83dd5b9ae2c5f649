from __future__ import annotations

import numpy as np

from ensembles.report.charts.chart import Area, Bars, Chart, Dots, Line, label_lines, marks_of
from forecasting.calendar import Calendar


def test_signs_of_a_legend_differ_as_the_layers_do() -> None:
    one = np.arange(3.0)
    wide, narrow = Area("95%", one, one, one, "forecast"), Area("80%", one, one, one, "forecast")
    drawn = [wide, narrow, Line("a", one, one, "forecast"), Dots("b", one, one, "bad"), Bars("c", one, one, "good")]
    legend = Chart("x", "x", "number", "", drawn).legend
    assert [key.kind for key in legend] == ["area", "inner", "line", "dot", "bars"]


def test_labels_over_a_picture_are_short() -> None:
    assert label_lines("Dragon Boat Festival") == "Dragon Boat\nFestival"
    assert label_lines("中秋节") == "中秋节"
    assert label_lines("Day off (substituted from 01/26/2025)") == "Day off\n(substituted…"


def test_runs_of_days_off_are_shaded_and_events_named() -> None:
    days = np.arange("2024-06-03", "2024-06-17", dtype="datetime64[D]")
    marks = marks_of(Calendar(None, (("2024-06-05", "sale"),)), days)
    assert marks.off == ((days[5], days[6]), (days[12], days[13]))
    assert marks.named == ((days[2], "sale"),)
