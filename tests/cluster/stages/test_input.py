"""The data of a run are read once, and what they say is said before anything is written."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cluster.cli import app
from cluster.config import load_config
from cluster.pipeline import run_pipeline
from cluster.request import RunRequest
from cluster.rundir.store import RunStore
from cluster.stages.input import load_checked, load_data
from cluster.terminal.screen import Screen
from ensembles.files.run_json import RunFile
from forecasting.errors import ConfigError, DataError, UserError
from forecasting.sample.write import write_sample
from forecasting.schema import DateArray
from tests.forecasting.data.openings import Openings

CONFIG = """seed: 1
windows: {unit: day, n_windows: 2, horizon: 7}
members:
  - {model: seasonal-naive}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    write_sample(tmp_path / "data", users=60, days=90)
    return tmp_path


def test_a_run_reads_each_byte_of_a_sample_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of plain integers needs one reading; text would cost a second one, and a fault in it a third."""
    openings = Openings(monkeypatch)
    request = RunRequest(str(folder / "config.yaml"), str(folder / "data"), str(folder / "run"), None, (), "local")
    run_pipeline(request, Screen(file=io.StringIO()))
    sizes = {path.name: path.stat().st_size for path in (folder / "data").iterdir()}
    assert openings.n_bytes == sizes
    assert openings.n == dict.fromkeys(sizes, 1)


def test_forecasts_read_the_user_table_once_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config(str(folder / "config.yaml"))
    openings = Openings(monkeypatch)
    loaded = load_data(config, str(folder / "data"), None)
    assert loaded.panel.y.shape == (2, 90)
    assert openings.n_bytes["user_balance_table.csv"] == (folder / "data/user_balance_table.csv").stat().st_size


def test_an_error_among_the_findings_ends_the_run(folder: Path) -> None:
    config = load_config(str(folder / "config.yaml"))
    path = folder / "data/user_balance_table.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], lines[2], *lines[3:]]) + "\n")
    with pytest.raises(DataError, match=r"user_balance_table\.csv:4: duplicate \(user, date\) \(user .*\): keep one"):
        load_checked(config, str(folder / "data"), None)
    assert load_data(config, str(folder / "data"), None).problems == ()


@pytest.mark.parametrize(("as_of", "part"), [("soon", "not a date"), ("2015-01-01", "the data end on 2014-08-31")])
def test_impossible_as_of_is_refused(folder: Path, as_of: str, part: str) -> None:
    with pytest.raises(ConfigError, match=f"--as-of {as_of}: {part}"):
        load_data(load_config(str(folder / "config.yaml")), str(folder / "data"), as_of)
    loaded, _ = load_checked(load_config(str(folder / "config.yaml")), str(folder / "data"), "2014-08-20")
    assert str(loaded.panel.end) == "2014-08-20"


TABLE = """data: {kind: table, targets: {flow: 1.0}}
windows: {unit: day, n_windows: 2, horizon: 7}
members:
  - {model: seasonal-naive}
"""
DAYS = np.arange("2024-01-01", "2024-04-10", dtype="datetime64[D]")
SENTENCES = [
    (DAYS, "9", ["windows.unit=month"], "the data end on 2024-04-09, in mid-month"),
    (DAYS[:20], "9", [], "the data hold 20 days (2024-01-01 to 2024-01-20): no backtest window fits"),
    (DAYS[::7], "9", ["windows.unit=month"], "windows.unit is month, and the data are weeks"),
    (DAYS, "9", ["calendar=ZZ"], "calendar: 'ZZ' is not a calendar"),
    (DAYS, "-9", [], "d.csv:52: flow on 2024-02-20 is '-9', a negative amount: correct it, or set score.surrogate"),
    (
        DAYS,
        "-9",
        ["score.surrogate=wape", "data.scale=log"],
        "a negative amount: correct it, or set data.scale",
    ),
    (DAYS, "x", [], "d.csv:52: flow on 2024-02-20 is 'x', not a number"),
    (DAYS, "", [], "d.csv:52: flow on 2024-02-20 is empty, a missing amount: fill it in, or set data.missing"),
    (DAYS, "9", ["data.as_of=2020-01-01"], "d.csv: the data begin on 2024-01-01, after 2020-01-01"),
    (DAYS, "9", [], None),
    (DAYS, "-9", ["score.surrogate=wape"], None),
    (DAYS, "", ["data.missing=skip"], None),
]


@pytest.mark.parametrize(("ds", "amount", "overrides", "part"), SENTENCES)
def test_validate_refuses_what_a_run_refuses_with_its_sentence(
    tmp_path: Path, ds: DateArray, amount: str, overrides: list[str], part: str | None
) -> None:
    (tmp_path / "c.yaml").write_text(TABLE)
    lines = [f"{day},{amount if k == 50 else 100 + k % 9}" for k, day in enumerate(ds)]
    (tmp_path / "d.csv").write_text("\n".join(["ds,flow", *lines, ""]))
    asked = [text for key in overrides for text in ("--set", key)]
    said = CliRunner().invoke(app, ["validate", str(tmp_path / "d.csv"), "--config", str(tmp_path / "c.yaml"), *asked])
    if part is None:
        assert said.exit_code == 0
        assert "reads 100 days, 2024-01-01 to 2024-04-09, 1 target" in said.stdout
        assert said.stdout.splitlines()[-1].startswith("no problems found")
        return
    request = RunRequest(
        str(tmp_path / "c.yaml"), str(tmp_path / "d.csv"), str(tmp_path / "r"), None, tuple(overrides), "local"
    )
    with pytest.raises(UserError) as caught:
        run_pipeline(request, Screen(file=io.StringIO()))
    assert part in str(caught.value)
    assert isinstance(said.exception, UserError)
    assert str(said.exception) == str(caught.value)
    assert "no problems found" not in said.stdout


def test_as_of_stands_on_the_line_or_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(TABLE)
    work_days = DAYS[np.is_busday(DAYS)]
    (tmp_path / "d.csv").write_text("\n".join(["ds,flow", *(f"{day},5" for day in work_days), ""]))
    config = load_config(str(tmp_path / "c.yaml"), ["data.as_of=2024-03-08"])
    assert str(load_data(config, str(tmp_path / "d.csv"), None).panel.end) == "2024-03-08"
    assert str(load_data(config, str(tmp_path / "d.csv"), "2024-03-08").panel.end) == "2024-03-08"
    with pytest.raises(ConfigError, match=r"--as-of 2024-03-09: data\.as_of is 2024-03-08: give one of them"):
        load_data(config, str(tmp_path / "d.csv"), "2024-03-09")
    config = load_config(str(tmp_path / "c.yaml"))
    assert str(load_data(config, str(tmp_path / "d.csv"), "2024-03-10").panel.end) == "2024-03-08", "a Sunday"
    for asked in ("20240308", np.datetime64("2024-03-08").item()):
        assert str(load_data(config, str(tmp_path / "d.csv"), asked).panel.end) == "2024-03-08"
    with pytest.raises(ConfigError, match="the data end on 2024-04-09"):
        load_data(config, str(tmp_path / "d.csv"), "2024-04-10")


def test_the_horizon_is_the_most_a_series_may_lag_by(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(TABLE.replace("kind: table", "kind: panel, entity: shop"))
    rows = [f"{shop},{day},5" for shop, n in (("a", 100), ("b", 93), ("c", 92)) for day in DAYS[:n]]
    (tmp_path / "d.csv").write_text("\n".join(["shop,ds,flow", *rows, ""]))
    loaded = load_data(load_config(str(tmp_path / "c.yaml")), str(tmp_path / "d.csv"), None)
    assert [s.entity for s in loaded.panel.series] == ["a", "b"]
    assert loaded.problems[0].series.entity == "c"


def test_a_run_says_and_stores_what_it_understood(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(TABLE)
    lines = [f"{day},{100 + k % 9}.5" for k, day in enumerate(DAYS)]
    (tmp_path / "d.csv").write_text("\n".join(["ds,flow", *lines, "2024-04-10,", ""]))
    request = RunRequest(str(tmp_path / "c.yaml"), str(tmp_path / "d.csv"), str(tmp_path / "r"), None, (), "local")
    said = io.StringIO()
    run_pipeline(request, Screen(file=said, width=400))
    stored = RunStore(str(tmp_path / "r")).read(RunFile).data
    assert stored.reading is not None
    assert stored.reading.startswith("reads 100 days")
    assert (stored.freq, stored.decimals, len(stored.notes)) == ("D", 1, 1)
    assert f"tidecast: {stored.reading}\ntidecast: {stored.notes[0]}\n" in said.getvalue()
