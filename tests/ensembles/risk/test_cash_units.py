"""The cash position of entities in several units: one for each, and no amount of one in the sums of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ensembles.evaluation.run_results import RunResults
from ensembles.exports.cash_json import CashFile
from ensembles.report.context import ReportContext
from ensembles.report.sections.cash import SECTION
from ensembles.risk.cash import draws as drawing
from ensembles.risk.cash.of_run import cash_of
from ensembles.risk.cash.position import Account, CashPosition
from tests.ensembles.report.pages import shown
from tests.ensembles.runs import changed, small_run

NET = ("purchase", "redeem")
UNITS = {"fund0": "EUR", "fund1": "USD", "fund2": "EUR"}


def run_in(units: Mapping[str, str | None], balances: Mapping[str, float] = {}, **limits: Any) -> RunResults:
    """Three funds of two flows each."""
    results = small_run(n_series=3)
    config = {**results.run.config, "data": {"kind": "panel", "unit": None, "limits": limits}}
    data = results.run.data.model_copy(update={"balances": dict(balances), "decimals": 2})
    return changed(results, config=config, data=data, units=dict(units))


def positions(results: RunResults) -> tuple[CashPosition, ...]:
    assert results.oof is not None
    assert results.forecast is not None
    return cash_of(results.run, results.oof, results.forecast, NET, results.run.data.balances)


def leaves(found: CashPosition) -> dict[str, np.ndarray]:
    return {account.entity: account.flows["net_flow"].point for account in found.accounts}


def test_each_unit_has_its_own_exact_sums() -> None:
    euros, dollars = positions(run_in(UNITS))
    assert (euros.unit, dollars.unit) == ("EUR", "USD")
    assert [list(leaves(found)) for found in (euros, dollars)] == [["fund0", "fund2"], ["fund1"]]
    for found in (euros, dollars):
        for side, total in found.total.flows.items():
            cents = [np.rint(100 * account.flows[side].point).astype(int) for account in found.accounts]
            np.testing.assert_array_equal(np.rint(100 * total.point).astype(int), np.sum(cents, axis=0))
            for totals in found.total.totals.values():
                sums = [int(np.sum(cents, axis=0)[span.days].sum()) for span in totals.spans]
                np.testing.assert_array_equal(np.rint(100 * totals.flows[side].point).astype(int), sums)


def test_amounts_of_a_unit_change_no_number_of_another() -> None:
    plain = run_in(UNITS)
    assert plain.forecast is not None
    assert plain.oof is not None
    of_dollars, past = plain.forecast.unique_id == "fund1/redeem", plain.oof.unique_id == "fund1/redeem"
    forecast = replace(plain.forecast, y_hat=np.where(of_dollars, 150 * plain.forecast.y_hat, plain.forecast.y_hat))
    oof = replace(plain.oof, y=np.where(past, 3 * plain.oof.y, plain.oof.y))
    before, after = positions(plain), positions(replace(plain, forecast=forecast, oof=oof))
    assert same(before[0], after[0])
    assert not same(before[1], after[1])


def same(one: CashPosition | Account, other: CashPosition | Account) -> bool:
    """To the last bit."""
    with np.printoptions(floatmode="unique"):
        return repr(one) == repr(other)


def test_a_unit_has_the_position_that_its_entities_have_alone() -> None:
    (everything,) = positions(run_in(dict.fromkeys(UNITS, "EUR")))
    euros, dollars = positions(run_in(UNITS))
    assert everything.unit is None
    assert len(everything.accounts) == 3
    for entity, found in (("fund0", euros), ("fund2", euros), ("fund1", dollars)):
        (alone,) = (account for account in everything.accounts if account.entity == entity)
        (mine,) = (account for account in found.accounts if account.entity == entity)
        assert same(mine, alone)
    assert same(replace(dollars.accounts[0], entity=""), dollars.total)


def test_series_are_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = drawing.JointDraws.series
    monkeypatch.setattr(drawing.JointDraws, "series", lambda self, row: made.append(row) or real(self, row))
    monkeypatch.setattr("ensembles.risk.cash.of_run.judge_cash", lambda *_: ((), 0))
    counts = []
    for units in (dict.fromkeys(UNITS, "EUR"), UNITS):
        made.clear()
        positions(run_in(units))
        counts.append(len(made))
    assert counts == [6, 6]


def test_balances_and_limits_are_those_of_the_unit_and_of_each_entity() -> None:
    balances = {"EUR": 5e8, "fund1": 7e8}
    results = run_in(UNITS, balances, minimum={"EUR": 4e8, "fund1": 6e8}, overdraft={"fund0": 1e8})
    euros, dollars = positions(results)
    assert (euros.total.opening, dollars.total.opening) == (5e8, 7e8)
    assert [account.opening for account in euros.accounts] == [None, None]
    limits = {a.entity: [(r.limit.name, r.limit.amount) for r in a.limits] for a in (euros.total, *dollars.accounts)}
    assert limits == {"": [("minimum", 4e8)], "fund1": [("minimum", 6e8)]}
    assert dollars.total.limits[0].limit == dollars.accounts[0].limits[0].limit
    by_entity = {"fund0": 1e8, "fund1": 2e8, "fund2": 3e8}
    euros, dollars = positions(run_in(UNITS, by_entity, overdraft={"fund0": 1e8}))
    assert (euros.total.opening, dollars.total.opening) == (4e8, 2e8)
    assert euros.accounts[0].limits[0].limit.name == "overdraft"
    assert euros.total.limits[0].limit.name == "zero"


def test_a_unit_without_a_name_and_one_of_an_entitys_name() -> None:
    none, named = positions(run_in({"fund0": None, "fund1": "fund0", "fund2": None}, {"fund0": 1e8}))
    assert (none.unit, named.unit) == (None, "fund0")
    assert (none.accounts[0].opening, none.total.opening, named.total.opening) == (1e8, None, None)


def test_the_report_has_a_section_for_each_unit() -> None:
    context = ReportContext.of(run_in(UNITS, {"EUR": 5e10, "USD": 3e10}, minimum={"USD": 1e10}))
    assert context.cash is None
    facts = SECTION.facts(context)
    assert [one.name for one in facts.units] == ["EUR", "USD"]
    keys = [chart.key for chart in SECTION.charts(facts)]
    assert keys == ["cash-balance", "cash-net-flow", "cash-balance-1", "cash-net-flow-1"]
    text = shown(SECTION, context).text
    for word in ("Cash position, EUR", "Cash position, USD", "The balance of 50.00 billion EUR", "30.00 billion USD"):
        assert word in text
    assert "the minimum of 10.00 billion USD" in text
    assert "For all 2 entities together" in text
    assert "For fund1 alone" in text


def test_the_json_file_says_the_unit_of_every_account_and_test() -> None:
    results = run_in(UNITS)
    stored = CashFile.of(positions(results), results.run.amounts)
    assert stored.unit is None
    assert [(account.unit, account.entity) for account in stored.accounts] == [
        ("EUR", ""),
        ("EUR", "fund0"),
        ("EUR", "fund2"),
        ("USD", ""),
        ("USD", "fund1"),
    ]
    assert {test.unit for test in stored.tests} == {"EUR", "USD"}
    assert [bool(account.days) for account in stored.accounts] == [True, False, False, True, False]
    one = run_in(dict.fromkeys(UNITS, "EUR"))
    (found,) = positions(one)
    assert CashFile.of((found,), replace(one.run.amounts, shown="EUR")).unit == "EUR"
    assert CashFile.from_bytes(stored.to_bytes(), "run") == stored
