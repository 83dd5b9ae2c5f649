from __future__ import annotations

from dataclasses import replace

import pytest

from ensembles.report.context import ReportContext
from ensembles.report.sections.cash import SECTION
from tests.ensembles.report.pages import failed_context, shown, small_context
from tests.ensembles.runs import changed, small_run


def with_balance(balance: float = 5e9, **limits: float) -> ReportContext:
    """The small run with a balance in fen."""
    results = small_run()
    config = {**results.run.config, "data": {"unit": "fen", "limits": limits}}
    data = results.run.data.model_copy(update={"balances": {"": balance}})
    return ReportContext.of(changed(results, config=config, data=data))


def test_days_stand_in_order_with_their_rank() -> None:
    context = small_context()
    (facts,) = SECTION.facts(context).units
    assert sorted(day.rank for day in facts.days) == list(range(1, len(context.histories[0].next_ds) + 1))
    assert context.cash is not None
    worst = context.cash.total.at_risk[99].argmax()
    assert facts.days[worst].rank == 1
    assert [day.day.date for day in facts.days] == [str(day) for day in context.cash.total.ds]
    assert [chart.key for chart in SECTION.charts(SECTION.facts(context))] == ["cash-balance", "cash-net-flow"]


def test_without_a_balance_the_page_says_how_to_give_one() -> None:
    text = shown(SECTION, small_context()).text
    assert "set data.balance" in text
    assert "net flow so far" in text


def test_a_balance_is_shown_with_its_limits() -> None:
    context = with_balance(minimum=4.9e9, overdraft=1e9)
    (facts,) = SECTION.facts(context).units
    page = shown(SECTION, context)
    assert "set data.balance" not in page.text
    assert "below minimum" in page.text
    assert "below overdraft" in page.text
    assert "The balance of 50.00 million CNY is expected to be" in page.text
    names = [layer.name for layer in facts.charts[0].layers]
    assert names[-2:] == ["the minimum of 49.00 million CNY", "the overdraft limit of -10.00 million CNY"]
    assert [name for name in names if "cases" in name] == ["95% of cases", "80% of cases"]


@pytest.mark.parametrize(("balance", "near"), [(1e9, True), (1e12, False)])
def test_zero_is_drawn_where_the_balance_comes_near_it(balance: float, near: bool) -> None:
    (facts,) = SECTION.facts(with_balance(balance)).units
    assert ("zero" in {layer.name for layer in facts.charts[0].layers}) == near


def test_weeks_and_months_add_up_to_the_same_total() -> None:
    context = small_context()
    assert context.cash is not None
    (facts,) = SECTION.facts(context).units
    assert list(facts.spans) == ["week", "month"]
    totals = context.cash.total.totals
    for side in ("inflow", "outflow", "net_flow"):
        sums = {unit: found.flows[side].point.sum() for unit, found in totals.items()}
        assert sums["week"] == sums["month"] == context.cash.total.flows[side].point.sum()


def test_cash_that_fell_short_too_often_is_told() -> None:
    context = small_context()
    assert context.cash is not None
    tests = context.cash.tests
    for beyond, told in ((9, True), (1, False)):
        share = replace(tests[0].honest, beyond=beyond, n=84)
        found = replace(context.cash, tests=tuple(replace(test, honest=share) for test in tests))
        text = shown(SECTION, replace(context, cash_by_unit=(found,))).text
        assert ("Hold more than these amounts" in text) == told
        assert f"{beyond} of 84" in text


def test_one_window_cannot_test_it() -> None:
    assert "no window could test it" in shown(SECTION, small_context(n_windows=1)).text


def test_entities_of_a_panel_are_listed_by_the_cash_they_need() -> None:
    context = small_context(n_series=3)
    text = shown(SECTION, context).text
    assert all(f"fund{i}" in text[text.index("Entities by the cash they need") :] for i in range(3))
    cash = [float(entity.whole[99].replace(",", "")) for entity in SECTION.facts(context).units[0].accounts]
    assert cash == sorted(cash, reverse=True)


def test_what_is_missing_is_said() -> None:
    assert "There is no net flow" in shown(SECTION, replace(small_context(), cash_by_unit=())).text
    assert "the run has no blend" in shown(SECTION, failed_context()).text
