"""Runs on a table alone, and configurations from pipes, with ~ and with a key twice."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest

from cluster import api
from cluster.request import RunRequest
from forecasting.errors import ConfigError, SeriesLeftOut
from tests.runs import tidecast, write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")

QUICK = ("--executor", "local", "--set", "members=[{model: weekday-median}]")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_inputs(tmp_path, days=120)
    return tmp_path


def test_a_table_alone_runs_and_its_configuration_gives_the_same(folder: Path) -> None:
    done = tidecast(folder, "run", "data.csv", "--horizon", "7", "--unit", "EUR", "--save-config", "my.yaml", *QUICK)
    assert done.returncode == 0, done.stderr
    for said in (
        "no configuration: it is inferred from data.csv",
        "dates: ds",
        "forecast: purchase and redeem, weighted equally",
        "windows: judged on 4 x 7 days",
        "score: points a day",
        "the configuration is in my.yaml",
        "in EUR",
    ):
        assert f"tidecast: {said}" in done.stderr or said in done.stderr, said
    again = tidecast(folder, "run", "my.yaml", "--data", "data.csv", "--executor", "local", "--run-dir", "runs/again")
    assert again.returncode == 0, again.stderr
    first, second = (folder / "runs" / name / "forecast.csv" for name in ("data", "again"))
    assert first.read_bytes() == second.read_bytes()
    facts = json.loads((folder / "runs/data/run.json").read_text())
    assert facts["config_name"] == "data.csv"
    assert any("inferred from data.csv" in note for note in facts["data"]["notes"])


def test_a_frame_a_parquet_file_and_a_csv_give_the_same_bytes(folder: Path) -> None:
    frame = pd.read_csv(folder / "data.csv", parse_dates=["ds"])
    frame.to_parquet(folder / "table.parquet")
    overrides = ["members=[{model: weekday-median}]"]
    for name, data in {"frame": frame, "parquet": folder / "table.parquet", "csv": folder / "data.csv"}.items():
        api.run(data, run_dir=folder / name, executor="local", quiet=True, overrides=overrides)
    made = {(folder / name / "forecast.csv").read_bytes() for name in ("frame", "parquet", "csv")}
    assert len(made) == 1


def test_a_preset_and_a_horizon_change_a_configuration(folder: Path) -> None:
    asked = ("--data", "data.csv", "--horizon", "5", "--preset", "fast", "--calendar", "NO")
    plan = tidecast(folder, "plan", "config.yaml", *asked)
    assert plan.returncode == 0, plan.stderr
    assert "lstm" not in plan.stdout
    for option, key in (("--target", "purchase"), ("--save-config", "x.yaml")):
        refused = tidecast(folder, "run", "config.yaml", "--data", "data.csv", option, key)
        assert refused.returncode == 2
        assert len(refused.stderr.splitlines()) == 1
        assert option in refused.stderr


def test_two_data_are_one_too_many(folder: Path) -> None:
    done = tidecast(folder, "run", "data.csv", "--data", "other.csv")
    assert (done.returncode, done.stderr) == (
        2,
        "tidecast: data.csv: holds data, and --data other.csv names others: give one configuration and one data\n",
    )


def test_a_configuration_from_a_pipe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (folder / "config.yaml").read_text()
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    done = tidecast(folder, "plan", "-", "--data", "data.csv")
    assert done.returncode == 0, done.stderr
    monkeypatch.setattr("sys.stdin", io.StringIO("date,flow\n"))
    done = tidecast(folder, "run", "-", "--data", "data.csv")
    assert done.returncode == 2
    assert "standard input: holds no keys" in done.stderr


def test_a_key_given_twice_is_refused_with_both_lines(folder: Path) -> None:
    (folder / "twice.yaml").write_text("seed: 1\nwindows:\n  unit: day\n  horizon: 7\n  unit: month\nmembers: []\n")
    done = tidecast(folder, "run", "twice.yaml", "--data", "data.csv")
    assert (done.returncode, done.stderr) == (
        2,
        "tidecast: twice.yaml: unit stands twice, on lines 3 and 5: remove one\n",
    )
    done = tidecast(folder, "run", "data.csv", "--set", "members=[{model: a, model: b}]")
    assert "model stands twice" in done.stderr


def test_home_is_understood_in_every_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    done = tidecast(folder, "run", "~/config.yaml", "--data=~/data.csv", "--run-dir=~/mine", *QUICK)
    assert done.returncode == 0, done.stderr
    assert tidecast(folder, "leaderboard", "~/mine").returncode == 0
    assert (folder / "mine/forecast.csv").exists()


def test_a_preset_is_no_configuration(folder: Path) -> None:
    done = tidecast(folder, "run", "presets/panel-fast", "--data", "data.csv")
    assert done.returncode == 2
    assert "is a preset, which says nothing of the data: add --preset fast" in done.stderr


def test_a_table_alone_is_checked(folder: Path) -> None:
    done = tidecast(folder, "validate", "data.csv")
    assert done.returncode == 0, done.stderr
    assert "forecast: purchase and redeem" in done.stdout + done.stderr
    (folder / "data.csv").write_text("a,b\n1,2\n")
    assert tidecast(folder, "validate", "data.csv").returncode == 2


def test_the_competitions_folder_needs_no_configuration_either(tmp_path: Path) -> None:
    api.sample(tmp_path / "sample", users=50)
    request = RunRequest(str(tmp_path / "sample"), None, None, None, (), "local")
    assert (request.config_name, request.directory) == ("demo", "runs/demo")
    assert request.read_config().data.kind == "yuebao"
    assert "holds the competition's tables" in request.said[0]


def test_data_and_configuration_in_the_wrong_place(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"demo is a configuration, and data come first: write run\(config='demo'\)"):
        api.run("demo")
    with pytest.raises(ConfigError, match=r"write run\(config='.*config.yaml'\)"):
        api.run(folder / "config.yaml")
    with pytest.raises(ConfigError, match="config is a DataFrame: give data first"):
        api.run("data.csv", pd.DataFrame())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="run\\(\\) has no option 'horizons': it has unit, levels, run_dir"):
        api.run(folder / "data.csv", horizons=3)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="a level is a whole number above 50 and below 100"):
        api.run(folder / "data.csv", levels=[50])


def test_levels_are_those_asked_for_and_series_left_out_are_warned_of(folder: Path) -> None:
    frame = pd.read_csv(folder / "data.csv", parse_dates=["ds"])[["ds", "purchase"]]
    broken = frame.assign(fund="broken", purchase=frame["purchase"].where(frame.index != 50))
    panel = pd.concat([frame.assign(fund="sound"), broken])
    options = {"levels": [80], "run_dir": folder / "run", "executor": "local", "quiet": True}
    overrides = ["members=[{model: weekday-median}]"]
    with pytest.warns(SeriesLeftOut, match=r"broken/purchase is left out: .* on 2024-02-20 is empty"):
        run = api.run(panel, overrides=overrides, **options)
    assert set(run.forecast()["fund"]) == {"sound"}
    assert [c for c in run.forecast() if c[0] == "q"] == ["q10", "q50", "q90"]
    assert api.evaluate(run) is not None
    assert len(api.predict(run, panel)) == 14


def test_a_table_is_checked_with_the_options_of_a_run(folder: Path) -> None:
    done = tidecast(folder, "validate", "data.csv", "--calendar", "DE", "--target", "redeem", "--unit", "EUR")
    assert done.returncode == 0, done.stderr
    assert "forecast: redeem\n" in done.stdout
    assert "in EUR, calendar DE" in done.stdout


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.limits.minimum=5", "tidecast: data: limits need a balance to begin with: give data.balance too"),
        (
            "data.planned=none.csv",
            "tidecast: none.csv: there is no such file or folder: check the path given as data.planned",
        ),
    ],
)
def test_what_is_missing_is_told_with_its_key(folder: Path, override: str, said: str) -> None:
    done = tidecast(folder, "run", "data.csv", "--set", override, *QUICK)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()
