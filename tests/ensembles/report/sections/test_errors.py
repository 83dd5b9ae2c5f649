from __future__ import annotations

import numpy as np
import pytest

from ensembles.report.charts.chart import Heat
from ensembles.report.context import ReportContext
from ensembles.report.sections.errors import SECTION
from tests.ensembles.cubes import day_cutoffs, random_cube
from tests.ensembles.report.pages import failed_context, shown, small_context
from tests.ensembles.runs import WEIGHTS, changed, run_of, small_run


def test_points_of_each_day_average_to_the_score() -> None:
    context = small_context()
    charts = {chart.key: chart for chart in SECTION.charts(SECTION.facts(context))}
    means = {}
    for place, target in enumerate(WEIGHTS, start=1):
        heat = charts[f"heat-{place}"].layers[0]
        assert isinstance(heat, Heat)
        means[target] = np.nanmean(heat.values)
    total = sum(WEIGHTS[target] * mean for target, mean in means.items())
    assert total == pytest.approx(context.results.board.rows[0].score, abs=1e-6)
    assert set(charts) >= {"error-steps", "residuals-1", "residuals-lags-2"}


def test_groups_of_days_cover_every_day_once_per_kind() -> None:
    groups = SECTION.facts(small_context()).groups
    for kind in ("weekday", "day", "step"):
        assert sum(group.targets[0].days for group in groups if group.kind == kind) == 4 * 28


def test_the_score_in_use_is_among_the_surrogates() -> None:
    context = small_context()
    facts = SECTION.facts(context)
    scores = dict(zip(facts.surrogates, facts.by_surrogate[0].scores, strict=True))
    assert scores["linear"] == pytest.approx(context.results.board.rows[0].score, abs=1e-6)
    assert "10 less" not in shown(SECTION, context).text


def test_a_pooled_score_has_linear_points_per_day() -> None:
    context = ReportContext.of(changed(small_run(), surrogate="wape"))
    assert SECTION.facts(context).surrogates == ("wape",)
    assert "the score in use gives none per day" in shown(SECTION, context).text


def test_windows_of_a_single_day_stand_in_one_row() -> None:
    cutoffs = day_cutoffs(6, 1)
    results = run_of({t: random_cube(t, "a:x1 b:y1", cutoffs, 1, seed=i) for i, t in enumerate(WEIGHTS)})
    context = ReportContext.of(results)
    charts = {chart.key: chart for chart in SECTION.charts(SECTION.facts(context))}
    heat = charts["heat-1"].layers[0]
    assert isinstance(heat, Heat)
    assert heat.values.shape == (1, 6)
    assert "error-steps" not in charts
    assert "By kind of day" in shown(SECTION, context).text


def test_a_run_without_a_blend_says_so() -> None:
    text = shown(SECTION, failed_context()).text
    for words in (
        "There are no forecasts of past windows to judge",
        "There is no blend to score",
        "There are no errors",
    ):
        assert words in text


@pytest.mark.parametrize(("freq", "noun", "lag"), [("D", "days", 7), ("B", "work days", 5), ("W", "weeks", 4)])
def test_errors_a_week_apart_are_so_in_the_periods_of_the_data(freq: str, noun: str, lag: int) -> None:
    results = small_run()
    results = changed(results, data=results.run.data.model_copy(update={"freq": freq}))
    context = ReportContext.of(results)
    facts = SECTION.facts(context)
    contenders = context.contenders
    assert contenders is not None
    for row in facts.residuals:
        errors = np.log(contenders.cubes[row.target].y / contenders.submitted(row.target))[0]
        errors = errors - errors.mean()
        left, right = errors[:, :-lag], errors[:, lag:]
        expected = (left * right).sum() / np.sqrt((left**2).sum() * (right**2).sum())
        assert row.later == pytest.approx(expected)
    text = shown(SECTION, context).text
    assert f"with {lag} {noun} later" in text
    assert f"correlation of errors, by {noun} apart" in text
    assert f"{noun.removesuffix('s')} 8 to 14 ahead" in text


def test_windows_of_a_week_say_nothing_of_a_week_later() -> None:
    cubes = {t: random_cube(t, "a:x b:y", day_cutoffs(8, 7), 7, seed=i) for i, t in enumerate(WEIGHTS)}
    facts = SECTION.facts(ReportContext.of(run_of(cubes)))
    assert [row.later for row in facts.residuals] == [None, None]
