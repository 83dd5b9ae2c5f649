from __future__ import annotations

from dataclasses import replace

import pytest

from ensembles.judging.judge import Measured
from ensembles.oof import MemberInfo
from ensembles.report.context import ReportContext
from ensembles.report.sections.headline import SECTION, Rival
from tests.ensembles.report.pages import failed_context, shown, small_context
from tests.ensembles.runs import changed, small_run


def test_score_and_cash_stand_first() -> None:
    text = shown(SECTION, small_context()).text
    assert "on 4 windows it had not seen (2014-03-01 to 2014-06-28)" in text
    assert "Cash for the worst day, " in text
    assert "than the best single member" in text


def test_the_score_is_the_boards() -> None:
    context = small_context()
    found = SECTION.facts(context).blend
    assert found.score.value == pytest.approx(context.results.board.rows[0].score, abs=1e-6)
    assert found.methods == {"purchase": "plain mean of families", "redeem": "plain mean of families"}


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.1, 0.3, "ahead"), (-0.3, -0.1, "behind"), (-0.1, 0.1, "too close to call"), (0.0, 0.0, "the same forecasts")],
)
def test_the_verdict_goes_by_the_interval(low: float, high: float, verdict: str) -> None:
    assert Rival("other", 5.0, Measured((low + high) / 2, low, high)).verdict == verdict


def test_one_window_tests_nothing() -> None:
    text = shown(SECTION, small_context(n_windows=1)).text
    assert "on 1 window it had not seen" in text
    assert "Not tested: there is one window only." in text


def test_cash_that_fell_short_too_often_is_told() -> None:
    context = small_context()
    assert context.cash is not None
    tests = context.cash.tests
    for beyond, told in ((9, True), (1, False)):
        share = replace(tests[0].honest, beyond=beyond, n=84)
        found = replace(context.cash, tests=tuple(replace(test, honest=share) for test in tests))
        text = shown(SECTION, replace(context, cash_by_unit=(found,))).text
        assert f"it held on {84 - beyond} of 84; 99% was meant" in text
        assert ("more than twice as often as meant." in text) == told


def test_failed_members_are_counted() -> None:
    failed = ((MemberInfo("zz", "broken", "a", "broken"), "no memory left"),)
    assert "1 of 7 members failed" in shown(SECTION, ReportContext.of(small_run(failed=failed))).text


def test_a_run_without_a_blend_says_so() -> None:
    assert "This run has no blend: 6 members failed" in shown(SECTION, failed_context()).text


def test_other_amounts_and_periods_are_called_what_they_are() -> None:
    results = small_run()
    config = results.run.config | {"data": {"kind": "table", "unit": "EUR"}}
    facts = results.run.data.model_copy(update={"freq": "W", "decimals": 2})
    text = shown(SECTION, ReportContext.of(changed(results, config=config, data=facts))).text
    assert "Cash for the worst week, " in text
    assert "EUR" in text
    assert "CNY" not in text
