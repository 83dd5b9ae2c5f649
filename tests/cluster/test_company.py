"""The generated company with its plan, groups and currencies, from the sample to totals.csv."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.api import open_run
from cluster.rundir.external import External
from cluster.rundir.store import RunStore
from cluster.stages.evaluation import evaluate_run
from cluster.stages.prediction import predict
from cluster.stages.reports import report_data
from ensembles.evaluation.compare import compare
from forecasting.sample.company import DOLLARS, GROUPS
from forecasting.sample.write import write_sample
from tests.runs import tidecast

pytestmark = pytest.mark.usefixtures("without_charts")

CONFIG = """
seed: 1
calendar: DE
data: {kind: panel, entity: account, targets: {inflow: 0.5, outflow: 0.5}, missing: skip, planned: planned.csv,
  groups: groups.csv, units: units.csv, balance: {EUR: 3000000, branch: 50000, project: 20000},
  limits: {minimum: {EUR: 2500000, branch: 45000}}}
windows: {unit: day, n_windows: 3, horizon: 14}
score: {surrogate: wape}
members:
  - {model: weekday-median}
  - {model: calendar-level}
"""
TAX_DAY = "2014-09-10"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    write_sample(folder, kind="company")
    (folder / "config.yaml").write_text(CONFIG)
    done = tidecast(folder, "run", "config.yaml", "--data", "accounts.csv", "--run-dir", "r", "--executor", "local")
    assert done.returncode == 0, done.stderr
    (folder / "said").write_text(done.stdout + done.stderr)
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_totals_are_the_sums_of_the_accounts_on_every_level(folder: Path) -> None:
    group_of = {account: group for group, accounts in GROUPS.items() for account in accounts}
    expected: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in rows_of(folder / "r/forecast.csv"):
        unit = "USD" if row["entity"] in DOLLARS else "EUR"
        for target in ("inflow", "outflow", "net_flow"):
            for group in ("", group_of[row["entity"]]):
                expected[group, unit, target, row["date"]] += Decimal(row[target])
    found = {
        (r["group"], r["unit"], r["target"], r["date"]): Decimal(r["y_hat"]) for r in rows_of(folder / "r/totals.csv")
    }
    assert found == expected
    assert found["", "EUR", "outflow", TAX_DAY] > 460_000 > found["", "USD", "outflow", TAX_DAY]
    assert {r["level"] for r in rows_of(folder / "r/totals.csv")} == {"0", "1"}


def test_the_screen_totals_each_unit_and_names_the_tax(folder: Path) -> None:
    said = " ".join((folder / "said").read_text().split())
    assert "5 entities in 2 groups on 1 level" in said
    assert "amounts are in EUR, USD, which are never added" in said
    assert f"planned on {TAX_DAY}: 460,000.00 EUR of operations/outflow (quarterly tax)" in said
    assert "EUR; in (inflow)" in said
    for name in ("inflow, USD", "outflow, EUR"):
        assert name in said


def test_each_currency_has_its_own_cash_position(folder: Path) -> None:
    forecast = {(r["entity"], r["date"]): r for r in rows_of(folder / "r/forecast.csv")}
    cash = rows_of(folder / "r/cash.csv")
    days = sorted({r["date"] for r in cash if r["period"] == "day"})
    for unit, opening in (("EUR", 3_000_000), ("USD", 70_000)):
        mine = sorted({entity for entity, _ in forecast if (entity in DOLLARS) == (unit == "USD")})
        assert {r["entity"] for r in cash if r["unit"] == unit} == {"all", *mine}
        rows = [r for r in cash if (r["entity"], r["unit"]) == ("all", unit)]
        flowed = Decimal(0)
        for row, day in zip((r for r in rows if r["period"] == "day"), days, strict=True):
            for side in ("inflow", "outflow", "net_flow"):
                assert Decimal(row[side]) == sum(Decimal(forecast[entity, day][side]) for entity in mine)
            flowed += Decimal(row["net_flow"])
            assert Decimal(row["balance"]) == opening + flowed
        for span in (r for r in rows if r["period"] in ("week", "month")):
            inside = [r for r in rows if r["period"] == "day" and span["date"] <= r["date"] <= span["end"]]
            assert Decimal(span["outflow"]) == sum(Decimal(r["outflow"]) for r in inside)
    totals = [r for r in rows_of(folder / "r/totals.csv") if (r["level"], r["target"]) == ("0", "net_flow")]
    whole = {(r["unit"], r["date"]): r for r in cash if (r["entity"], r["period"]) == ("all", "day")}
    assert len(totals) == len(whole)
    for row in totals:
        assert Decimal(row["y_hat"]) == Decimal(whole[row["unit"], row["date"]]["net_flow"])
        assert float(row["q10"]) == pytest.approx(float(whole[row["unit"], row["date"]]["net_flow_q10"]), abs=0.02)


def test_limits_are_held_for_a_currency_and_for_one_account(folder: Path) -> None:
    found = open_run(folder / "r").cash()
    assert found is not None
    assert found["unit"] is None
    limits = {(a["unit"], a["entity"]): [(r["name"], r["amount"]) for r in a["limits"]] for a in found["accounts"]}
    assert limits["EUR", ""] == [("minimum", 2_500_000)]
    assert limits["USD", ""] == [("zero", 0)]
    assert limits["USD", "branch"] == [("minimum", 45_000)]
    openings = {(a["unit"], a["entity"]): a["opening"] for a in found["accounts"]}
    assert (openings["EUR", "operations"], openings["USD", "project"]) == (None, 20_000)


def test_the_screen_and_the_page_show_a_position_for_each_currency(folder: Path) -> None:
    said = " ".join((folder / "said").read_text().split())
    for words in (
        "cash position, thousand USD",
        "cash position, thousand EUR",
        "The balance of 70.00 thousand USD is expected",
        "The balance of 3.00 million EUR is expected",
        "the minimum of 2.50 million EUR",
        "tight: branch from",
        "leaderboard.csv cash.csv",
    ):
        assert words in said
    page = (folder / "r/report.html").read_text()
    assert "<h2>Cash position, EUR</h2>" in page
    assert "<h2>Cash position, USD</h2>" in page


@pytest.mark.parametrize("key", ["data.balance=5", "data.limits={minimum: 5}"])
def test_one_amount_for_two_currencies_is_refused(folder: Path, key: str) -> None:
    done = tidecast(
        folder, "run", "config.yaml", "--data", "accounts.csv", "--run-dir", "bad", "--executor", "local", "--set", key
    )
    assert done.returncode == 2
    assert "one amount is given for all entities, but their units are" in done.stderr
    assert "give an amount by entity, as in {operations: 12000}, or by unit, as in {EUR: 12000}" in done.stderr
    assert not (folder / "bad").exists()


def test_the_report_holds_each_unit_apart(folder: Path) -> None:
    page = (folder / "r/report.html").read_text()
    for heading in ("inflow, EUR", "net flow, USD", "outflow, USD"):
        assert f'<th class="n">{heading}' in page
    assert "which are never added: each unit has its own totals" in page


def test_scores_are_means_over_units(folder: Path) -> None:
    """By hand from oof.parquet: WAPE of each currency, and their mean."""
    oof = pd.read_parquet(folder / "r/oof.parquet").query("member == 'blend'").dropna(subset=["y"])
    oof["unit"] = np.where(oof["entity"].isin(DOLLARS), "USD", "EUR")
    oof["missed"], oof["size"] = (oof["y_hat"] - oof["y"]).abs(), oof["y"].abs()
    sums = oof.groupby(["target", "cutoff", "unit"])[["missed", "size"]].sum()
    shares = (sums["missed"] / sums["size"]).groupby(["target", "cutoff"]).mean()
    score = 10 * (1 - shares.groupby("target").mean().mean())
    board = json.loads((folder / "r/leaderboard.json").read_text())
    (blend,) = [row for row in board["rows"] if row["family"] == "blend"]
    assert blend["score"] == pytest.approx(score, abs=1e-4)
    again = evaluate_run(str(folder / "r"))
    assert again.contenders[0].score == pytest.approx(score, abs=1e-6)
    results = report_data(RunStore(str(folder / "r")))
    found = compare([("one", results), ("other", results)])
    assert found.runs[0].score is not None
    assert found.runs[0].score.value == pytest.approx(score, abs=1e-6)


def test_predict_writes_totals_from_the_groups_that_the_run_has_stored(folder: Path) -> None:
    (folder / "groups.csv").rename(folder / "moved.csv")
    (folder / "units.csv").rename(folder / "gone.csv")
    made = predict(str(folder / "r"), str(folder / "accounts.csv"), external=External(allowed=True))
    assert made.files["totals.csv"] == (folder / "r/totals.csv").read_bytes()
    for name in ("cash.csv", "cash.json"):
        assert made.files[name] == (folder / "r" / name).read_bytes()
    assert made.files["forecast.csv"] == (folder / "r/forecast.csv").read_bytes()
    assert f"planned on {TAX_DAY}: 460,000.00 EUR of operations/outflow (quarterly tax)" in made.notes
