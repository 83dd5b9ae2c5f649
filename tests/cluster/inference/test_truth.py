"""What a submission is judged by, where no configuration says it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.runs import tidecast

DAYS = pd.date_range("2026-08-16", periods=5).strftime("%Y-%m-%d")
ACTUAL = pd.DataFrame({"date": DAYS, "outflow": [50.0, 60, 70, 80, 90], "inflow": [100.0, 110, 120, 130, 140]})
AHEAD = pd.DataFrame({"date": DAYS, "inflow": [103.0, 110, 120, 130, 133], "outflow": [50.0, 57, 70, 80, 81]})


def points(target: str) -> float:
    """The linear score as the README says it: 10 for an exact day, none from 30% on."""
    error = np.abs(AHEAD[target] - ACTUAL[target]) / ACTUAL[target]
    return float(np.clip(10 * (1 - error / 0.3), 0, None).mean())


@pytest.mark.parametrize("header", [True, False])
def test_any_table_of_actual_values_is_one(tmp_path: Path, header: bool) -> None:
    AHEAD.to_csv(tmp_path / "submission.csv", index=False, header=header)
    ACTUAL.to_csv(tmp_path / "actual.csv", index=False)
    done = tidecast(tmp_path, "score", "submission.csv", "actual.csv", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert {name: target["score"] for name, target in found["targets"].items()} == pytest.approx(
        {"inflow": points("inflow"), "outflow": points("outflow")}
    )
    assert found["score"] == pytest.approx((points("inflow") + points("outflow")) / 2)
    assert header or "submission.csv: it has no header: its amounts are taken as inflow, outflow" in str(done)


def test_one_day_can_be_scored(tmp_path: Path) -> None:
    AHEAD.head(1).to_csv(tmp_path / "submission.csv", index=False, header=False)
    ACTUAL.head(1).to_csv(tmp_path / "actual.csv", index=False)
    assert "(1 day, 2026-08-16 to 2026-08-16)" in tidecast(tmp_path, "score", "submission.csv", "actual.csv").stdout


def test_other_columns_of_the_actual_values_do_no_harm_where_a_header_says_what_is_forecast(tmp_path: Path) -> None:
    ACTUAL.assign(staff=7).to_csv(tmp_path / "actual.csv", index=False)
    AHEAD.to_csv(tmp_path / "named.csv", index=False)
    AHEAD.to_csv(tmp_path / "bare.csv", index=False, header=False)
    assert tidecast(tmp_path, "score", "named.csv", "actual.csv").returncode == 0
    done = tidecast(tmp_path, "score", "bare.csv", "actual.csv")
    assert done.returncode == 2
    assert (
        "it has no header, and 3 columns with the date in column 1: write date, outflow, inflow, staff" in done.stderr
    )


def test_what_is_not_scored_is_said(tmp_path: Path) -> None:
    """A column or an entity that the submission lacks, of which there are actual values on its days."""
    ACTUAL.to_csv(tmp_path / "actual.csv", index=False)
    AHEAD.rename(columns={"inflow": "in"}).to_csv(tmp_path / "submission.csv", index=False)
    done = tidecast(tmp_path, "score", "submission.csv", "actual.csv")
    assert "inflow: not scored, because submission.csv has no such column" in done.stderr
    assert f"total {points('outflow'):.3f} a day" in done.stdout
    pd.concat([ACTUAL.assign(fund=fund) for fund in ("a", "b")]).to_csv(tmp_path / "actual.csv", index=False)
    AHEAD.assign(fund="a").to_csv(tmp_path / "submission.csv", index=False)
    done = tidecast(tmp_path, "score", "submission.csv", "actual.csv")
    assert "b: not scored, because there is no forecast" in done.stdout
