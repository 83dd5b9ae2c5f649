"""Runs on data with a plan: models see histories without it, forecasts and scores have it, and a change of it retrains
what it concerns and nothing else.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import api
from cluster.rundir.external import External
from cluster.stages.prediction import predict
from tests.runs import run, tidecast

pytestmark = pytest.mark.usefixtures("without_charts")

DAYS = np.arange("2024-01-01", "2024-07-19", dtype="datetime64[D]")
END = DAYS[-1]
CONFIG = """
seed: 3
data: {{kind: table, targets: {{in: 0.5, out: 0.5}}, unit: EUR{more}}}
windows: {{unit: day, n_windows: 3, horizon: 14}}
members:
  - {{model: weekday-median, k: 4}}
  - {{model: calendar-level, level: [recent, mean-reverting]}}
  - {{model: smoothing}}
blend: {{candidates: [mean, simplex]}}
"""
TAX = {"2024-03-15": 500_000, "2024-06-14": 400_000, "2024-07-12": 450_000}
"""The last two lie in backtest windows."""
HEADER = "date,series,amount,known,until,kind,note,author"
PAST = [f"{d},out,{amount},{np.datetime64(d) - 20},,,tax," for d, amount in TAX.items()]
NEXT = "2024-07-25,out,600000,2024-07-10,,,tax,Ann"


def write_data(path: Path, *, with_tax: bool = True) -> None:
    random = np.random.default_rng(5)
    weekday = np.array([1.2, 1.1, 1.0, 1.0, 0.9, 0.5, 0.4])[(DAYS.astype(int) + 3) % 7]
    y = np.rint(1e5 * weekday * np.exp(random.normal(0, 0.1, (2, len(DAYS)))))
    if with_tax:
        y[1] += [TAX.get(str(d), 0) for d in DAYS]
    lines = [f"{d},{a:.0f},{b:.0f}" for d, a, b in zip(DAYS, *y, strict=True)]
    path.write_text("ds,in,out\n" + "\n".join(lines) + "\n")


def write_plan(folder: Path, *rows: str, header: str = HEADER) -> None:
    (folder / "plan.csv").write_text("\n".join([header, *rows]) + "\n")


def tables(folder: Path, run_dir: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    oof, forecast = (pd.read_parquet(folder / run_dir / name) for name in ("oof.parquet", "forecast.parquet"))
    oof, forecast = (frame.assign(ds=pd.to_datetime(frame["ds"])) for frame in (oof, forecast))
    oof = oof.assign(cutoff=pd.to_datetime(oof["cutoff"]))
    keys = ["unique_id", "ds", "member"]
    return oof.set_index([*keys, "cutoff"]).sort_index(), forecast.set_index(keys).sort_index()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a: the data with their plan; b: the data without what was planned; c: the data, and nothing said of a plan."""
    folder = tmp_path_factory.mktemp("planned")
    write_data(folder / "data.csv")
    write_plan(folder, *PAST, NEXT)
    (folder / "config.yaml").write_text(CONFIG.format(more=", planned: plan.csv"))
    done = run(folder, "a")
    assert done.returncode == 0, done.stderr
    assert "planned on 2024-07-25: 600,000 EUR of out (tax; by Ann)" in " ".join(done.stdout.split())
    bare = folder / "bare"
    bare.mkdir()
    write_data(bare / "data.csv", with_tax=False)
    (bare / "config.yaml").write_text(CONFIG.format(more=""))
    assert run(bare, "../b").returncode == 0
    write_data(bare / "data.csv")
    assert run(bare, "../c").returncode == 0
    return folder


def test_models_see_a_history_without_the_plan_and_forecasts_have_it(folder: Path) -> None:
    (oof, forecast), (clean_oof, clean) = tables(folder, "a"), tables(folder, "b")
    tax_day = ("out", pd.Timestamp("2024-07-25"))
    planned = np.where([index[:2] == tax_day for index in forecast.index], 600_000.0, 0.0)
    np.testing.assert_array_equal(forecast["planned"], planned)
    members = forecast.index.get_level_values("member") != "blend"
    np.testing.assert_array_equal(forecast["y_hat"][members], (clean["y_hat"] + planned)[members])
    past = oof.index.get_level_values("ds").map(lambda day: TAX.get(str(day)[:10], 0)).to_numpy()
    past = np.where(oof.index.get_level_values("unique_id") == "out", past, 0)
    assert set(past) == {0, 400_000, 450_000}
    np.testing.assert_array_equal(oof["planned"], past)
    np.testing.assert_array_equal(oof["y"], clean_oof["y"] + past)
    members = oof.index.get_level_values("member") != "blend"
    np.testing.assert_array_equal(oof["y_hat"][members], (clean_oof["y_hat"] + past)[members])


def test_bands_and_net_flow_move_with_what_is_planned(folder: Path) -> None:
    with (folder / "a/forecast.csv").open() as file:
        rows = {row["date"]: row for row in csv.DictReader(file)}
    row = rows["2024-07-25"]
    assert row["out_planned"] == "600000"
    assert int(row["out"]) == int(row["out_model"]) + 600_000
    assert int(row["net_flow"]) == int(row["in"]) - int(row["out"])
    usual = rows["2024-07-18" if "2024-07-18" in rows else "2024-07-26"]
    widths = [int(r["out_q90"]) - int(r["out_q10"]) for r in (row, usual)]
    assert max(widths) < 100_000 < int(row["out_q10"])
    assert all(r["out_planned"] == "0" for day, r in rows.items() if day != "2024-07-25")
    submission = (folder / "a/submission.csv").read_text()
    assert row["out"] in submission


def test_the_report_and_run_json_name_what_is_planned(folder: Path) -> None:
    page = (folder / "a/report.html").read_text()
    assert (
        '<td>2024-07-25</td><td>out</td><td class="n">600,000 EUR</td><td>planned</td><td>tax</td><td>Ann</td>' in page
    )
    assert "with what is planned" in page
    assert "later ones, added to the forecast: 1" in page
    facts = json.loads((folder / "a/run.json").read_text())
    assert [row["date"] for row in facts["planned"]] == [*TAX, "2024-07-25"]


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to / "f", ignore=shutil.ignore_patterns("bare", "b", "c"))
    return to / "f"


def test_a_plan_for_days_to_come_retrains_nothing(folder: Path, tmp_path: Path) -> None:
    place = copied(folder, tmp_path)
    before = tables(place, "a")
    write_plan(place, *PAST, NEXT.replace("600000", "100000").replace("07-25", "07-26"), "2024-07-22,in,5,,,adjust,x,")
    done = run(place, "a")
    assert done.returncode == 0, done.stderr
    assert "continuing: 8 trials reused, 0 to train" in done.stderr
    after = tables(place, "a")
    pd.testing.assert_frame_equal(before[0], after[0])
    moved = (after[1]["y_hat"] - before[1]["y_hat"]).round(6)
    assert sorted(set(moved)) == [-600_000.0, 0.0, 5.0, 100_000.0]


def test_a_plan_of_the_past_retrains_the_series_that_it_concerns(folder: Path, tmp_path: Path) -> None:
    place = copied(folder, tmp_path)
    write_plan(place, PAST[0].replace("500000", "499000"), *PAST[1:], NEXT)
    done = run(place, "a")
    assert done.returncode == 0, done.stderr
    assert "continuing: 4 trials reused, 4 to train, 4 no longer in the configuration" in done.stderr


def test_an_adjustment_stands_beside_the_model_and_enters_no_backtest(folder: Path, tmp_path: Path) -> None:
    place = copied(folder, tmp_path)
    before, _ = tables(place, "a")
    rows = ["2024-07-20,in,-1000.5,,2024-07-22,adjust,slow week,Ben", "2024-06-14,in,7,,,adjust,was judged,"]
    write_plan(place, *PAST, NEXT, *rows)
    assert run(place, "a").returncode == 0
    oof, forecast = tables(place, "a")
    pd.testing.assert_frame_equal(before, oof)
    blend = forecast.xs("blend", level="member").loc["in"]
    judged = (blend.index >= "2024-07-20") & (blend.index <= "2024-07-22")
    np.testing.assert_array_equal(blend["adjusted"], np.where(judged, -1000.5, 0.0))
    members = forecast.index.get_level_values("member") != "blend"
    assert not forecast["adjusted"][members].any()
    with (place / "a/forecast.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["date"] == "2024-07-21")
    assert row["in_adjusted"] == "-1000.5"
    assert float(row["in"]) == pytest.approx(float(row["in_model"]) - 1000.5)


def test_without_known_a_plan_counts_in_the_final_forecast_alone(folder: Path, tmp_path: Path) -> None:
    place = copied(folder, tmp_path)
    write_plan(
        place, *(f"{d},out,{amount}" for d, amount in TAX.items()), "2024-07-25,out,600000", header="date,series,amount"
    )
    done = run(place, "a")
    assert done.returncode == 0, done.stderr
    assert "plan.csv: it has no column known, so its amounts count in the final forecast alone" in done.stderr
    (oof, forecast), (raw_oof, _), (_, clean) = tables(place, "a"), tables(folder, "c"), tables(folder, "b")
    pd.testing.assert_frame_equal(oof[["y_hat", "y"]], raw_oof[["y_hat", "y"]])
    members = forecast.index.get_level_values("member") != "blend"
    y_hat = forecast["y_hat"] - forecast["planned"]
    np.testing.assert_allclose(y_hat[members], clean["y_hat"][members], rtol=1e-12)
    assert "it has no column known" in (place / "a/report.html").read_text()


def test_what_became_known_later_changes_no_earlier_window(folder: Path, tmp_path: Path) -> None:
    """The first two windows end before the last tax is known; only the third may see what was said of it."""
    made = []
    for name, late in (
        ("one", "2024-06-20,out,60000,2024-07-02,,,x,"),
        ("other", "2024-06-21,out,20000,2024-07-05,,,y,"),
    ):
        place = copied(folder, tmp_path / name)
        write_plan(place, *PAST[:2], late)
        assert run(place, "a").returncode == 0
        made.append(tables(place, "a")[0].reset_index())
    cutoffs = sorted(set(made[0]["cutoff"]))
    assert [str(c)[:10] for c in cutoffs] == ["2024-06-06", "2024-06-20", "2024-07-04"]
    early = [oof[oof["cutoff"] < cutoffs[2]] for oof in made]
    pd.testing.assert_frame_equal(*early)
    last = [oof[(oof["cutoff"] == cutoffs[2]) & (oof["unique_id"] == "out")]["y_hat"].to_numpy() for oof in made]
    assert (last[0] != last[1]).any()


def test_predict_and_python_know_the_plan(folder: Path, tmp_path: Path) -> None:
    place = copied(folder, tmp_path)
    permitted = External(given=(f"data.planned={place / 'plan.csv'}",))
    again = predict(str(place / "a"), str(place / "data.csv"), external=permitted)
    assert again.files["forecast.csv"] == (place / "a/forecast.csv").read_bytes()
    write_plan(place, *PAST, NEXT.replace("600000", "1"))
    moved = predict(str(place / "a"), str(place / "data.csv"), external=permitted)
    assert moved.forecast.planned is not None
    assert moved.forecast.planned.max() == 1.0
    done = tidecast(place, "predict", "a", "--data", "data.csv")
    assert done.returncode == 2
    assert "data.planned (plan.csv): add --allow-external" in done.stderr
    write_plan(place, *PAST, NEXT)
    made = api.run(
        str(place / "data.csv"), str(place / "config.yaml"), run_dir=str(tmp_path / "py"), executor="local", quiet=True
    )
    frame = made.forecast()
    (value,) = frame[(frame["unique_id"] == "out") & (frame["ds"] == pd.Timestamp("2024-07-25"))]["planned"]
    assert value == 600_000.0


def test_as_of_leaves_out_what_was_not_known(folder: Path, tmp_path: Path) -> None:
    place = copied(folder, tmp_path)
    done = run(place, "early", "--as-of", "2024-07-01")
    assert done.returncode == 0, done.stderr
    _, forecast = tables(place, "early")
    assert forecast.loc[("out", pd.Timestamp("2024-07-12")), "planned"].tolist() == [450_000.0] * 5
    done = run(place, "earlier", "--as-of", "2024-06-20")
    assert done.returncode == 0, done.stderr
    assert not tables(place, "earlier")[1]["planned"].any()


def test_bad_rows_exit_with_two_and_leave_nothing(folder: Path, tmp_path: Path) -> None:
    place = copied(folder, tmp_path)
    write_plan(place, "2024-03-15,out,9900000,,,,tax,")
    done = run(place, "new")
    assert done.returncode == 2
    assert "plan.csv:2: 9900000 was planned for out on 2024-03-15, and the actual amount is" in done.stderr
    assert not (place / "new").exists()


def test_a_run_that_nobody_watches_goes_on_without_a_payment_that_did_not_come(folder: Path, tmp_path: Path) -> None:
    """It is the run of a plan without the row, today and for newer data."""
    place = copied(folder, tmp_path)
    write_plan(place, *PAST, NEXT)
    assert run(place, "without").returncode == 0
    write_plan(place, *PAST, NEXT, "2024-07-16,out,9900000,2024-06-01,,,did not come,")
    done = run(place, "skips", "--set", "data.unpaid=skip")
    assert done.returncode == 0, done.stderr
    assert "plan.csv:6: 9900000 was planned for out on 2024-07-16" in done.stderr
    for name in ("forecast.csv", "oof.parquet", "cash.csv"):
        assert (place / "skips" / name).read_bytes() == (place / "without" / name).read_bytes()
    made = predict(str(place / "skips"), str(place / "data.csv"), external=External(allowed=True))
    forecast = tables(place, "without")[1]["y_hat"].xs("blend", level="member")
    assert made.forecast.blend.y_hat.tolist() == pytest.approx(forecast.tolist())


def test_more_may_be_planned_away_than_models_forecast(folder: Path, tmp_path: Path) -> None:
    place = copied(folder, tmp_path)
    before = predict(str(place / "a"), str(place / "data.csv"), external=External(allowed=True))
    write_plan(place, *PAST, "2024-07-25,in,-900000,2024-07-10,,,refund,", "2024-07-26,in,-9e7,,,adjust,why,")
    after = predict(str(place / "a"), str(place / "data.csv"), external=External(allowed=True))
    rows = list(csv.DictReader(after.files["forecast.csv"].decode().splitlines()))
    parts = [int(row["in_model"]) + int(row["in_planned"]) + int(row["in_adjusted"]) for row in rows]
    assert [int(row["in"]) for row in rows] == parts
    assert min(parts) < -80_000_000
    bands = [made.cash[0].total.flows["inflow"].quantiles for made in (before, after)]
    widths = [ends[max(ends)] - ends[min(ends)] for ends in bands]
    np.testing.assert_allclose(*widths, rtol=1e-6)


def test_verify_tells_another_plan(folder: Path, tmp_path: Path) -> None:
    place = copied(folder, tmp_path)
    asked = ("verify", "a", "--data", "data.csv", "--allow-external")
    write_plan(place, *PAST, NEXT.replace("600000", "1"))
    assert tidecast(place, *asked).returncode == 0  # of days to come nothing was learned
    write_plan(place, *PAST[1:], NEXT)
    done = tidecast(place, *asked)
    assert done.returncode == 2
    assert "differs         plan" in done.stdout


@pytest.mark.parametrize("planned", ["included", "added"])
def test_forecasts_of_a_file_hold_what_is_planned_unless_they_are_said_not_to(planned: str, tmp_path: Path) -> None:
    """A file that forecasts 700,000 on every day, whatever is planned."""
    write_data(tmp_path / "data.csv")
    write_plan(tmp_path, *PAST, NEXT)
    more = "" if planned == "included" else ", planned: added"
    config = CONFIG.format(more=", planned: plan.csv").replace(
        "  - {model: smoothing}", f"  - {{model: file, path: mine.csv{more}}}"
    )
    (tmp_path / "config.yaml").write_text(config.replace("[mean, simplex]", "[mean]"))
    cutoffs = [END - 14 * k for k in range(4)]
    rows = [
        f"{uid},{cutoff + day},{cutoff},700000" for uid in ("in", "out") for cutoff in cutoffs for day in range(1, 15)
    ]
    (tmp_path / "mine.csv").write_text("unique_id,ds,cutoff,y_hat\n" + "\n".join(rows) + "\n")
    done = run(tmp_path, "a")
    assert done.returncode == 0, done.stderr
    past, ahead = tables(tmp_path, "a")
    taxed = {**TAX, "2024-07-25": 600_000} if planned == "added" else {}
    for frame in (past.xs("file", level="member"), ahead.xs("file", level="member")):
        days = frame.index.get_level_values("ds")
        wanted = [
            700_000 + (taxed.get(f"{day:%Y-%m-%d}", 0) if uid == "out" else 0)
            for uid, day in zip(frame.index.get_level_values("unique_id"), days, strict=True)
        ]
        np.testing.assert_allclose(frame["y_hat"], wanted)
    words = {
        "included": "forecasts of file are of whole amounts: what is planned is not added; set planned: added",
        "added": "forecasts of file are without what is planned, which is added",
    }[planned]
    assert words in " ".join(done.stdout.split())
    assert words in (tmp_path / "a/report.html").read_text()
    asked = ("predict", "a", "--data", "data.csv", "--allow-external", "--out", "again")
    again = tidecast(tmp_path, *asked)
    assert again.returncode == 0, again.stderr
    assert words in " ".join(again.stderr.split())
    assert (tmp_path / "again/forecast.csv").read_bytes() == (tmp_path / "a/forecast.csv").read_bytes()
