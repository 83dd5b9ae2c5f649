"""Why a day is forecast as it is, through the real command line: sums are exact whatever the data are."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.api import open_run, sample
from ensembles.explanation.explanation import PARTS
from forecasting.errors import ConfigError
from tests.ensembles.explanation.planted import planted
from tests.runs import Done, run, tidecast

pytestmark = pytest.mark.usefixtures("without_charts")

MEMBERS = """
windows: {unit: day, n_windows: 3, horizon: 9}
members: [{model: seasonal-naive}, {model: weekday-median, k: 3}, {model: calendar-level}]
blend: {candidates: [mean]}
"""
DAYS = 150
HORIZON = "windows.horizon=31"
EFFECTS = ("level", "weekday", "holiday", "event")
WITHIN = 0.1


def amounts(rng: np.random.Generator, ds: pd.DatetimeIndex, size: float = 1e4) -> np.ndarray:
    week = np.array([1.3, 1.1, 1.0, 1.0, 1.1, 0.6, 0.5])[ds.day_of_week]
    return size * week * np.exp(np.cumsum(rng.normal(0, 0.01, len(ds))) + rng.normal(0, 0.1, len(ds)))


def wide(folder: Path, freq: str = "D", decimals: int = 2, kind: str = "", n: int = DAYS) -> str:
    """Two targets; `kind` signed: of either sign; closed: nothing flows at weekends, and once a month in the second."""
    rng, ds = np.random.default_rng(3), pd.date_range("2024-01-01", periods=n, freq=freq)
    flows = {name: amounts(rng, ds) for name in ("money_in", "out")}
    if kind == "signed":
        flows = {name: y - 0.8 * y.mean() for name, y in flows.items()}
    if kind == "closed":
        flows = {name: np.where(ds.day_of_week < 5, y, 0.0) for name, y in flows.items()}
        flows["out"] = np.where(ds.day == 25, flows["out"].mean(), 0.0)
    frame = pd.DataFrame({"ds": ds.strftime("%Y-%m-%d"), **{k: y.round(decimals) for k, y in flows.items()}})
    frame.to_csv(folder / "data.csv", index=False)
    return "data: {kind: table, targets: {money_in: 0.5, out: 0.5}}"


def panel(folder: Path) -> str:
    rng, ds = np.random.default_rng(3), pd.date_range("2024-01-01", periods=DAYS)
    parts = []
    for fund in ("north", "=south", "zero"):
        y = {name: amounts(rng, ds, 1e5).round(1) for name in ("buy", "sell")}
        y = y if fund != "zero" else dict.fromkeys(y, 0.0)
        parts.append(pd.DataFrame({"entity": fund, "ds": ds.strftime("%Y-%m-%d"), **y}))
    pd.concat(parts).to_csv(folder / "data.csv", index=False)
    return "data: {kind: panel, entity: entity, targets: {buy: 0.5, sell: 0.5}}\nscore: {surrogate: wape}"


def long(folder: Path) -> str:
    rng, ds = np.random.default_rng(3), pd.date_range("2024-01-01", periods=DAYS)
    frames = [
        pd.DataFrame({"unique_id": uid, "ds": ds.strftime("%Y-%m-%d"), "y": amounts(rng, ds, 1e-7)}) for uid in "ab"
    ]
    pd.concat(frames).to_csv(folder / "data.csv", index=False)
    return "data: {kind: panel, targets: {y: 1}}"


def planned_amounts(folder: Path) -> str:
    """As `wide`, with a tax that was paid, one to come, and a judgement."""
    config = wide(folder)
    frame = pd.read_csv(folder / "data.csv")
    frame.loc[frame["ds"] == "2024-05-15", "out"] += 90000
    frame.to_csv(folder / "data.csv", index=False)
    rows = [
        "date,series,amount,kind,note,author",
        "2024-05-15,out,90000,,tax,",
        "2024-06-03,out,75000.50,,tax,",
        "2024-06-04,money_in,-1000,adjust,a strike,ann",
    ]
    (folder / "planned.csv").write_text("\n".join(rows) + "\n")
    return config.replace("targets:", "planned: planned.csv, targets:")


CASES: dict[str, Callable[[Path], str]] = {
    "days": wide,
    "whole": lambda folder: wide(folder, decimals=0),
    "work days": lambda folder: wide(folder, "B") + "\ncalendar: DE",
    "weeks": lambda folder: wide(folder, "W-SUN"),
    "signed": lambda folder: wide(folder, kind="signed") + "\nscore: {surrogate: wape}",
    "closed": lambda folder: wide(folder, kind="closed") + "\nscore: {surrogate: wape}",
    "short": lambda folder: wide(folder, n=52),
    "planned": planned_amounts,
    "panel": panel,
    "long": long,
}


def made(folder: Path, config: str, run_dir: str = "r", *arguments: str) -> Done:
    (folder / "config.yaml").write_text(config + MEMBERS)
    done = run(folder, run_dir, *arguments)
    assert done.returncode == 0, done.stderr
    return done


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def check_sums(folder: Path) -> list[dict[str, str]]:
    """The parts of every row of why.csv add up to forecast.csv, in its last decimal; gives the rows."""
    rows = read(folder / "why.csv")
    suffix = "_cny" if "forecast_cny" in rows[0] else ""
    forecast = {(row.get("entity"), row["date"]): row for row in read(folder / "forecast.csv")}
    for row in rows:
        stated = forecast[row.get("entity"), row["date"]][row["target"] + suffix]
        assert sum((Decimal(row[part + suffix]) for part in PARTS), Decimal()) == Decimal(stated)
        assert row[f"forecast{suffix}"] == stated
    return rows


@pytest.mark.parametrize("name", CASES)
def test_parts_add_up_to_every_forecast_in_its_last_decimal(tmp_path: Path, name: str) -> None:
    made(tmp_path, CASES[name](tmp_path), "r", "--set", "run.keep=none")
    rows = check_sums(tmp_path / "r")
    n_series = len({(row.get("entity"), row["target"]) for row in rows})
    assert len(rows) == 9 * n_series
    assert n_series == {"panel": 6}.get(name, 2)
    assert any(Decimal(row["weekday"]) for row in rows) == (name != "weeks")
    done = tidecast(tmp_path, "explain", "r")
    assert done.returncode == 0, done.stderr
    assert "learned by the members" in done.stdout
    assert tidecast(tmp_path, "verify", "r").returncode == 0


def test_the_competition_s_amounts_are_explained_in_cny(tmp_path: Path) -> None:
    sample(tmp_path / "data", users=30)
    (tmp_path / "config.yaml").write_text("data: {kind: yuebao}\n" + MEMBERS)
    done = tidecast(
        tmp_path,
        "run",
        "config.yaml",
        "--data",
        "data",
        "--run-dir",
        "r",
        "--executor",
        "local",
        "--as-of",
        "2014-07-31",
    )
    assert done.returncode == 0, done.stderr
    rows = check_sums(tmp_path / "r")
    assert {row["target"] for row in rows} == {"purchase", "redeem"}
    assert all(len(row["level_cny"].partition(".")[2]) == 2 for row in rows)
    assert "CNY" in tidecast(tmp_path, "explain", "r").stdout


def test_planted_effects_are_found_by_a_run(tmp_path: Path) -> None:
    case = planted(9)
    history = case.history
    frame = pd.DataFrame({"ds": history.ds.astype(str), "y": history.y.round(2)})
    frame.to_csv(tmp_path / "data.csv", index=False)
    pd.DataFrame(history.calendar.events, columns=["ds", "name"]).to_csv(tmp_path / "events.csv", index=False)
    made(tmp_path, "data: {kind: table, targets: {y: 1}, events: events.csv}\ncalendar: DE", "r", "--set", HORIZON)
    rows = check_sums(tmp_path / "r")
    level, weekday, holiday, event = (np.array([float(row[name]) for row in rows]) for name in EFFECTS)
    before = level + weekday
    known = [np.exp(b - a) - 1 for a, b in zip(case.steps, case.steps[1:], strict=False)]
    big = np.abs(known[0]) > 0.1
    assert np.abs(weekday / level - known[0])[big] == pytest.approx(0.0, abs=WITHIN * np.abs(known[0][big]).mean())
    assert (holiday / before)[case.is_holiday] == pytest.approx(known[1][case.is_holiday], rel=WITHIN)
    rest = before + np.array([float(row["holiday"]) + float(row["month"]) + float(row["yearly"]) for row in rows])
    assert (event / rest)[case.is_event] == pytest.approx(known[2][case.is_event], rel=WITHIN)
    assert case.is_holiday.sum() == case.is_event.sum() == 1
    said = tidecast(tmp_path, "explain", "r", "--day", str(case.ds[case.is_event][0])).stdout
    assert "promotion" in said


def test_what_is_planned_stands_apart(tmp_path: Path) -> None:
    made(tmp_path, planned_amounts(tmp_path))
    rows = {(row["target"], row["date"]): row for row in check_sums(tmp_path / "r")}
    assert rows["out", "2024-06-03"]["planned"] == "75000.50"
    assert rows["money_in", "2024-06-04"]["adjust"] == "-1000.00"
    assert [row["planned"] for row in rows.values()].count("0.00") == len(rows) - 1
    assert float(rows["out", "2024-06-05"]["level"]) < 20000
    assert float(rows["out", "2024-06-05"]["one_week_before"]) < 20000


def test_a_day_without_flow_is_taken_back_by_activity(tmp_path: Path) -> None:
    made(tmp_path, wide(tmp_path, kind="closed") + "\nscore: {surrogate: wape}")
    rows = [row for row in check_sums(tmp_path / "r") if row["target"] == "money_in"]
    weekend = [pd.Timestamp(row["date"]).day_of_week >= 5 for row in rows]
    assert sum(weekend) == 2
    for row, off in zip(rows, weekend, strict=True):
        calendar = sum(float(row[part]) for part in PARTS[: PARTS.index("activity")])
        assert float(row["activity"]) == pytest.approx(-calendar if off else 0.0, abs=0.05)
        assert calendar > 1e3


def test_the_same_data_again_have_the_same_explanation(tmp_path: Path) -> None:
    made(tmp_path, panel(tmp_path))
    done = tidecast(tmp_path, "predict", "r", "--data", "data.csv", "--out", "next")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "next/why.csv").read_bytes() == (tmp_path / "r/why.csv").read_bytes()
    check_sums(tmp_path / "next")
    facts = json.loads((tmp_path / "next/prediction.json").read_text())
    assert "why.csv" in facts["files"]
    again = tidecast(tmp_path, "explain", "r", "--data", "data.csv", "--json")
    assert json.loads(again.stdout) == json.loads(tidecast(tmp_path, "explain", "r", "--json").stdout)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("why")
    made(folder, wide(folder), "r", "--set", "run.keep=none")
    return folder


def test_the_table_shows_the_first_day_of_the_largest_series_and_all_days(finished: Path) -> None:
    rows = [row for row in read(finished / "r/why.csv") if row["target"] == "money_in"]
    said = tidecast(finished, "explain", "r", "--series", "money_in").stdout
    assert rows[0]["date"] in said
    assert "9 days" in said
    for column in ("forecast", "level", "weekday", "learned"):
        assert f"{float(rows[0][column]):,.2f}" in said
        assert f"{sum(Decimal(row[column]) for row in rows):,.2f}" in said
    assert rows[0]["one_week_before_date"] in said
    assert f"{float(rows[0]['four_weeks_before']):,.2f}" in said


def test_another_day_and_series_can_be_asked_for(finished: Path) -> None:
    row = read(finished / "r/why.csv")[-1]
    said = tidecast(finished, "explain", "r", "--day", row["date"], "--series", "out").stdout
    assert row["date"] in said
    assert f"{float(row['learned']):,.2f}" in said
    found = json.loads(tidecast(finished, "explain", "r", "--day", row["date"], "--json").stdout)
    assert [series["unique_id"] for series in found["series"]] == ["money_in", "out"]
    assert all([day["ds"] for day in series["days"]] == [row["date"]] for series in found["series"])
    assert found["series"][1]["days"][0]["parts"]["learned"] == float(row["learned"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--day", "2024-05-29"), ("--day 2024-05-29", "2024-05-30 to 2024-06-07")),
        (("--day", "soon"), ("--day soon", "2024-05-30 to 2024-06-07")),
        (("--series", "in"), ("--series in", "money_in, out")),
        (("--allow-external",), ("--data",)),
        (("--data", "data.csv"), ("kept no fitted states", "run.keep=blend")),
    ],
)
def test_what_there_is_not_is_said_in_a_sentence(finished: Path, arguments: tuple[str, ...], words: tuple[str]) -> None:
    done = tidecast(finished, "explain", "r", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert all(word in done.stderr for word in words)


def test_a_run_that_is_not_finished_is_said(tmp_path: Path) -> None:
    done = tidecast(tmp_path, "explain", "nothing")
    assert done.returncode == 2
    assert "holds no finished run" in done.stderr


def test_a_frame_holds_the_parts_in_the_users_own_names(finished: Path) -> None:
    found = open_run(finished / "r").explain()
    rows = read(finished / "r/why.csv")
    assert list(found.columns[:4]) == ["unique_id", "ds", "forecast", "level"]
    assert len(found) == len(rows) == 18
    assert found["learned"].tolist() == [float(row["learned"]) for row in rows]
    assert found["one_week_before"].tolist() == pytest.approx([float(row["one_week_before"]) for row in rows])
    one = open_run(finished / "r").explain(series="out", day=found["ds"][3])
    assert one[["unique_id", "ds"]].to_numpy().tolist() == [["out", found["ds"][3]]]
    with pytest.raises(ConfigError, match="take one of its series"):
        open_run(finished / "r").explain(series="nowhere")


def test_the_report_shows_the_parts_and_makes_them_again(finished: Path) -> None:
    before = (finished / "r/why.csv").read_bytes()
    (finished / "r/why.csv").unlink()
    assert tidecast(finished, "report", "r").returncode == 0
    assert (finished / "r/why.csv").read_bytes() == before
    assert 'id="why"' in (finished / "r/report.html").read_text()
