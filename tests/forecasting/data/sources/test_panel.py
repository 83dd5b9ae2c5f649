"""Panels: wide and long, and series that cannot be used beside series that can."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.data.rows import FILL_REMEDY
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from tests.forecasting.data.opened import load, read

WIDE = DataSpec(kind="panel", entity="fund_code", past=("views",))
DS = np.arange("2024-04-08", "2024-04-20", dtype="datetime64[D]")


def wide(n_funds: int = 3) -> pd.DataFrame:
    rows = [
        {
            "fund_code": f"{k:06d}",
            "transaction_date": str(d).replace("-", ""),
            "apply_amt": 100.5 * k + i,
            "redeem_amt": i % 3,
            "views": 10 * k + i,
        }
        for k in range(1, n_funds + 1)
        for i, d in enumerate(DS)
    ]
    return pd.DataFrame(rows)


def save(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path, index=False)
    return path


def test_wide_panel_keeps_leading_zeros_and_past_per_entity(tmp_path: Path) -> None:
    path = save(wide().sample(frac=1, random_state=0), tmp_path / "p.csv")
    panel = load(WIDE, tmp_path, "CN")  # the folder that holds the one table
    assert panel.unique_ids[:3] == ("000001/purchase", "000001/redeem", "000002/purchase")
    assert panel.y.shape == (6, 12)
    assert panel.y[2].tolist() == [201.0 + i for i in range(12)]
    assert panel.past[2, :, 0].tolist() == [20.0 + i for i in range(12)]
    assert panel.fingerprint() == load(WIDE, save(wide(), path), "CN").fingerprint()


def test_parquet_panel_with_integer_entities_and_dates(tmp_path: Path) -> None:
    frame = wide().assign(
        fund_code=lambda f: f.fund_code.astype(int), transaction_date=lambda f: pd.to_datetime(f.transaction_date)
    )
    frame.to_parquet(tmp_path / "p.parquet")
    panel = load(WIDE, tmp_path / "p.parquet", "CN")
    assert panel.unique_ids[0] == "1/purchase"
    assert panel.y[0, 0] == 100.5


def test_long_panel(tmp_path: Path) -> None:
    frame = wide(2).melt(["fund_code", "transaction_date"], ["apply_amt", "redeem_amt"], "target", "y")
    names = {"apply_amt": "purchase", "redeem_amt": "redeem"}
    frame["unique_id"] = frame.fund_code + "/" + frame.target.map(names)
    path = save(frame.rename(columns={"transaction_date": "ds"})[["unique_id", "ds", "y"]], tmp_path / "long.csv")
    panel = load(DataSpec(kind="panel"), path, "CN")
    reference = load(WIDE, save(wide(2), tmp_path / "wide.csv"), "CN")
    assert panel.unique_ids == reference.unique_ids
    assert (panel.y == reference.y).all()
    alone = load(DataSpec(kind="panel", targets={"y": 1.0}), path, "CN")
    assert alone.series[0].entity == "000001/purchase"
    with pytest.raises(DataError, match=r"long\.csv:2: unique_id '000001/purchase' names none of the targets a, b"):
        load(DataSpec(kind="panel", targets={"a": 0.5, "b": 0.5}), path, "CN")


def test_series_may_begin_late_or_hold_zeros(tmp_path: Path) -> None:
    frame = wide()
    frame = frame[(frame.fund_code != "000002") | (frame.transaction_date >= "20240412")]
    frame.loc[(frame.fund_code == "000003") & (frame.transaction_date < "20240410"), "apply_amt"] = np.nan
    loaded = read(WIDE, save(frame, tmp_path / "p.csv"), "CN")
    assert loaded.problems == ()
    first = [str(loaded.panel.history(u).ds[0]) for u in loaded.panel.unique_ids]
    assert first == ["2024-04-08"] * 2 + ["2024-04-12"] * 2 + ["2024-04-10", "2024-04-08"]
    assert np.isnan(loaded.panel.past[2, :4]).all()


def test_broken_series_are_named_and_left_out(tmp_path: Path) -> None:
    frame = wide(9)
    day = frame.transaction_date == "20240412"
    frame = frame.astype({"apply_amt": object})
    frame.loc[day & (frame.fund_code == "000001"), "apply_amt"] = -1
    frame.loc[day & (frame.fund_code == "000002"), "apply_amt"] = None
    frame.loc[day & (frame.fund_code == "000003"), "apply_amt"] = "many"
    frame.loc[frame.fund_code == "000004", "apply_amt"] = None
    frame = frame[~(day & (frame.fund_code == "000005"))]
    frame = frame[~((frame.transaction_date > "20240415") & (frame.fund_code == "000006"))]
    twice = frame[(frame.transaction_date == "20240412") & (frame.fund_code == "000007")]
    frame = pd.concat([frame, twice])
    loaded = read(WIDE.model_copy(update={"max_lag": 3}), save(frame, tmp_path / "p.csv"), "CN")
    reasons = {p.series.unique_id: p.reason for p in loaded.problems}
    gap = (
        "54: no row for 2024-04-12, the day after 2024-04-11: add the 1 missing day(s) before 2024-04-13, or "
        + FILL_REMEDY
    )
    early = "68: {} ended on 2024-04-15, 4 periods before the others (2024-04-19): add its later days, or set "
    early += "data.max_lag above 3"
    twice_said = "105: 2024-04-12 stands twice, first at p.csv:73: keep one row a day"
    assert {name: reason.removeprefix("p.csv:") for name, reason in reasons.items()} == {
        "000001/purchase": "6: apply_amt on 2024-04-12 is '-1', a negative amount: correct it, or set "
        "score.surrogate to wape",
        "000002/purchase": "18: apply_amt on 2024-04-12 is empty, a missing amount: fill it in, or " + FILL_REMEDY,
        "000003/purchase": "30: apply_amt on 2024-04-12 is 'many', not a number: correct it",
        "000004/purchase": "38: apply_amt holds no value: fill it in",
        "000005/purchase": gap,
        "000005/redeem": gap,
        "000006/purchase": early.format("000006/purchase"),
        "000006/redeem": early.format("000006/redeem"),
        "000007/purchase": twice_said,
        "000007/redeem": twice_said,
    }
    assert set(loaded.panel.unique_ids) | set(reasons) == {
        f"{k:06d}/{t}" for k in range(1, 10) for t in ("purchase", "redeem")
    }
    assert not set(loaded.panel.unique_ids) & set(reasons)
    assert loaded.panel.index("000001/redeem") == 0


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (
            {"entity": None},
            r"nothing tells the series apart among fund_code, .*: name the entities' column in data\.entity",
        ),
        ({"entity": "code"}, r"no column 'code', which data\.entity names; the columns are fund_code"),
        ({"past": ("clicks",)}, "no column for clicks among"),
        ({"columns": {"purchase": "in"}}, r"no column 'in', which data\.columns gives for purchase"),
    ],
)
def test_missing_columns_are_named(tmp_path: Path, change: dict[str, object], part: str) -> None:
    path = save(wide(), tmp_path / "p.csv")
    with pytest.raises(DataError, match=part):
        load(WIDE.model_copy(update=change), path, "CN")


def test_rows_that_belong_to_no_day_end_the_load(tmp_path: Path) -> None:
    frame = wide()
    frame.loc[5, "transaction_date"] = "soon"
    with pytest.raises(DataError, match=r"p\.csv:7: transaction_date is 'soon', not a day"):
        load(WIDE, save(frame, tmp_path / "p.csv"), "CN")
    with pytest.raises(DataError, match=r"no series of the panel can be used; the first: p\.csv:2: apply_amt on"):
        load(WIDE, save(wide().assign(apply_amt=-1, redeem_amt=-1), tmp_path / "p.csv"), "CN")


@pytest.mark.skipif(
    not (Path(__file__).parents[5] / "shared/data/afac2025").is_dir(),
    reason="needs the AFAC 2025 data beside the checkout",
)
def test_the_real_panel() -> None:
    spec = DataSpec(
        kind="panel", entity="fund_code", unit="CNY", past=("uv_key_page_1", "uv_key_page_2", "uv_key_page_3")
    )
    loaded = read(spec, Path(__file__).parents[5] / "shared/data/afac2025", "CN")
    assert loaded.problems == ()
    assert loaded.panel.y.shape == (40, 419)
    assert loaded.panel.past.shape == (40, 419, 3)
    assert loaded.panel.history("000086/purchase").y[0] == 8358.782751
