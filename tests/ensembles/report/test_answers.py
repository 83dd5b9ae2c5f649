"""The four answers of the first screen."""

from __future__ import annotations

from ensembles.report.answers import Card, cards_of
from ensembles.report.context import ReportContext
from ensembles.risk.cash.terms import NET_FLOW
from ensembles.treasury.planned import PlannedDay
from tests.ensembles.cubes import month_cutoffs, random_cube
from tests.ensembles.runs import changed, run_of, small_run, treasury_run

TAX = PlannedDay("2014-07-05", "fund0/redeem", "5 EUR", "planned", "tax", "Ann")


def answers(context: ReportContext, place: int = 0, planned: tuple[PlannedDay, ...] = ()) -> dict[str, Card]:
    assert context.views is not None
    flows, views = context.views
    money = context.money.of_unit(views[place].unit)
    names = ("net", "tightest", "sure", "planned")
    return dict(zip(names, cards_of(views[place], flows, context, money, planned), strict=True))


def with_balance(balance: float, minimum: float) -> ReportContext:
    results = small_run()
    config = {**results.run.config, "data": {"unit": "fen", "limits": {"minimum": minimum}}}
    data = results.run.data.model_copy(update={"balances": {"": balance}})
    return ReportContext.of(changed(results, config=config, data=data))


def test_what_remains_in_the_next_week_is_the_sum_of_its_days() -> None:
    context = ReportContext.of(small_run())
    card = answers(context)["net"]
    inflow, outflow = context.histories
    net = float(inflow.next_y_hat[:7].sum() - outflow.next_y_hat[:7].sum())
    assert card.label == "net, next 7 days"
    (view, *_) = context.views[1] if context.views else ()
    ends = [float(view.totals["ahead"].flows[NET_FLOW].quantiles[end][0]) for end in (0.1, 0.9)]
    assert f"{card.value} {card.unit}".removeprefix("+") == context.money.text(net, *ends)
    assert card.value.startswith("+") == (net > 0)
    assert "in 80 of 100 cases" in card.note
    assert "Next 14 days:" in card.note


def test_without_a_balance_the_tightest_day_is_that_on_which_most_may_go_out() -> None:
    context = ReportContext.of(small_run())
    assert context.cash is not None
    card = answers(context)["tightest"]
    assert card.value.endswith(str(context.cash.total.ds[context.cash.total.at_risk[99].argmax()]))
    assert not card.bad


def test_a_limit_that_may_break_is_said_with_its_chance_and_from_when_on() -> None:
    safe, tight = (answers(with_balance(balance, 4.9e12))["tightest"] for balance in (9e12, 4.9005e12))
    assert "no day is tight" in safe.note
    assert not safe.bad
    assert "Chance of falling below the minimum of 49.00 billion CNY" in tight.note
    assert "tight from" in tight.note
    assert tight.bad


def test_trust_says_how_far_off_forecasts_were_and_what_the_band_held() -> None:
    context = ReportContext.of(small_run())
    card = answers(context)["sure"]
    assert card.note.startswith("In tests on 112 past days, the forecast of a day was off by ")
    assert context.cash is not None
    test = context.cash.test("band of a day", 80).honest
    assert f"{test.held / test.n:.0%} of net flows were inside their 80% band." in card.note
    assert "could test the band" not in card.note
    assert "Only 2 windows could test the band." in answers(ReportContext.of(small_run(3)))["sure"].note


def test_the_band_of_a_unit_was_tested_and_that_of_a_group_was_not() -> None:
    context = ReportContext.of(treasury_run())
    assert "inside their 80% band" in answers(context)["sure"].note
    assert "band" not in answers(context, place=2)["sure"].note


def test_planned_amounts_are_named_and_counted() -> None:
    context = ReportContext.of(small_run())
    assert answers(context)["planned"].value == "nothing"
    one, many = (answers(context, planned=(TAX,) * n)["planned"] for n in (1, 4))
    assert (one.value, one.unit) == ("1", "amount")
    assert one.note == "2014-07-05: 5 EUR, fund0/redeem (tax)."
    assert (many.value, many.unit) == ("4", "amounts")
    assert many.note.endswith("2 more below.")


def test_a_single_target_has_its_sum_and_its_largest_day() -> None:
    cube = random_cube("sales", "a:x2 b:z1", month_cutoffs(4), 28, seed=3)
    context = ReportContext.of(run_of({"sales": cube}, weights={"sales": 1.0}))
    found = answers(context)
    assert found["net"].label == "sales, next 7 days"
    assert not found["net"].value.startswith("+")
    assert found["tightest"].label == "largest day"
    history = context.histories[0]
    assert found["tightest"].value.endswith(str(history.next_ds[history.next_y_hat.argmax()]))
    assert context.views is not None
    assert NET_FLOW not in context.views[1][0].flows


def test_bands_of_a_single_window_are_said_to_be_untested() -> None:
    note = answers(ReportContext.of(small_run(1)))["sure"].note
    assert "The bands come from one window and could not be tested: they may be far too narrow." in note
    assert "far too narrow" not in answers(ReportContext.of(small_run(3)))["sure"].note
