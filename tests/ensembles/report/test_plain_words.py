"""A run in words for everybody."""

import numpy as np
import pytest

from ensembles.report.context import ReportContext
from ensembles.report.plain_words import PlainWords, miss, misses_in_words, plain_words, why_blend
from tests.ensembles.runs import changed, failed_run, small_run


def test_a_miss_is_the_distance_over_the_amounts_summed_over_series():
    y, y_hat = np.array([[10.0, 20.0], [10.0, np.nan]]), np.array([[13.0, 20.0], [9.0, 5.0]])
    assert miss(y_hat, y) == pytest.approx(2 / 40)


def test_nothing_to_compare_with_is_not_said():
    nothing = {"a": np.array([[0.0, np.nan]])}
    assert misses_in_words({"a": np.array([[1.0, 1.0]])}, nothing) == ""


def test_a_run_has_totals_and_says_how_good_it_was():
    context = ReportContext.of(small_run())
    words = plain_words(context)
    purchase, redeem = (float(history.next_y_hat.sum()) for history in context.histories)
    assert f"in (purchase) {context.money.text(purchase)}, out (redeem) {context.money.text(redeem)}" in words.totals
    assert f"net {'+' if purchase > redeem else ''}{context.money.text(purchase - redeem)}" in words.totals
    assert words.accuracy.startswith("In tests on 112 past days, the forecast of a day was off by ")
    assert "% (purchase) and " in words.accuracy


def test_a_run_without_a_blend_says_nothing():
    assert plain_words(ReportContext.of(failed_run())) == PlainWords()


def with_best(score, picked):
    """A leaderboard whose best setting has this score; `picked` is what picking beforehand would have scored."""
    board = small_run().board
    best = board.settings[0].model_copy(update={"setting": "star", "score_of_average": score})
    single = board.best_single.model_copy(update={"score": picked})
    return changed(small_run(), settings=(best, *board.settings[1:]), best_single=single).board


def test_a_member_ahead_of_the_blend_is_explained_by_hindsight():
    assert "star scored 9.90, more than the blend's" in why_blend(with_best(9.9, 5.0))
    assert "picking the member that had been best so far would have scored 5.00" in why_blend(with_best(9.9, 5.0))


def test_a_member_that_would_have_been_picked_is_not_explained_away():
    assert "it may be chance" in why_blend(with_best(9.9, 9.8))
    assert "5.00" not in why_blend(with_best(9.9, 9.8))
    board = with_best(9.9, 9.8)
    assert "and on one window it may be chance" in why_blend(board.model_copy(update={"windows": board.windows[:1]}))


def test_a_blend_ahead_of_all_needs_no_words():
    assert why_blend(with_best(0.1, 0.1)) == ""
