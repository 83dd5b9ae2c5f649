from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.report.context import ReportContext
from ensembles.report.sections.series import MOST, SECTION
from tests.ensembles.report.pages import failed_context, shown, small_context
from tests.ensembles.runs import small_run


def test_errors_are_those_of_the_blend_and_stand_in_order() -> None:
    context = small_context(n_series=30)
    assert context.contenders is not None
    found = SECTION.facts(context).targets[1]
    cube, y_hat = context.contenders.cubes["redeem"], context.contenders.submitted("redeem")
    wape = np.abs(y_hat - cube.y).sum(axis=(1, 2)) / cube.y.sum(axis=(1, 2))
    order = np.argsort(wape)
    assert [row.name for row in found.best] == [cube.unique_ids[i] for i in order[:MOST]]
    assert [row.name for row in found.worst] == [cube.unique_ids[i] for i in order[::-1][:MOST]]
    assert [row.wape for row in found.worst] == pytest.approx(wape[order[::-1][:MOST]].tolist())
    assert found.pooled.wape == pytest.approx(np.abs(y_hat - cube.y).sum() / cube.y.sum())
    assert found.summed.wape == pytest.approx(np.abs((y_hat - cube.y).sum(axis=0)).sum() / cube.y.sum())
    assert found.summed.bias == pytest.approx((y_hat - cube.y).sum() / cube.y.sum())
    assert "10 series between" in shown(SECTION, context).text


def test_a_few_series_stand_there_once() -> None:
    page = shown(SECTION, small_context(n_series=13))
    assert page.tags.count("tr") == 2 * (1 + 2 + 13)
    assert "series between" not in page.text


def test_unknown_days_and_series_without_amounts_count_nowhere() -> None:
    context = small_context(n_series=3)
    assert context.contenders is not None
    cubes = {}
    for target, cube in context.contenders.cubes.items():
        y = cube.y.copy()
        y[0], y[1, :, :7] = 0.0, np.nan
        cubes[target] = replace(cube, y=y)
    judged = replace(context, contenders=replace(context.contenders, cubes=cubes))
    found = SECTION.facts(judged).targets[0]
    assert (found.n_series, len(found.best), len(found.worst)) == (2, 2, 0)
    assert all(0 < row.wape < 1 for row in (*found.best, found.pooled, found.summed))


def test_it_is_left_out_where_there_is_nothing_to_compare() -> None:
    for context in (ReportContext.of(small_run()), failed_context()):
        assert shown(SECTION, context).html.strip() == ""
