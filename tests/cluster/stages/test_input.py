"""The data of a run are read once, and what they say is said before anything is written."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from cluster.config import load_config
from cluster.pipeline import run_pipeline
from cluster.request import RunRequest
from cluster.stages.input import load_checked, load_data
from forecasting.errors import ConfigError, DataError
from forecasting.sample.write import write_sample
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
    run_pipeline(request, Console(file=io.StringIO()))
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
