"""Facts planted in a table with one or two targets are found."""

import numpy as np
import pytest

from cluster import api
from ensembles.exploration.exploration import look_at_data
from ensembles.exploration.subjects.profile import weekday_fact
from ensembles.exploration.subjects.rates import rates_fact
from tests.ensembles.exploration.planted import WEEK, material_of, sentence, table


@pytest.fixture(scope="module")
def found():
    return api.explore(table(), calendar="DE", unit="EUR")


def test_what_the_data_are(found):
    told = found.facts["data"].numbers
    assert (told["kind"], told["freq"], told["periods"], told["unit"]) == ("table", "D", 560, "EUR")
    assert told["targets"] == ["inflow", "outflow"]
    assert "no amount is missing, none is zero" in sentence(found, "data")


def test_weekdays_with_their_sample_sizes(found):
    assert "inflow is highest on Mondays, 4" in sentence(found, "weekdays")
    kinds = found.facts["weekdays"].numbers["targets"]["outflow"]["kinds"]
    medians = np.array([kinds[day]["median"] for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")])
    assert medians / medians[2] == pytest.approx(WEEK, rel=0.06)
    assert all(75 <= kind["days"] <= 80 and kind["low"] < kind["median"] < kind["high"] for kind in kinds.values())


def test_the_pay_day_of_the_month_and_none_for_the_other_target(found):
    text = sentence(found, "month-days")
    assert "outflow is highest on day 25, 2." in text
    assert "inflow shows no difference between days of the month" in text


def test_holidays_against_the_same_weekdays(found):
    text = sentence(found, "day-kinds")
    assert "inflow on public holidays is " in text
    holiday = found.facts["day-kinds"].numbers["targets"]["inflow"]["kinds"]["public holiday"]
    assert holiday["days"] >= 10
    assert holiday["high"] < 0.6
    share = int(text.split(" below the same weekdays")[0].rsplit(" ", 1)[1].rstrip("%"))
    assert 65 <= share <= 75  # to 0.3 of them


def test_the_shift_of_one_target(found):
    (shift,) = found.facts["shifts"].numbers["largest"]
    assert shift["series"] == "inflow"
    assert abs((np.datetime64(shift["date"]) - np.datetime64("2024-10-27")).astype(int)) <= 1
    assert shift["after"] / shift["before"] == pytest.approx(1.6, rel=0.1)
    assert sentence(found, "shifts").startswith("inflow shifts up on 2024-10-2")


def test_odd_days_and_what_explains_them(found):
    told = found.facts["odd-days"].numbers
    by_day = {day["date"]: day for day in told["days"]}
    spike = by_day["2024-04-10"]
    assert (spike["series"], spike["cause"]) == ("inflow", None)
    assert spike["amount"] / spike["usual"] == pytest.approx(6, rel=0.3)
    assert told["by_cause"]["month day"] >= 10
    assert told["by_cause"]["unexplained"] == 1
    assert "the calendar does not explain 1 (2024-04-10)" in sentence(found, "odd-days")


def test_a_named_event_explains_a_day(tmp_path):
    (tmp_path / "events.csv").write_text("ds,name\n2024-04-10,campaign\n")
    table().to_csv(tmp_path / "flows.csv", index=False)
    found = api.explore(tmp_path / "flows.csv", calendar="DE", overrides=["data.events=events.csv"])
    assert found.facts["odd-days"].numbers["by_cause"]["event"] == 1
    assert "1 on an event" in sentence(found, "odd-days")
    assert "the calendar leaves none unexplained" in sentence(found, "odd-days")


def test_one_target_has_no_pair_and_no_net():
    one = api.explore(table()[["date", "inflow"]])
    assert "together" not in one.facts
    assert one.facts["totals"].numbers["net"] is None
    assert "No calendar is set" in sentence(one, "day-kinds")


def test_two_targets_that_share_their_noise_move_together():
    rng = np.random.default_rng(5)
    shared = np.exp(0.2 * rng.standard_normal(300))
    y = 100 * np.stack([shared * np.exp(0.02 * rng.standard_normal(300)), shared])
    together = look_at_data(material_of(y)).facts["together"]
    assert together.sentence.startswith("t0 and t1 move together beyond their weekdays: correlation +0.9")
    alone = look_at_data(material_of(100 * np.exp(0.2 * rng.standard_normal((2, 300))))).facts["together"]
    assert "move on their own" in alone.sentence


def test_gaps_are_looked_at_though_a_run_refuses_them():
    frame = table()
    found = api.explore(frame.drop(index=[50, 51, 52]))
    assert found.facts["data"].numbers["missing"] == 6
    assert found.material.findings[0].check == "run"
    assert "data.missing" in found.material.findings[0].remedy
    zero = api.explore(frame.drop(index=[50, 51, 52]), overrides=["data.missing=zero"])
    assert (zero.facts["data"].numbers["missing"], zero.facts["data"].numbers["zeros"]) == (0, 6)


@pytest.mark.parametrize(
    ("y", "freq", "subject", "words"),
    [
        (np.full(200, 7.0), "D", "odd-days", "the series are constant"),
        (np.full(200, 7.0), "D", "weekdays", "t0 cannot tell weekdays apart"),
        (np.full(200, 7.0), "D", "shifts", "the series are constant"),
        (np.exp(np.sin(np.arange(20.0))), "D", "totals", "too few days"),
        (np.exp(np.sin(np.arange(20.0))), "D", "weekdays", "t0 has too few days to tell weekdays apart"),
        (np.exp(np.sin(np.arange(120.0))), "W", "weekdays", "The periods are weeks"),
        (np.exp(np.sin(np.arange(120.0))), "W", "month-days", "The periods are weeks"),
    ],
)
def test_what_cannot_be_told_is_a_sentence_without_a_picture(y, freq, subject, words):
    fact = look_at_data(material_of(y, freq=freq)).facts[subject]
    assert words in fact.sentence
    assert subject == "totals" or fact.chart is None


def test_a_net_flow_has_a_profile_of_its_own():
    rng = np.random.default_rng(6)
    weekday = np.tile(np.arange(7), 60)
    net = np.where(weekday == 0, 100.0, np.where(weekday == 4, -120.0, 0.0)) + 10 * rng.standard_normal(420)
    text = look_at_data(material_of(net)).facts["weekdays"].sentence
    assert text.startswith("t0 is highest on Mondays, +")
    assert "lowest on Fridays, -" in text


def test_weekdays_of_noise_are_seldom_said_to_differ():
    rng = np.random.default_rng(7)
    told = [weekday_fact(material_of(np.exp(0.3 * rng.standard_t(4, 300)))).numbers["targets"]["t0"] for _ in range(60)]
    assert np.mean([one["differs"] for one in told]) <= 0.1


def test_rates_of_noise_seldom_stand_out():
    rng = np.random.default_rng(8)

    def walk() -> np.ndarray:
        return np.cumsum(rng.standard_normal((300, 3)), axis=0)

    said = [rates_fact(material_of(np.exp(0.3 * rng.standard_normal(300)), past=walk())).sentence for _ in range(30)]
    assert np.mean(["more than chance among so many" in text and "no more" not in text for text in said]) <= 0.2


def test_frames_of_other_libraries_are_taken():
    import polars as pl

    said = [api.explore(frame, calendar="DE", unit="EUR").sentences for frame in (pl.from_pandas(table()), table())]
    assert said[0] == said[1]


def test_a_week_with_a_holiday_or_an_event_explains_itself():
    rng = np.random.default_rng(12)
    y = 1000 * np.exp(0.05 * rng.standard_normal(160))
    y[[52, 100]] *= 4
    odd = look_at_data(material_of(y, start="2022-01-02", country="DE", freq="W")).facts["odd-days"].numbers
    causes = {day["date"]: day["cause"] for day in odd["days"]}
    assert causes == {"2023-01-01": "holiday", "2023-12-03": None}
