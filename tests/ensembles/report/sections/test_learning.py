from __future__ import annotations

from dataclasses import replace

import numpy as np

from ensembles.evaluation.run_results import LearningCurve
from ensembles.files.leaderboard_json import SettingRow
from ensembles.report.charts.chart import Line
from ensembles.report.context import ReportContext
from ensembles.report.sections.learning import SECTION
from tests.ensembles.cubes import month_cutoffs, random_cube
from tests.ensembles.report.pages import failed_context, shown, small_context
from tests.ensembles.runs import WEIGHTS, changed, run_of


def with_curves(*curves: LearningCurve) -> ReportContext:
    context = small_context()
    return replace(context, results=replace(context.results, learning={"lstm/input_size=7": curves}))


def test_curves_are_medians_over_seeds() -> None:
    context = with_curves(LearningCurve([0.9, 0.5], [0.8, 0.6]), LearningCurve([0.7]))
    drawn = SECTION.facts(context).curves[0]
    assert drawn.title == "lstm/input_size=7 (2 fits)"
    lines = {layer.name: layer.y for layer in drawn.layers if isinstance(layer, Line)}
    np.testing.assert_allclose(lines["training"], [0.8, 0.5])
    np.testing.assert_allclose(lines["validation"], [0.8, 0.6])
    assert "no validation curve" not in shown(SECTION, context).text


def test_fits_without_validation_say_so() -> None:
    assert "there is no validation curve" in shown(SECTION, with_curves(LearningCurve([0.9, 0.5]))).text


def test_settings_are_compared_by_their_look_back() -> None:
    row = {"family": "lstm", "n_seeds": 2, "mean": 5.0, "sd": 0.1, "per_window": (5.0,)}
    settings = tuple(
        SettingRow(setting=f"lstm/input_size={size}", score_of_average=score, **row)
        for size, score in ((15, 6.0), (7, 5.5))
    )
    context = small_context()
    found = SECTION.facts(replace(context, results=changed(context.results, settings=settings))).settings
    assert [chart.key for chart in found] == ["input-size-1"]
    assert found[0].x_ticks == (7.0, 15.0)


def test_averaging_seeds_gains() -> None:
    cubes = {t: random_cube(t, "a:x8 b:z1", month_cutoffs(4), 28, seed=i) for i, t in enumerate(WEIGHTS)}
    (drawn,) = SECTION.facts(ReportContext.of(run_of(cubes))).settings
    line = drawn.layers[0]
    assert isinstance(line, Line)
    assert drawn.key == "seeds"
    assert list(line.x) == [1, 2, 3, 4, 6, 8]
    assert line.y[0] == 0.0
    assert line.y[-1] > 0.0


def test_what_is_missing_is_said() -> None:
    text = shown(SECTION, failed_context()).text
    assert "No setting has several look-backs or seeds to compare." in text
    assert "There are no learning curves" in text
