"""Odd series are named, and usual ones are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from forecasting.data.quality.series_checks import outlier_days
from forecasting.data.spec import DataSpec
from tests.forecasting.data.opened import check, places


def test_panel_series_left_out_are_warnings_and_odd_ones_are_named(tmp_path: Path) -> None:
    ds = pd.date_range("2014-01-01", periods=70)
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame(
            {"fund": f"{k:03d}", "ds": ds, "purchase": rng.lognormal(5, 0.1, 70), "redeem": rng.lognormal(5, 0.1, 70)}
        )
        for k in range(4)
    ]
    frames[1].loc[9, "redeem"] = -1
    frames[2]["purchase"] = 7
    frames[3] = frames[3].iloc[-20:]
    frames[0].loc[30, "redeem"] = 0
    frames[0].loc[40, "purchase"] = 9000.0
    pd.concat(frames).to_csv(tmp_path / "p.csv", index=False)
    findings = check(DataSpec(kind="panel", entity="fund"), tmp_path / "p.csv", "CN")
    by_check = {f.check: f for f in findings}
    assert by_check["series left out: 001/redeem"].where == "p.csv:81"
    assert by_check["constant series"].value == "002/purchase"
    assert by_check["short series"].value == "003/purchase, 003/redeem"
    assert by_check["zero day"].value == "000/redeem on 2014-01-31: 0"
    assert by_check["outlier day"].value == "000/purchase on 2014-02-10: 9000"
    assert by_check["outlier day"].where == "p.csv:42"
    assert places(findings, "error") == {}


def test_outliers_are_not_weekdays_or_growth() -> None:
    days = np.arange(200)
    rng = np.random.default_rng(1)
    y = np.exp(8 + 0.02 * days - 0.7 * (days % 7 >= 5) + 0.1 * rng.standard_normal(200))
    assert not outlier_days(y, days % 7).any()
    y[77] *= 8
    assert np.flatnonzero(outlier_days(y, days % 7)).tolist() == [77]


def test_payments_of_a_series_that_is_mostly_zero_are_no_outliers(tmp_path: Path) -> None:
    days = pd.date_range("2014-01-01", periods=200)
    rng = np.random.default_rng(2)
    wages = np.where(days.day == 25, 1000.0, 0.0)
    frame = pd.DataFrame({"ds": days, "wages": wages, "sales": rng.lognormal(5, 0.1, 200)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    findings = check(DataSpec(kind="table", targets={"wages": 0.5, "sales": 0.5}), tmp_path / "t.csv", None)
    assert [(f.check, f.count) for f in findings] == [("zero day", 194)]
