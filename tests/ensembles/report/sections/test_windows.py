from __future__ import annotations

import pytest

from ensembles.report.sections.windows import SECTION
from tests.ensembles.report.pages import failed_context, shown, small_context


def test_each_window_has_the_scores_of_all_contenders() -> None:
    context = small_context()
    facts = SECTION.facts(context)
    assert facts.contenders == ("blend", "best single member")
    blend = context.results.board.rows[0]
    assert [row.scores[0] for row in facts.windows] == pytest.approx(list(blend.per_window or ()), abs=1e-6)
    assert not facts.windows[0].real
    assert context.results.board.best_single is not None
    assert [row.pick for row in facts.windows] == list(context.results.board.best_single.picks)


def test_one_window_has_no_scores_to_choose_by_and_no_coverage() -> None:
    context = small_context(n_windows=1)
    assert "no choice yet" in shown(SECTION, context).text
    assert SECTION.facts(context).coverage["redeem"][80].share is None


def test_bands_say_what_they_held() -> None:
    page = shown(SECTION, small_context())
    assert "Band coverage" in page.text
    assert page.text.count("80%") == 2


def test_a_run_without_a_blend_says_so() -> None:
    text = shown(SECTION, failed_context()).text
    assert "No window was blended." in text
    assert "There are no bands." in text
