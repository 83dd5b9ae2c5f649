from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.report.context import ReportContext
from ensembles.report.sections.leaderboard import MAX_SERIES, MONTH, SECTION
from tests.ensembles.report.pages import failed_context, shown, small_context
from tests.ensembles.runs import changed


def test_seeds_are_folded_into_their_setting() -> None:
    context = small_context()
    facts = SECTION.facts(context)
    folded = next(row.cells for row in facts.rows if row.cells[:2] == ["x", "a"])
    scores = [row.score for row in context.results.board.rows if row.setting == "x"]
    assert folded[2:4] == [2, pytest.approx(np.mean(scores))]
    assert folded[4] == pytest.approx(np.std(scores, ddof=1))
    assert len(facts.seeds) == 4
    assert "single seeds (4)" in shown(SECTION, context).text


def test_the_best_stands_first_and_every_row_fills_the_columns() -> None:
    facts = SECTION.facts(small_context())
    scores = [row.cells[3] for row in facts.rows if row.cells[3] is not None]
    assert scores == sorted(scores, reverse=True)
    assert {len(row.cells) for row in (*facts.rows, *facts.seeds)} == {len(facts.columns)}


def test_many_rows_become_data() -> None:
    context = small_context()
    one = next(row for row in context.results.board.rows if row.setting == "y")
    rows = tuple(one.model_copy(update={"setting": f"s{i}", "member": f"m{i}"}) for i in range(600))
    facts = SECTION.facts(replace(context, results=changed(context.results, rows=rows)))
    assert (len(facts.rows), len(facts.more)) == (250, 350)


def test_failures_say_why() -> None:
    assert "ran out of memory" in shown(SECTION, failed_context()).text
    context = small_context()
    broken = changed(context.results, broken_series={"fund7/redeem": "holds 3 days"})
    text = shown(SECTION, replace(context, results=broken)).text
    assert "fund7/redeem" in text
    assert "holds 3 days" in text


def test_many_series_without_a_forecast_are_counted() -> None:
    context = small_context()
    reasons = {f"fund{i}/redeem": "holds 3 days" for i in range(MAX_SERIES + 1234)}
    broken = changed(context.results, broken_series=reasons)
    text = shown(SECTION, replace(context, results=broken)).text
    assert text.count("holds 3 days") == MAX_SERIES
    assert "1,234 more" in text


def test_the_points_of_a_month_are_the_competitions_alone() -> None:
    context = small_context()
    config = {**context.results.run.config, "data": {"kind": "table", "unit": "EUR"}}
    other = ReportContext.of(changed(context.results, config=config))
    titles = [[column.title for column in SECTION.facts(of).columns] for of in (context, other)]
    assert [MONTH in found for found in titles] == [True, False]
    facts = SECTION.facts(other)
    assert {len(row.cells) for row in (*facts.rows, *facts.seeds)} == {len(facts.columns)}
    blend = next(row for row in context.results.board.rows if row.family == "blend")
    cells = next(row.cells for row in facts.rows if row.kind == "blend")
    assert cells[titles[1].index("in-sample")] == blend.score_in_sample
