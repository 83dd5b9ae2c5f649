"""Amounts of several units: a pooled score is taken for each unit and averaged, and no unit's size decides weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.blend.fit import fit_blend
from ensembles.blend.spec import BlendSpec
from ensembles.evaluation.contenders import Contenders
from ensembles.judging.judge import Judge
from ensembles.oof import OofCube
from ensembles.report.plain_words import misses_in_words
from forecasting.schema import BLEND
from forecasting.score.names import score_named
from tests.ensembles.cubes import calendar_days, day_cutoffs, members_of

UNITS = ("EUR", "JPY", "EUR")


def cube_of(units: tuple[str, ...] | None = UNITS, size: float = 1.0) -> OofCube:
    """Two members on three series, of which the second counts in amounts `size` times as large."""
    rng = np.random.default_rng(3)
    y = rng.lognormal(5, 0.3, (3, 4, 7)) * np.array([1.0, size, 1.0])[:, None, None]
    y_hat = y[..., None] * rng.lognormal(0, [0.05, 0.3], (3, 4, 7, 2))
    y_hat[1] = y[1, ..., None] * rng.lognormal(0, [0.3, 0.05], (4, 7, 2))
    cutoffs = day_cutoffs(4, 7)
    return OofCube(
        "out", ("a", "b", "c"), cutoffs, members_of("f:x g:y"), y_hat, y, calendar_days(cutoffs, 7), None, units
    )


def judged(cube: OofCube, score: str) -> np.ndarray:
    judge = Judge.of({"out": cube}, {"out": 1.0}, score_named(score))
    return judge.target_scores("out", np.moveaxis(cube.y_hat, -1, 0))


def of_one(cube: OofCube, rows: list[int], score: str) -> np.ndarray:
    ids = tuple(cube.unique_ids[row] for row in rows)
    return judged(replace(cube, unique_ids=ids, y_hat=cube.y_hat[rows], y=cube.y[rows], units=None), score)


def test_a_pooled_score_is_the_mean_over_units_of_their_own() -> None:
    cube = cube_of(size=150.0)
    mean = (of_one(cube, [0, 2], "wape") + of_one(cube, [1], "wape")) / 2
    np.testing.assert_allclose(judged(cube, "wape"), mean, rtol=1e-12)
    assert np.abs(judged(replace(cube, units=None), "wape") - mean).max() > 0.1


def test_a_score_by_relative_error_knows_no_units() -> None:
    cube = cube_of(size=150.0)
    np.testing.assert_array_equal(judged(cube, "linear"), judged(replace(cube, units=None), "linear"))


@pytest.mark.parametrize("score", ["wape", "linear"])
def test_another_scale_of_one_unit_changes_no_weight_and_no_score(score: str) -> None:
    spec = BlendSpec(candidates=("mean", "simplex/families", "ridge/families", "greedy/families"))
    found = [fit_blend({"out": cube_of(size=size)}, {"out": 1.0}, spec, score).evidence.pairs for size in (1.0, 4.0**6)]
    assert [pair.candidates for pair in found[0]] == [pair.candidates for pair in found[1]]
    for one, other in zip(*found, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-9)


def test_a_unit_without_amounts_in_a_window_has_no_part_in_its_score() -> None:
    cube = cube_of()
    y, y_hat = cube.y.copy(), cube.y_hat.copy()
    y[1, 2], y_hat[1, 2] = 0.0, 3.0
    cube = replace(cube, y=y, y_hat=y_hat)
    np.testing.assert_allclose(judged(cube, "wape")[:, 2], of_one(cube, [0, 2], "wape")[:, 2])


def test_each_unit_has_a_score_and_the_mean_is_the_blends() -> None:
    cube = cube_of(size=150.0)
    judge = Judge.of({"out": cube}, {"out": 1.0}, score_named("wape"))
    contenders = Contenders({"out": cube}, judge, {BLEND: {"out": cube.y_hat[..., 1]}})
    scores = contenders.unit_scores
    assert scores["EUR"] == pytest.approx(of_one(cube, [0, 2], "wape")[1].mean())
    assert scores["JPY"] == pytest.approx(of_one(cube, [1], "wape")[1].mean())
    assert np.mean(list(scores.values())) == pytest.approx(judge.mean(contenders.blend))
    assert Contenders({"out": cube}, judge.by("linear"), contenders.forecasts).unit_scores == {}
    assert Contenders({"out": cube_of(units=None)}, judge, contenders.forecasts).unit_scores == {}


def test_units_stand_in_the_order_asked_for() -> None:
    cube = cube_of(units=("EUR", "JPY", "CHF"))
    assert list(cube.by_unit(("JPY", "USD", "EUR"))) == ["JPY", "EUR", "CHF"]


def test_what_was_missed_is_said_of_each_unit() -> None:
    y = {"out": np.array([[100.0, 100.0], [1e6, 1e6]])}
    y_hat = {"out": np.array([[80.0, 80.0], [1e6, 1e6]])}
    assert misses_in_words(y_hat, y) == "0% (out)"
    assert misses_in_words(y_hat, y, {"out": ("EUR", "JPY")}) == "20% (out) in EUR, 0% (out) in JPY"
    assert misses_in_words(y_hat, y, {"out": ("EUR", "JPY")}, ("JPY",)) == "0% (out) in JPY, 20% (out) in EUR"
