"""A run in words for everybody."""

from dataclasses import replace

import numpy as np
import pytest

from ensembles.judging.rivals import SEASONAL_NAIVE as NAIVE
from ensembles.report.answers import cards_of
from ensembles.report.context import ReportContext
from ensembles.report.plain_words import PlainWords, miss, misses_in_words, plain_words, why_blend
from tests.ensembles.cubes import random_cube
from tests.ensembles.runs import WEIGHTS, changed, failed_run, run_of, small_run


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


def overlapping_run(horizon=28):
    """Four windows that begin a week apart; a member repeats the last season."""
    cutoffs = tuple(np.datetime64("2014-01-05") + 7 * np.arange(4))
    cubes = {t: random_cube(t, "a:x1 n:z1", cutoffs, horizon, seed=i) for i, t in enumerate(WEIGHTS)}
    for target, cube in cubes.items():
        naive = (replace(m, setting=NAIVE, name=NAIVE) if m.family == "n" else m for m in cube.members)
        cubes[target] = replace(cube, members=tuple(naive))
    return run_of(cubes)


def test_a_day_in_several_windows_is_one_day():
    context = ReportContext.of(overlapping_run())
    said = f"In tests on {3 * 7 + 28} past days, the forecast of a day was off by "
    assert plain_words(context).accuracy.startswith(said)
    flows, views = context.views
    sure = cards_of(views[0], flows, context, context.money, ())[2]
    assert sure.note.startswith(said)


@pytest.mark.parametrize(
    ("freq", "naive", "repeated"),
    [
        ("D", {}, "the last week"),
        ("W", {}, "the same weeks of the last year"),
        ("W", {"season_length": 1}, "the last week"),
        ("D", {"season_length": 14}, "the last 14 days"),
        ("D", {"season_length": 7}, "the last week"),
        ("D", {"season_length": [7, 14]}, "the last season"),
    ],
)
def test_what_the_seasonal_naive_repeats_is_said_by_its_season(freq, naive, repeated):
    results = overlapping_run()
    config = {**results.run.config, "members": [{"model": NAIVE, **naive}, {"model": "arima"}]}
    results = changed(results, config=config, data=results.run.data.model_copy(update={"freq": freq}))
    assert f"; repeating {repeated} would have been off by " in plain_words(ReportContext.of(results)).accuracy


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
