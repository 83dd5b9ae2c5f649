"""The program from Python: the notebook's ten lines, frames in and out, and a user's own members in the blend."""

import doctest
import json
import logging
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from cluster import api
from forecasting.errors import ConfigError, DataError, StorageError, TrialError
from forecasting.models import plugins
from forecasting.models.base import Settings, State
from forecasting.testing import check_model
from tests.runs import write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")

CONFIG = {
    "data": {"targets": {"purchase": 0.45, "redeem": 0.55}},
    "windows": {"unit": "day", "n_windows": 3, "horizon": 10},
    "members": [{"model": "weekday-median"}, {"model": "calendar-level"}],
}
LOCAL = {"executor": "local", "quiet": True}


def frame(days=120, cycle=10):
    """Two series that repeat every `cycle` days, which no built-in member looks for."""
    ds = pd.date_range("2024-01-01", periods=days)
    random = np.random.default_rng(0)
    parts = []
    for uid, size in (("purchase", 1e6), ("redeem", 2e6)):
        shape = np.array([0.4, 1.6, 0.7, 1.3, 1.0, 0.5, 1.5, 0.8, 1.2, 1.0])[:cycle]
        y = size * shape[np.arange(days) % cycle] * random.uniform(0.98, 1.02, 200)[:days]
        parts.append(pd.DataFrame({"unique_id": uid, "ds": ds, "y": y.round()}))
    return pd.concat(parts, ignore_index=True)


class CycleSettings(Settings):
    pass


class TenDays:
    """The last ten days again."""

    family = "mine"
    version = 1
    libraries = ()
    seeded = False
    seconds_per_fit = 0.001
    settings_type = CycleSettings

    def __init__(self, settings):
        self.settings = settings

    def fit(self, task):
        if len(task.history.y) < 10:
            raise TrialError("ten days of history are needed")
        return State()

    def predict(self, state, history, ds):
        return history.y[-10:][((ds - history.cutoff).astype(int) - 1) % 10]


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(plugins, "_registered", {})
    api.register("ten-days", TenDays)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return api.run(frame(), CONFIG, run_dir=str(tmp_path_factory.mktemp("api") / "run"), **LOCAL)


def test_the_ten_lines_of_a_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(api)
    assert (results.failed, results.attempted) == (0, 10)


def test_a_run_gives_its_tables_as_frames(finished):
    board = finished.leaderboard()
    assert {"blend", "naive", "calendar"} <= set(board["family"])
    ahead = finished.forecast()
    assert list(ahead["ds"].unique()) == list(pd.date_range("2024-04-30", periods=10))
    assert (ahead["q10"] <= ahead["q50"]).all()
    assert set(finished.forecast(None)["member"]) == {"blend", "calendar-level", "weekday-median"}
    oof = finished.oof()
    assert oof.groupby("cutoff").size().tolist() == [20, 20, 20]
    actual = frame().merge(oof, on=["unique_id", "ds"])
    assert (actual["y_x"] == actual["y_y"]).all()
    with pytest.raises(ConfigError, match="no member nobody"):
        finished.forecast("nobody")


def test_a_notebook_shows_a_run_and_its_leaderboard(finished):
    shown = finished._repr_html_()
    page = ElementTree.fromstring(f"<div>{shown}</div>")
    head, *rows = page.findall(".//tr")
    windows = [
        window["start"] for window in json.loads(Path(finished.run_dir, "leaderboard.json").read_text())["windows"]
    ]
    assert [cell.text for cell in head] == [None, "family", "score", *windows, "seeds", "mean ± sd"]
    blend = finished.leaderboard().query("family == 'blend'")["score"].item()
    assert [cell.text for row in rows for cell in row.findall("td/b")][:3] == ["blend", "blend", f"{blend:.2f}"]
    days = finished.forecast()["ds"]
    assert f"10 days, {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}" in shown
    assert "<table" in finished.leaderboard()._repr_html_()


def test_a_script_that_set_up_logging_gets_records_and_others_stderr(tmp_path, monkeypatch, caplog, capsys):
    monkeypatch.chdir(tmp_path)
    asked = {"config": CONFIG, "executor": "local"}
    with caplog.at_level(logging.INFO, logger="tidecast"):
        api.run(frame(), run_dir=tmp_path / "logged", **asked)
    said = [record.getMessage() for record in caplog.records if record.name == "tidecast"]
    assert any(message.startswith("plans the work") for message in said)
    assert any("fits trained in" in message for message in said)
    assert capsys.readouterr() == ("", "")
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="tidecast"):
        api.run(frame(), run_dir=tmp_path / "quiet", quiet=True, **asked)
    assert (caplog.records, capsys.readouterr()) == ([], ("", ""))
    with caplog.at_level(logging.WARNING, logger="tidecast"):  # whatever another test has set up
        made = api.run(frame(), run_dir=tmp_path / "shown", seed=9, **asked)
    assert made.facts["config"]["seed"] == 9
    out, err = capsys.readouterr()
    assert out == ""
    assert "tidecast: plans the work" in err


def test_a_run_is_opened_again_and_forecasts_newer_frames(finished):
    again = api.open_run(finished.run_dir)
    pd.testing.assert_frame_equal(again.forecast(), finished.forecast())
    pd.testing.assert_frame_equal(again.predict(frame()), finished.forecast())
    assert again.predict(frame(130))["ds"].min() == pd.Timestamp("2024-05-10")
    with pytest.raises(StorageError, match="holds no finished run"):
        api.open_run(finished.run_dir + "/batches")


def test_a_run_that_would_not_fit_into_memory_begins_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("cluster.pipeline.free_memory", lambda: 10 << 20)
    with pytest.raises(ConfigError, match=r"2 series with 2 members need about 0\.2 GB of memory"):
        api.run(frame(), CONFIG, run_dir=str(tmp_path / "run"), **LOCAL)
    assert not (tmp_path / "run").exists()


def test_a_picture_has_what_was_and_what_comes(finished):
    figure = finished.plot("redeem")
    lines = [r.data_source.data for r in figure.renderers if r.name]
    assert [r.name for r in figure.renderers if r.name] == ["actual", "blend", "blend", "blend", "forecast"]
    np.testing.assert_array_equal(lines[-1]["y"], finished.forecast().query("unique_id == 'redeem'")["y_hat"])
    assert finished.plot().title.text == "purchase"
    with pytest.raises(ConfigError, match="no series nothing"):
        finished.plot("nothing")


def test_frames_become_panels_and_come_back():
    before = frame(40).iloc[5:].assign(rate=1.5)
    panel = api.to_panel(before, ["purchase", "redeem"], calendar=None, past=["rate"])
    assert panel.unique_ids == ("purchase", "redeem")
    assert np.isnan(panel.y[0, :5]).all() == (len(panel.ds) == 40)
    pd.testing.assert_frame_equal(api.to_frame(panel), before.reset_index(drop=True), check_dtype=False)
    single = api.to_panel(frame(30).query("unique_id == 'redeem'").assign(unique_id="fund-7"), {"flow": 1.0})
    assert [(s.entity, s.target) for s in single.series] == [("fund-7", "flow")]
    with pytest.raises(DataError, match="the frame: there is no column for y among unique_id, ds"):
        api.to_panel(before[["unique_id", "ds"]], ["purchase"])


def test_a_run_on_a_table_forecasts_from_a_wide_frame(tmp_path):
    write_inputs(tmp_path, days=100)
    config = CONFIG | {"data": {"kind": "table"}}
    run = api.run(tmp_path / "data.csv", config, run_dir=str(tmp_path / "run"), **LOCAL)
    pd.testing.assert_frame_equal(run.predict(tmp_path / "data.csv"), run.forecast())
    table = pd.read_csv(tmp_path / "data.csv", parse_dates=["ds"])
    pd.testing.assert_frame_equal(api.predict(run, table.set_index("ds")), run.forecast())
    with pytest.raises(DataError, match="there is no column for purchase among unique_id, ds, y"):
        run.predict(frame())


def weights(run):
    blend = json.loads(run._store.storage.read("blend.json"))
    return {m["member"]: m["weight"] for m in blend["targets"]["redeem"]["members"]}


def test_a_users_model_keeps_the_contract():
    check_model(TenDays)


def test_a_users_model_wins_weight_when_it_is_good(tmp_path, registered):
    config = CONFIG | {"members": [*CONFIG["members"], {"model": "ten-days"}], "blend": {"candidates": ["greedy"]}}
    run = api.run(frame(), config, run_dir=str(tmp_path / "good"), **LOCAL)
    assert weights(run)["ten-days"] > 0.9
    assert run.leaderboard().query("member == 'ten-days'")["score"].item() > 9
    pd.testing.assert_frame_equal(run.predict(frame()), run.forecast())
    weekly = api.run(frame(119, 7), config, run_dir=str(tmp_path / "bad"), **LOCAL)
    assert weights(weekly)["ten-days"] < 0.1


def test_a_registered_model_is_not_sent_to_workers_that_do_not_know_it(registered):
    with pytest.raises(ConfigError, match="'ten-days' is registered in this process"):
        api.run(frame(), CONFIG | {"members": [{"model": "ten-days"}]}, quiet=True)


def test_forecasts_from_a_file_join_the_blend_and_win_it_when_they_are_good(tmp_path):
    y = frame(140).set_index(["unique_id", "ds"])["y"]
    rows = [
        {"unique_id": uid, "ds": ds, "cutoff": cutoff, "y_hat": y[uid, ds] * 1.01}
        for uid in ("purchase", "redeem")
        for cutoff in pd.to_datetime(["2024-03-30", "2024-04-09", "2024-04-19", "2024-04-29"])
        for ds in pd.date_range(cutoff + pd.Timedelta(days=1), periods=10)
    ]
    path = tmp_path / "mine.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    config = CONFIG | {"members": [*CONFIG["members"], {"model": "file", "path": str(path)}]}
    run = api.run(frame(), config, run_dir=str(tmp_path / "run"), **LOCAL)
    assert weights(run)["file"] > 0.9
    assert run.leaderboard().query("member == 'file'")["family"].item() == "file"
    path.unlink()
    with pytest.raises(StorageError, match=r"members.\d.path \(.*mine.csv\): add --allow-external"):
        run.predict(frame())
    pd.testing.assert_frame_equal(run.predict(frame(), allow_external=True), run.forecast())
    with pytest.raises(
        DataError, match=r"purchase, .* cannot be forecast from 2024-05-09 by file: .*mine.csv: no such file"
    ):
        run.predict(frame(130), allow_external=True)
