"""Scenarios of runs on panels, work days and the competition's data, and of members that cannot be asked again."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import api
from tests.cluster.scenario.company_days import ask, table
from tests.runs import run, tidecast

pytestmark = pytest.mark.usefixtures("without_charts")

DAYS = pd.date_range("2024-01-01", "2024-09-10")
FEW = """
windows: {unit: day, n_windows: 3, horizon: 9}
members: [{model: seasonal-naive}, {model: calendar-level}]
blend: {candidates: [mean]}
"""


def write_panel(folder: Path, more: str = "", freq: str = "D") -> None:
    rng, ds = np.random.default_rng(3), pd.date_range(DAYS[0], DAYS[-1], freq=freq)
    frames = []
    for account in ("main", "abroad"):
        flows = {name: rng.gamma(50, 100, len(ds)).round(2) for name in ("inflow", "outflow")}
        frames.append(pd.DataFrame({"account": account, "ds": ds.strftime("%Y-%m-%d"), **flows}))
    pd.concat(frames).to_csv(folder / "data.csv", index=False)
    targets = "targets: {inflow: 0.5, outflow: 0.5}"
    (folder / "config.yaml").write_text(f"data: {{kind: panel, entity: account, {targets}{more}}}{FEW}")


def test_amounts_of_different_units_are_totalled_apart(tmp_path: Path) -> None:
    write_panel(tmp_path, ", units: units.csv")
    (tmp_path / "units.csv").write_text("entity,unit\nmain,EUR\nabroad,USD\n")
    assert run(tmp_path, "r").returncode == 0
    add = "add: [{date: 2024-09-12, series: abroad/outflow, amount: 500}]"
    made = json.loads(ask(tmp_path, add, "--json").stdout)
    found = {(total["target"], total["unit"]): total["difference"] for total in made["totals"]}
    assert found == {
        ("inflow", "EUR"): 0.0,
        ("outflow", "EUR"): 0.0,
        ("net_flow", "EUR"): 0.0,
        ("inflow", "USD"): 0.0,
        ("outflow", "USD"): 500.0,
        ("net_flow", "USD"): -500.0,
    }
    assert made["changes"] == ["added: planned on 2024-09-12: 500.00 USD of abroad/outflow"]
    assert made["accounts"] == []
    done = ask(tmp_path, "balance: 5")
    assert done.returncode == 2
    assert "their units are EUR, USD, which cannot be added" in done.stderr
    made = json.loads(ask(tmp_path, "balance: {USD: 1000, main: 5}\n" + add, "--json").stdout)
    opened = {account["entity"]: account["scenario"]["opening"] for account in made["accounts"]}
    assert opened == {"EUR": 5.0, "USD": 1000.0}
    last = {series["unique_id"]: series["days"][-1]["difference"] for series in made["series"]}
    assert (last["EUR/balance"], last["USD/balance"]) == (0.0, -500.0)
    said = ask(tmp_path, "balance: {USD: 1000}").stdout
    assert "balance, USD" in said
    assert "balance, EUR" not in said


def test_balances_of_entities_change_one_by_one(tmp_path: Path) -> None:
    write_panel(tmp_path, ", balance: {main: 1000, abroad: 50}")
    assert run(tmp_path, "r").returncode == 0
    assert ask(tmp_path, "balance: {abroad: 80}").returncode == 0
    found = {(r["entity"], r["difference"]) for r in table(tmp_path / "r/scenario.csv") if r["target"] == "balance"}
    assert found == {("all", "30.00"), ("main", "0.00"), ("abroad", "30.00")}
    done = ask(tmp_path, "balance: {abrod: 80}")
    assert done.returncode == 2
    assert "no balance of 'abrod'" in done.stderr


def test_a_balance_alone_changes_no_flow(tmp_path: Path) -> None:
    write_panel(tmp_path)
    assert run(tmp_path, "r").returncode == 0
    said = ask(tmp_path, "balance: 4000").stdout
    assert "opening balance: 4,000.00; the run knows no balance; both use the scenario's" in said
    assert "no flow differs" in said
    assert "no amount differs" not in said
    assert "no amount differs" in ask(tmp_path, "level: [{series: main/inflow, percent: 0, from: 2024-09-12}]").stdout


def test_a_run_without_a_balance_takes_that_of_the_scenario_for_both(tmp_path: Path) -> None:
    write_panel(tmp_path)
    assert run(tmp_path, "r").returncode == 0
    asked = "balance: 4000\nadd: [{date: 2024-09-11, series: main/inflow, amount: 7}]"
    done = ask(tmp_path, asked)
    assert "opening balance: 4,000.00; the run knows no balance; both use the scenario's" in done.stdout
    balance = [r for r in table(tmp_path / "r/scenario.csv") if r["target"] == "balance"]
    assert {(r["entity"], r["difference"]) for r in balance} == {("all", "7.00")}
    frame = api.open_run(tmp_path / "r").scenario(
        {"level": [{"series": "main/inflow", "percent": 1, "from": "2024-09-11"}]}
    )
    assert list(frame.columns[:4]) == ["unique_id", "entity", "target", "ds"]


def test_a_holiday_is_no_period_of_work_days(tmp_path: Path) -> None:
    write_panel(tmp_path, freq="B")
    assert run(tmp_path, "r", "--set", "calendar=DE").returncode == 0
    done = ask(tmp_path, "holidays: [{from: 2024-09-11, to: 2024-09-12}]")
    assert done.returncode == 2
    assert "holidays: the run forecasts work days, and a holiday is none of them" in done.stderr
    done = ask(tmp_path, "add: [{date: 2024-09-14, series: main/inflow, amount: 7}]")
    assert "2024-09-14: it is none of the forecast's work days; write 2024-09-13 or 2024-09-16" in done.stderr


def test_the_competitions_amounts_are_shown_in_cny(tmp_path: Path) -> None:
    api.sample(tmp_path / "data", users=30)
    (tmp_path / "config.yaml").write_text("data: {kind: yuebao}\n" + FEW)
    asked = ("--data", "data", "--run-dir", "r", "--executor", "local", "--as-of", "2014-08-31")
    assert tidecast(tmp_path, "run", "config.yaml", *asked).returncode == 0
    assert ask(tmp_path, "holidays: [{from: 2014-09-08, to: 2014-09-09}]").returncode == 0
    forecast = {row["date"]: row for row in table(tmp_path / "r/forecast.csv")}
    found = table(tmp_path / "r/scenario.csv")
    assert all(row["base_cny"] == forecast[row["date"]][f"{row['target']}_cny"] for row in found)
    assert {row["date"] for row in found if Decimal(row["difference_cny"])} & {"2014-09-08", "2014-09-09"}


def test_a_member_that_reads_what_the_run_does_not_keep_is_not_asked(tmp_path: Path) -> None:
    api.sample(tmp_path / "data", users=30)
    members = "members: [{model: lstm-covariates, epochs: 1}, {model: calendar-level}]"
    few = FEW.replace("members: [{model: seasonal-naive}, {model: calendar-level}]", members)
    (tmp_path / "config.yaml").write_text("data: {kind: yuebao}\n" + few)
    asked = ("--data", "data", "--run-dir", "r", "--executor", "local", "--as-of", "2014-08-31")
    done = tidecast(tmp_path, "run", "config.yaml", *asked)
    assert done.returncode == 0, done.stderr
    said = ask(tmp_path, "holidays: [{from: 2014-09-08, to: 2014-09-09}]").stdout
    assert "answered by calendar-level" in said
    assert "not asked, for want of the data they read: lstm-covariates" in said
