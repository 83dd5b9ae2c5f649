"""The parts of a forecast on the page: one picture a series, whose bars stand on one another."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from ensembles.evaluation.run_results import RunResults
from ensembles.explanation.explanation import PARTS
from ensembles.explanation.of_run import explanation_of_run
from ensembles.files.history_parquet import HistoryFile
from ensembles.files.table import named
from ensembles.report.charts.chart import Bars
from ensembles.report.context import ReportContext
from ensembles.report.sections.treasurer.why import MOST, SECTION
from forecasting.errors import StorageError
from tests.ensembles.report.pages import failed_context, shown
from tests.ensembles.runs import small_run


@cache
def context(n_series: int) -> ReportContext:
    results: RunResults = small_run(n_series=n_series)
    assert results.forecast is not None
    uids = list(results.forecast.identities())
    end = np.datetime64(results.run.data.end)
    ds = end - np.arange(120)[::-1]
    rng = np.random.default_rng(0)
    size = 1e7 * (1 + np.arange(len(uids)))
    y = size[:, None] * np.exp(rng.normal(0, 0.1, (len(uids), len(ds))))
    row, day = (axis.ravel() for axis in np.indices(y.shape))
    history = HistoryFile(named(uids, row), ds[day], y[row, day], series=results.forecast.identities())
    return ReportContext.of(replace(results, history=history))


def test_bars_lead_from_the_level_to_the_forecast() -> None:
    found = context(1).explanation
    assert found is not None
    facts = SECTION.facts(context(1))
    assert len(facts.charts) == len(facts.rows) == 2
    for chart, row in zip(facts.charts, np.argsort(-found.sizes), strict=True):
        layers = [layer for layer in chart.layers if isinstance(layer, Bars) and layer.base is not None]
        assert len(layers) == len(chart.layers) == 3
        heights = np.nansum([layer.y for layer in layers], axis=0)
        base = layers[0].base
        assert base is not None
        assert base[1:-1] == pytest.approx(np.cumsum(heights)[:-2])
        assert base[0] == base[-1] == 0.0
        assert heights[:-1].sum() == pytest.approx(heights[-1])
        largest = np.abs(found.forecast[row].astype(float)).max() * 100
        assert heights[-1] == pytest.approx(context(1).money.shown(np.array([largest]))[0])
        assert str(layers[0].x[0]) == "level"
        assert (layers[2].y[~np.isnan(layers[2].y)] < 0).all()


def test_the_largest_series_are_shown_first_and_parts_that_are_nothing_are_left_out() -> None:
    facts, found = SECTION.facts(context(15)), context(15).explanation
    assert found is not None
    assert len(facts.charts) == len(facts.rows) == MOST < facts.n_series == 30
    assert [row.name for row in facts.rows] == [found.unique_ids[k] for k in np.argsort(-found.sizes)[:MOST]]
    assert "planned" not in facts.head
    assert facts.head[0] == "level"
    assert len(facts.head) < len(PARTS)
    text = shown(SECTION, context(15)).text
    assert "The 20 largest of 30 series." in text
    assert "16 more series" in text


def test_the_table_holds_the_sums_over_all_days() -> None:
    found, facts = context(1).explanation, SECTION.facts(context(1))
    assert found is not None
    row = int(np.argmax(found.sizes))
    assert facts.rows[0].learned == found.learned_share(row)
    assert facts.rows[0].forecast == context(1).money.plain(float(found.forecast[row].sum()) * 100)


def test_a_run_without_a_blend_or_a_history_has_no_such_section() -> None:
    assert shown(SECTION, failed_context()).text.strip() == ""
    assert shown(SECTION, ReportContext.of(small_run())).text.strip() == ""


def test_files_that_do_not_belong_together_are_told() -> None:
    results = context(2).results
    assert results.history is not None
    history = results.history
    for changed, words in (
        (history.where(history.unique_id != history.unique_id[0]), f"lacks {history.unique_id[0]}"),
        (replace(history, ds=history.ds + 365), "days that are not the run's"),
    ):
        with pytest.raises(StorageError, match=words):
            explanation_of_run(replace(results, history=changed))
