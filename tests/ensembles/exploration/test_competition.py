"""Facts planted in a competition's folder are found: expectations come from its rows by plain arithmetic of pandas."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cluster import api
from ensembles.exploration.subjects.groups import groups_fact
from forecasting.data.sources.user_flows import Users
from tests.ensembles.exploration.planted import folder, material_of, sentence


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("planted") / "data")


@pytest.fixture(scope="module")
def found(planted):
    return api.explore(planted.path)


def numbers(found, subject):
    return found.facts[subject].numbers


def test_what_the_data_are(found):
    told = numbers(found, "data")
    assert (told["kind"], told["periods"], told["series"], told["calendar"]) == ("yuebao", 168, 2, "CN")
    assert sentence(found, "data").startswith("The competition's folder with 168 days, 2014-01-01 to 2014-06-17")


def test_totals_are_the_sums_of_the_rows(planted, found):
    told = numbers(found, "totals")["targets"]["purchase"]
    sums = planted.rows.groupby("report_date")["total_purchase_amt"].sum()
    assert told["total"] == sums.sum()
    assert told["last_four_weeks"] == pytest.approx(sums.tail(28).mean())


def test_weekdays_are_those_planted(found):
    for told in numbers(found, "weekdays")["targets"].values():
        medians = {day: m["median"] for day, m in told["kinds"].items()}
        assert (max(medians, key=medians.get), min(medians, key=medians.get)) == ("Mon", "Sun")
        assert told["differs"]
    assert "redeem is highest on Mondays" in sentence(found, "weekdays")


def test_growth_and_churn(planted, found):
    rows = planted.rows.assign(day=pd.to_datetime(planted.rows["report_date"]))
    acts = rows[(rows["direct_purchase_amt"] > 0) | (rows["total_redeem_amt"] > 0)]
    last = rows["day"].max()
    block = (last - acts["day"]).dt.days // 28
    now, before = (set(acts.loc[block == k, "user_id"]) for k in (0, 1))
    told = numbers(found, "growth")
    first_days = rows.groupby("user_id")["day"].min()
    assert (told["users"], told["users_first_day"]) == (400, int((first_days == rows["day"].min()).sum()))
    assert [b["end"] for b in told["blocks"]][-2:] == ["2014-05-20", "2014-06-17"]
    assert told["blocks"][-1]["active"] == len(now)
    assert told["blocks"][-1]["churn"] == pytest.approx(len(before - now) / len(before))
    assert 0.45 < told["blocks"][-1]["churn"] < 0.55  # every second user stopped
    assert told["blocks"][-2]["churn"] < 0.01
    assert f"{len(now)} ({len(now) / 400:.0%}) bought or redeemed" in sentence(found, "growth")
    assert told["blocks"][-1]["new"] == int((first_days > last - pd.Timedelta(days=28)).sum())


def test_the_largest_users(planted, found):
    told = numbers(found, "concentration")
    sums = planted.rows.groupby("user_id")["total_purchase_amt"].sum().sort_values(ascending=False)
    assert (told["of"], told["n"], told["largest"]) == ("users", 400, 4)
    assert told["share_of_largest"]["purchase"] == pytest.approx(sums.head(4).sum() / sums.sum())
    assert told["number_with_half"]["purchase"] == int((sums.cumsum() < sums.sum() / 2).sum()) + 1
    assert sentence(found, "concentration").startswith("The largest 4 of 400 users (1.0%) move")


def test_a_city_that_moves_more_is_named_and_one_large_customer_makes_no_group(planted, found):
    groups = {(g["column"], g["group"]): g for g in numbers(found, "groups")["groups"]}
    assert {key[0] for key in groups} == {"sex", "city"}
    rich = groups["city", "2"]["targets"]["purchase"]
    days = planted.rows.groupby("user_id").size()
    sums = planted.rows.groupby("user_id")["total_purchase_amt"].sum()
    mine = np.array([planted.city[user] == "2" for user in sums.index])
    rate = (sums[mine].sum() / days[mine].sum()) / (sums[~mine].sum() / days[~mine].sum())
    assert rich["ratio"] == pytest.approx(rate)
    assert groups["city", "2"]["users"] == mine.sum()


def test_a_group_that_moves_more_is_named(tmp_path):
    plain = folder(tmp_path / "plain", seed=4)
    rows = pd.read_csv(plain.path / "user_balance_table.csv")
    flows = ["total_purchase_amt", "direct_purchase_amt", "total_redeem_amt"]
    rows.loc[rows["user_id"].isin([1, 2, 4]), flows] //= 30
    rows.to_csv(plain.path / "user_balance_table.csv", index=False)
    text = sentence(api.explore(plain.path), "groups")
    assert text.startswith("Users of city 2 (80) move 3.")
    assert "times as much" in text
    assert text.endswith("4 of 8 comparisons differ by more than chance.")  # both targets of both cities, no sex


def test_groups_of_users_with_heavy_tails_are_seldom_said_to_differ():
    rng = np.random.default_rng(11)
    ds = np.datetime64("2014-01-01") + np.arange(100)
    said = []
    for _ in range(100):
        sums = np.exp(1.5 * rng.standard_normal((2000, 2)))
        city = tuple(f"{c}" for c in rng.integers(0, 7, 2000))
        none = np.empty(0, dtype=int)
        users = Users(
            ("a", "b"), np.repeat(ds[:1], 2000), sums, none, ds[:0], ds, (), np.empty((100, 0)), {"city": city}
        )
        said.append(groups_fact(replace(material_of(np.ones((2, 100))), users=users)).sentence)
    assert np.mean(["beyond chance" not in text for text in said]) <= 0.1


def test_components(planted, found):
    told = numbers(found, "components")["targets"]
    sums = planted.rows.sum(numeric_only=True)
    assert set(told["redeem"]) == {"consume_amt", "tftobal_amt", "tftocard_amt"}
    assert told["redeem"]["consume_amt"] == pytest.approx(sums["consume_amt"] / sums["total_redeem_amt"])
    assert told["purchase"]["share_amt"] == pytest.approx(sums["share_amt"] / sums["total_purchase_amt"])
    assert "redeem is 70% consume_amt, 30% tftocard_amt" in sentence(found, "components")


def test_the_rate_that_leads(found):
    best = max(
        ((pair, lag) for pair in numbers(found, "rates")["pairs"] for lag in pair["lags"]),
        key=lambda found: abs(found[1]["correlation"]),
    )
    assert (best[0]["rate"], best[0]["target"], best[1]["lag"]) == ("mfd_daily_yield", "purchase", 3)
    assert best[0]["stands_out"]
    assert numbers(found, "rates")["constant"] == ["mfd_7daily_yield"]
    assert "mfd_daily_yield 3 days before and purchase: +0." in sentence(found, "rates")


def test_at_most_ten_pictures_and_one_sentence_each(found):
    charts = [fact.chart for _, fact in found.found if fact.chart is not None]
    assert 8 <= len(charts) <= 10
    assert len({chart.key for chart in charts}) == len(charts)
    assert all(text.endswith(".") and "nan" not in text for text in found.sentences)


def test_what_is_not_there_is_said(tmp_path):
    bare = folder(tmp_path / "bare", users=60, n=84, profiles=False)
    (bare.path / "mfd_day_share_interest.csv").unlink()
    found = api.explore(bare.path)
    assert sentence(found, "groups").startswith("There is no profile table")
    assert sentence(found, "rates") == "No rates are compared with the flows: there are no rate tables."
    assert all(found.facts[key].chart is None for key in ("groups", "rates"))
    rows = bare.rows.groupby("report_date")[["total_purchase_amt", "total_redeem_amt"]].sum().reset_index()
    rows.columns = ["report_date", "purchase", "redeem"]
    (bare.path / "user_balance_table.csv").unlink()
    rows.to_csv(bare.path / "daily_totals.csv", index=False)
    totals = api.explore(bare.path)
    assert sentence(totals, "growth").startswith("There is no table of users")
    assert {"concentration", "groups", "components"}.isdisjoint(totals.facts)


def test_as_of_cuts_users_too(planted):
    cut = api.explore(planted.path, as_of="2014-05-20")
    rows = planted.rows[planted.rows["report_date"] <= "20140520"]
    assert numbers(cut, "data")["end"] == "2014-05-20"
    assert numbers(cut, "growth")["users"] == rows["user_id"].nunique()
    assert numbers(cut, "growth")["blocks"][-1]["churn"] < 0.01  # before anybody stopped
