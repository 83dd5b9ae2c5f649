"""Newer data are read on the periods of the run that forecasts from them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cluster.stages.prediction import predict
from forecasting.errors import DataError
from tests.runs import run

pytestmark = pytest.mark.usefixtures("without_charts")

CONFIG = """
data: {kind: table, targets: {flow: 1}}
windows: {unit: day, n_windows: 2, horizon: 3}
members: [{model: seasonal-naive}, {model: weekday-median, k: 3}]
blend: {candidates: [mean]}
"""


def table(path: Path, freq: str, n: int, end: str = "2024-10-04") -> str:
    ds = pd.date_range(end=end, periods=n, freq=freq)
    pd.DataFrame({"ds": ds.strftime("%Y-%m-%d"), "flow": ds.day_of_year % 11 + 100}).to_csv(path, index=False)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("periods")
    (folder / "config.yaml").write_text(CONFIG)
    for name, freq in (("B", "B"), ("W", "W-FRI")):
        table(folder / "data.csv", freq, 150)
        done = run(folder, f"runs/{name}")
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize(("name", "freq", "n"), [("B", "B", 6), ("B", "B", 8), ("B", "B", 200), ("W", "W-FRI", 60)])
def test_data_of_the_same_periods_go_on(folder: Path, tmp_path: Path, name: str, freq: str, n: int) -> None:
    made = predict(str(folder / "runs" / name), table(tmp_path / "n.csv", freq, n, "2024-10-11"))
    after = pd.date_range("2024-10-12", periods=3, freq=freq).strftime("%Y-%m-%d").tolist()
    assert [str(day) for day in made.window.ds] == after


@pytest.mark.parametrize(
    ("name", "freq", "other", "own"),
    [
        ("B", "W-FRI", "weeks (Fridays)", "work days (Mondays, "),
        ("B", "D", "calendar days", "work days (Mondays, "),
        ("W", "W-THU", "weeks (Thursdays)", "weeks (Fridays)"),
        ("W", "B", "work days (Mondays, ", "weeks (Fridays)"),
    ],
)
def test_data_of_other_periods_are_refused(
    folder: Path, tmp_path: Path, name: str, freq: str, other: str, own: str
) -> None:
    with pytest.raises(DataError) as caught:
        predict(str(folder / "runs" / name), table(tmp_path / "n.csv", freq, 80, "2024-10-20"))
    assert f"the data are {other}" in str(caught.value)
    assert f"the run's periods are {own}" in str(caught.value)
