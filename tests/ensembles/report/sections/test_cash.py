from __future__ import annotations

from dataclasses import replace

from ensembles.report.sections.liquidity import SECTION
from tests.ensembles.report.pages import failed_context, shown, small_context


def test_days_stand_by_risk() -> None:
    context = small_context()
    facts = SECTION.facts(context)
    assert [day.rank for day in facts.days] == list(range(1, len(context.histories[0].next_ds) + 1))
    assert context.liquidity is not None
    worst = context.liquidity.total.daily[99].argmax()
    assert facts.days[0].day.date == str(context.liquidity.total.ds[worst])
    assert [chart.key for chart in SECTION.charts(facts)] == ["outflow-daily", "outflow-cumulative"]


def test_cash_that_fell_short_too_often_is_told() -> None:
    context = small_context()
    assert context.liquidity is not None
    tests = context.liquidity.exceedances
    for beyond, told in ((9, True), (1, False)):
        share = replace(tests[0].honest, beyond=beyond, n=84)
        found = replace(context.liquidity, exceedances=tuple(replace(test, honest=share) for test in tests))
        text = shown(SECTION, replace(context, liquidity=found)).text
        assert ("Hold more than these amounts" in text) == told
        assert f"{beyond} of 84" in text


def test_one_window_cannot_test_it() -> None:
    assert "no window could test it" in shown(SECTION, small_context(n_windows=1)).text


def test_entities_of_a_panel_are_listed_by_the_cash_they_need() -> None:
    context = small_context(n_series=3)
    text = shown(SECTION, context).text
    assert all(f"fund{i}" in text[text.index("Entities by risk") :] for i in range(3))
    cash = [float(entity.buffers[99].replace(",", "")) for entity in SECTION.facts(context).entities]
    assert cash == sorted(cash, reverse=True)


def test_what_is_missing_is_said() -> None:
    assert "There is no net flow" in shown(SECTION, replace(small_context(), liquidity=None)).text
    assert "the run has no blend" in shown(SECTION, failed_context()).text
