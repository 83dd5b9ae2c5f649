"""The cash position from the command line, on a company's accounts."""

from __future__ import annotations

import csv
import json
import re
import shutil
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from cluster.api import open_run
from forecasting.sample.company import write_company
from tests.runs import tidecast

pytestmark = pytest.mark.usefixtures("without_charts")

CONFIG = """
data:
  kind: panel
  entity: account
  targets: {inflow: 0.5, outflow: 0.5}
  unit: EUR
  missing: skip
  balance: 3000000
  limits: {minimum: 2900000, overdraft: 50000}
score: {surrogate: wape}
windows: {unit: day, n_windows: 4, horizon: 20}
members: [{model: weekday-median}, {model: seasonal-naive}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cash")
    write_company(folder, np.arange(np.datetime64("2023-01-01"), np.datetime64("2024-04-01")), 1)
    (folder / "config.yaml").write_text(CONFIG)
    done = tidecast(folder, "run", "config.yaml", "--data", "accounts.csv", "--run-dir", "first", "--executor", "local")
    assert done.returncode == 0, done.stderr
    (folder / "screen.txt").write_text(done.stdout)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_screen_ends_with_the_position(folder: Path) -> None:
    screen = (folder / "screen.txt").read_text()
    assert "cash position" in screen
    assert "The balance of 3.00 million EUR is expected to be" in screen
    assert "the minimum of 2.90 million EUR" in screen
    assert "cash.csv" in screen


def test_the_files_are_listed_and_agree(folder: Path) -> None:
    digests = json.loads((folder / "first/digests.json").read_text())
    assert {"cash.csv", "cash.json"} <= set(digests["results"] if "results" in digests else digests["files"])
    total = [r for r in rows(folder / "first/cash.csv") if (r["entity"], r["period"]) == ("all", "day")]
    flowed = Decimal(0)
    for row in total:
        flowed += Decimal(row["inflow"]) - Decimal(row["outflow"])
        assert Decimal(row["balance"]) == 3000000 + flowed
    account = json.loads((folder / "first/cash.json").read_text())["accounts"][0]
    assert account["opening"] == 3e6
    assert [day["balance"] for day in account["days"]] == [float(row["balance"]) for row in total]
    assert [limit["name"] for limit in account["limits"]] == ["minimum", "overdraft"]


def test_leaves_of_the_position_are_those_of_the_forecast(folder: Path) -> None:
    forecast = {(r["entity"], r["date"]): r for r in rows(folder / "first/forecast.csv")}
    for row in rows(folder / "first/cash.csv"):
        if row["period"] == "day" and row["entity"] != "all":
            mine = forecast[row["entity"], row["date"]]
            assert (row["inflow"], row["outflow"]) == (mine["inflow"], mine["outflow"])


@pytest.mark.parametrize(("factor", "balance", "decimals"), [(1 / 7, 1000.5, 6), (1 / 7e4, 0.125, 9), (100, 1000.5, 0)])
def test_sums_are_exact_whatever_decimals_the_amounts_have(
    tmp_path: Path, factor: float, balance: float, decimals: int
) -> None:
    """Also where they come from a computation, and where the balance has more decimals than they have."""
    random = np.random.default_rng(3)
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-04-01"))
    flows = np.rint(random.gamma(9, 100, (len(days), 2))) * factor
    lines = [f"{day},{a:.17g},{b:.17g}" for day, (a, b) in zip(days, flows.tolist(), strict=True)]
    (tmp_path / "d.csv").write_text("\n".join(["date,inflow,outflow", *lines]) + "\n")
    (tmp_path / "plan.csv").write_text(f"date,series,amount\n2024-04-03,outflow,{factor * 11:.17g}\n")
    members = "members=[{model: weekday-median}, {model: seasonal-naive}]"
    plan, money = "data.planned=plan.csv", f"data.balance={balance}"
    done = tidecast(tmp_path, "run", "d.csv", "--run-dir", "r", "--executor", "local",
                    *(part for key in (members, plan, money) for part in ("--set", key)))  # fmt: skip
    assert done.returncode == 0, done.stderr
    forecast = {row["date"]: row for row in rows(tmp_path / "r/forecast.csv")}
    assert max(-Decimal(row["inflow"]).as_tuple().exponent for row in forecast.values()) == decimals
    for row in forecast.values():
        assert Decimal(row["net_flow"]) == Decimal(row["inflow"]) - Decimal(row["outflow"])
        assert Decimal(row["outflow"]) == Decimal(row["outflow_planned"]) + Decimal(row["outflow_model"])
    flowed, opening, found = Decimal(0), None, rows(tmp_path / "r/cash.csv")
    for row in found:
        inside = [day for date, day in forecast.items() if row["date"] <= date <= row["end"]]
        for name in ("inflow", "outflow", "net_flow"):
            assert Decimal(row[name]) == sum(Decimal(day[name]) for day in inside), (row["date"], name)
        if row["period"] == "day":
            flowed += Decimal(row["net_flow"])
            opening = Decimal(row["balance"]) - flowed if opening is None else opening
            assert (Decimal(row["cumulative"]), Decimal(row["balance"])) == (flowed, opening + flowed)
    assert opening == Decimal(balance) or decimals == 0
    page = (tmp_path / "r/report.html").read_text()
    assert f'"decimals": {decimals}' in page or f'"decimals":{decimals}' in page


def test_the_report_made_again_is_the_same(folder: Path) -> None:
    before = (folder / "first/cash.csv").read_bytes()
    assert tidecast(folder, "report", "first").returncode == 0
    assert (folder / "first/cash.csv").read_bytes() == before


def test_a_position_of_an_earlier_version_does_not_stay(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "first", tmp_path / "first")
    (tmp_path / "first/liquidity.csv").write_text("of another forecast")
    assert tidecast(tmp_path, "report", "first").returncode == 0
    assert not (tmp_path / "first/liquidity.csv").exists()


def test_predict_gives_the_position_and_carries_a_number_forward(folder: Path) -> None:
    same = tidecast(folder, "predict", "first", "--data", "accounts.csv", "--out", "same")
    assert same.returncode == 0, same.stderr
    for name in ("cash.csv", "cash.json"):
        assert (folder / "same" / name).read_bytes() == (folder / "first" / name).read_bytes()
        assert name in json.loads((folder / "same/prediction.json").read_text())["files"]
    assert "cash position" in same.stdout
    assert re.search(r"^in all: in .* EUR, out .* EUR, net ", same.stdout, re.MULTILINE)
    data = rows(folder / "accounts.csv")
    days = sorted({row["date"] for row in data})
    (folder / "until.csv").write_text("\n".join(_until(folder / "accounts.csv", days[-6])) + "\n")
    early = ("run", "config.yaml", "--data", "until.csv", "--run-dir", "early", "--executor", "local")
    assert tidecast(folder, *early, "--set", "data.limits={}").returncode == 0
    done = tidecast(folder, "predict", "early", "--data", "accounts.csv", "--out", "later")
    assert done.returncode == 0, done.stderr
    assert f"the balance is that of {days[-6]} and the flows since then, up to {days[-1]}" in done.stderr
    forecast = {row["account"] for row in data if row["account"] != "old-bank"}
    later = [row for row in data if row["date"] > days[-6] and row["account"] in forecast]
    moved = 3000000 + sum(Decimal(row["inflow"]) - Decimal(row["outflow"]) for row in later)
    first = rows(folder / "later/cash.csv")[0]
    assert Decimal(first["balance"]) == moved + Decimal(first["cumulative"])


def _until(path: Path, day: str) -> list[str]:
    head, *lines = path.read_text().splitlines()
    return [head, *(line for line in lines if line.split(",")[1] <= day)]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("data.balance=saldo", "there is no column 'saldo', which data.balance names"),
        ("data.balance=true", "data.balance: a balance is a number"),
        ("data.balance={operations: 1}", "data.balance: there is no balance of"),
        ("data.limits={minimum: -60000, overdraft: 50000}", "data.limits: the limits are the wrong way round"),
        ("data.limits={minimun: 1}", "data.limits.minimun: unknown key; did you mean minimum?"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(folder: Path, key: str, says: str) -> None:
    done = tidecast(
        folder, "run", "config.yaml", "--data", "accounts.csv", "--run-dir", "bad", "--executor", "local", "--set", key
    )
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "bad").exists()


def test_a_run_in_python_gives_the_position(folder: Path) -> None:
    found = open_run(folder / "first").cash()
    assert found is not None
    assert found["accounts"][0]["opening"] == 3e6
    assert {account["entity"] for account in found["accounts"][1:]} >= {"operations", "webshop", "payroll"}


def test_planned_amounts_and_groups_have_their_place(folder: Path) -> None:
    accounts = sorted({row["account"] for row in rows(folder / "accounts.csv")})
    groups = [f"{name},{'shops' if name in ('webshop', 'branch') else 'rest'}" for name in accounts]
    (folder / "groups.csv").write_text("\n".join(["account,group", *groups]) + "\n")
    days = [row["date"] for row in rows(folder / "first/cash.csv") if (row["entity"], row["period"]) == ("all", "day")]
    plan = f"date,series,amount,kind\n{days[4]},operations/outflow,123456.78,planned\n"
    (folder / "planned.csv").write_text(plan)
    keys = ("--set", "data.groups=groups.csv", "--set", "data.planned=planned.csv")
    done = tidecast(
        folder, "run", "config.yaml", "--data", "accounts.csv", "--run-dir", "plan", "--executor", "local", *keys
    )
    assert done.returncode == 0, done.stderr
    before, after = (rows(folder / name / "cash.csv") for name in ("first", "plan"))
    for old, new in zip(before, after, strict=True):
        moved = Decimal("123456.78") if old["entity"] in ("all", "operations") and new["end"] >= days[4] else Decimal(0)
        assert Decimal(new["balance"] or 0) == Decimal(old["balance"] or 0) - (moved if old["balance"] else 0)
        assert Decimal(new["cumulative_q10"]) == pytest.approx(
            Decimal(old["cumulative_q10"]) - moved, abs=Decimal("0.02")
        )
    totals = [row for row in rows(folder / "plan/totals.csv") if (row["level"], row["target"]) == ("0", "net_flow")]
    total = {row["date"]: row for row in after if (row["entity"], row["period"]) == ("all", "day")}
    for row in totals:
        assert Decimal(row["y_hat"]) == Decimal(total[row["date"]]["net_flow"])
        assert float(row["q10"]) == pytest.approx(float(total[row["date"]]["net_flow_q10"]), abs=0.02)


def test_net_flows_are_of_entities_with_both_sides_on_the_screen_and_on_the_page_as_in_the_files(
    tmp_path: Path,
) -> None:
    """An account that only takes money in has no part in a net flow, and in no balance."""
    random = np.random.default_rng(5)
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-04-01"))
    lines = ["date,account,inflow,outflow"]
    for account in ("main", "payroll", "collection"):
        for day, (a, b) in zip(days, np.round(random.gamma(9, 0.1, (len(days), 2)), 2).tolist(), strict=True):
            lines.append(f"{day},{account},{a},{'' if account == 'collection' else b}")
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n")
    keys = ("data.missing=skip", "data.balance={main: 5, payroll: 6, collection: 7}", "windows.n_windows=3",
            "members=[{model: weekday-median}, {model: seasonal-naive}]")  # fmt: skip
    done = tidecast(tmp_path, "run", "d.csv", "--target", "inflow", "--target", "outflow", "--run-dir", "r",
                    "--executor", "local", *(part for key in keys for part in ("--set", key)))  # fmt: skip
    assert done.returncode == 0, done.stderr
    total = [row for row in rows(tmp_path / "r/cash.csv") if (row["entity"], row["period"]) == ("all", "day")]
    sums = {name: sum(Decimal(row[name]) for row in total) for name in ("inflow", "outflow", "net_flow")}
    screen = " ".join(done.stdout.split())
    assert f"in (inflow) {sums['inflow']}, out (outflow) {sums['outflow']}, net {sums['net_flow']:+}" in screen
    assert "without collection, of which only inflow or only outflow is forecast" in screen
    page = (tmp_path / "r/report.html").read_text()
    found = re.search(r'id="ahead-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    view = data["views"][data["picks"][0][2][0]]
    assert view["balance"]["opening"] == 11
    for place, name in enumerate(("inflow", "outflow")):
        assert view["flows"][place][0] == [float(row[name]) for row in total]
    assert "Without collection" in view["cards"][0][3]
