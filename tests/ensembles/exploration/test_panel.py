"""Facts planted in a panel are found."""

import numpy as np
import pytest

from cluster import api
from ensembles.exploration.exploration import look_at_data
from forecasting.panel import Series
from tests.ensembles.exploration.planted import material_of, panel, sentence


@pytest.fixture(scope="module")
def found():
    return api.explore(panel())


def test_what_the_data_are(found):
    told = found.facts["data"].numbers
    assert (told["kind"], told["series"], told["entities"], told["missing"]) == ("panel", 30, 30, 12)
    assert sentence(found, "data").startswith("A panel of 30 entities with 400 days")


def test_gaps_zeros_and_a_series_that_stopped(found):
    told = found.facts["gaps"].numbers
    series = {row["series"].split("/")[0]: row for row in told["by_series"]}
    assert (told["gaps"], series["e04"]["gaps"], series["e06"]["zeros"]) == (12, 12, 60)
    assert told["stopped"] == ["e06/y"] or told["stopped"] == ["e06"]
    weekend = np.isin((np.datetime64("2024-01-01") + np.arange(400)).astype(int) % 7, [2, 3]).sum()
    assert series["e05"]["zeros"] == weekend
    off = told["share_of_zeros_on_days_off"]
    assert off == pytest.approx((weekend + 17) / (weekend + 60), abs=0.01)
    assert "1 of 30 series have gaps" in sentence(found, "gaps")
    assert "1 series has stopped (e06" in sentence(found, "gaps")


def test_the_shift(found):
    shifts = {row["series"][:3]: row for row in found.facts["shifts"].numbers["largest"]}
    assert set(shifts) == {"e03", "e06"}
    assert abs((np.datetime64(shifts["e03"]["date"]) - np.datetime64("2024-07-19")).astype(int)) <= 2
    assert shifts["e03"]["after"] / shifts["e03"]["before"] == pytest.approx(2, rel=0.15)
    assert sentence(found, "shifts").startswith("2 lasting shifts of level in 2 of 30 series")


def test_the_pair_that_moves_together(found):
    told = found.facts["together"].numbers
    assert {name[:3] for name in told["most_alike"][0]["series"]} == {"e01", "e02"}
    assert told["most_alike"][0]["correlation"] > 0.95
    assert told["pairs"] == 30 * 29 / 2
    assert told["above_0.5"] == 1
    assert told["largest"]["stands_out"]
    assert abs(told["median"]) < 0.05


def test_the_largest_entity(found):
    told = found.facts["concentration"].numbers
    assert (told["of"], told["n"], told["largest"]) == ("entities", 30, 1)
    assert told["share_of_largest"]["y"] == pytest.approx(60 / 89, abs=0.05)
    assert told["number_with_half"]["y"] == 1
    assert sentence(found, "concentration").startswith("The largest of 30 entities moves 6")


def test_weekdays_of_the_total_in_spite_of_gaps(found):
    assert "y is highest on Mondays" in sentence(found, "weekdays")
    kinds = found.facts["weekdays"].numbers["targets"]["y"]["kinds"]
    assert min(kind["days"] for kind in kinds.values()) >= 55  # days of a gap are filled


def test_subjects_of_users_are_left_out_of_a_panel(found):
    assert {"growth", "groups", "components"}.isdisjoint(found.facts)
    assert sum(fact.chart is not None for _, fact in found.found) <= 10


def test_series_of_one_entity_are_no_pair():
    rng = np.random.default_rng(9)
    shared = np.exp(0.3 * rng.standard_normal(200))
    y = np.stack([shared, shared, *np.exp(0.3 * rng.standard_normal((2, 200)))])
    series = tuple(Series(target, entity) for entity in "ab" for target in ("in", "out"))
    told = look_at_data(material_of(y, kind="panel", series=series)).facts["together"].numbers
    assert told["pairs"] == 4
    assert all(pair["series"][0][0] != pair["series"][1][0] for pair in told["most_alike"])


def test_a_shift_that_many_share_is_told_by_its_week():
    rng = np.random.default_rng(10)
    y = 100 * np.exp(0.1 * rng.standard_normal((12, 300)))
    y[:8, 150:] *= 2
    series = tuple(Series("y", f"e{k}") for k in range(12))
    text = look_at_data(material_of(y, kind="panel", series=series)).facts["shifts"].sentence
    assert text.startswith("8 lasting shifts of level in 8 of 12 series")
    assert "8 fall in the week of 2024-05-27" in text
