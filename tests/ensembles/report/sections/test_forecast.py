from __future__ import annotations

from dataclasses import replace

from ensembles.report.charts.chart import Area
from ensembles.report.sections.forecast import SECTION
from tests.ensembles.report.pages import failed_context, shown, small_context


def test_a_chart_per_target_and_one_of_the_net_flow() -> None:
    facts = SECTION.facts(small_context())
    assert [chart.key for chart in SECTION.charts(facts)] == ["forecast-1", "forecast-2", "forecast-net"]
    assert [key.name for key in facts.charts[0].legend][:3] == ["95% band", "80% band", "actual"]
    assert facts.charts[2].title == "net flow: purchase less redeem"


def test_every_day_in_figures() -> None:
    context = small_context()
    page = shown(SECTION, context)
    assert page.tags.count("tr") == 1 + len(context.histories[0].next_ds)
    assert "net flow, fen" in page.text
    assert "with their bands" in page.text


def test_a_sum_over_series_has_no_bands() -> None:
    assert "a sum over several series has no bands" in shown(SECTION, small_context(n_series=2)).text


def test_windows_of_a_single_day_are_dots() -> None:
    context = small_context()
    first, day = context.histories[0], slice(0, 1)
    one = replace(
        first,
        windows=tuple((ds[day], y_hat[day]) for ds, y_hat in first.windows),
        next_ds=first.next_ds[day],
        next_y_hat=first.next_y_hat[day],
        planned=first.planned[day],
        bands={level: (low[day], high[day]) for level, (low, high) in first.bands.items()},
    )
    drawn = SECTION.facts(replace(context, histories=(one, one))).charts[0]
    kinds = {key.name: key.kind for key in drawn.legend}
    assert (kinds["blend, from each cutoff"], kinds["forecast"]) == ("dot", "dot")
    bands = [layer for layer in drawn.layers if isinstance(layer, Area)]
    assert [len(band.x) for band in bands] == [2, 2]


def test_a_run_without_a_blend_says_so() -> None:
    assert "There is no forecast: the run has no blend." in shown(SECTION, failed_context()).text
