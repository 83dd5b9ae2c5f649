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

from cluster.rundir.external import External
from cluster.rundir.store import RunStore
from cluster.stages.evaluation import evaluate_run
from cluster.stages.prediction import predict
from cluster.stages.reports import report_data
from ensembles.evaluation.compare import compare
from forecasting.sample.company import DOLLARS, GROUPS
from forecasting.sample.write import write_sample
from tests.runs import tidecast

CONFIG = """
seed: 1
calendar: DE
data: {kind: panel, entity: account, targets: {inflow: 0.5, outflow: 0.5}, missing: skip, planned: planned.csv,
  groups: groups.csv, units: units.csv}
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
    assert "amounts are in USD, EUR, which are never added" in said
    assert f"planned on {TAX_DAY}: 460,000.00 EUR of operations/outflow (quarterly tax)" in said
    assert "thousand USD; in (inflow)" in said
    for name in ("inflow, USD", "outflow, EUR"):
        assert name in said


def test_the_report_holds_each_unit_apart(folder: Path) -> None:
    page = (folder / "r/report.html").read_text()
    for heading in ("inflow, EUR", "net flow, USD", "outflow, USD"):
        assert f'<th class="n">{heading}' in page
    assert "which are never added: totals stand for each unit" in page


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
    assert made.files["forecast.csv"] == (folder / "r/forecast.csv").read_bytes()
    assert f"planned on {TAX_DAY}: 460,000.00 EUR of operations/outflow (quarterly tax)" in made.notes
