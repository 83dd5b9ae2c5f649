import json
from shutil import copy

import pytest

from forecasting.digests import seal
from tests.runs import edit, run, tidecast, write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("status")
    write_inputs(folder)
    (folder / "config.yaml").write_text(
        "data: {kind: table}\nwindows: {unit: day, n_windows: 2, horizon: 7}\nrun: {max_failed_share: 0.5}\n"
        "members: [{model: seasonal-naive}, {model: seasonal-naive, season_length: 366, name: long}]\n"
    )
    assert run(folder, "runs/a").returncode == 0
    return folder


def status(folder, run_dir="runs/a"):
    return json.loads(tidecast(folder, "status", run_dir, "--json").stdout)


def test_a_finished_run_is_done_with_its_failures_and_where_to_read_on(folder):
    found = status(folder)
    assert (found["state"], found["owner"]) == ("done", None)
    assert found["families"]["naive"]["done"] == found["families"]["naive"]["planned"] == 12
    assert found["families"]["naive"]["failed"] == 2
    assert "long on purchase" in found["failures"][0]
    assert "366 are needed" in found["failures"][0]
    assert "log the driver's output" in found["failures"][0]


def test_a_run_that_was_killed_is_stopped(folder):
    (folder / "runs/b/batches").mkdir(parents=True)
    copy(folder / "runs/a/run.json", folder / "runs/b/run.json")
    edit(folder / "runs/b/run.json", lambda facts: facts.update(status="running"))
    found = status(folder, "runs/b")
    assert found["state"] == "stopped"
    assert found["families"]["naive"]["done"] == 0
    (folder / "runs/b/lease.json").write_bytes(seal(b'{"host": "elsewhere", "pid": 3}\n', "lease.json"))
    assert status(folder, "runs/b")["state"] == "running"
    assert "elsewhere, process 3" in tidecast(folder, "status", "runs/b").stdout


def test_no_run_is_a_sentence(folder):
    done = tidecast(folder, "status", "runs/none")
    assert (done.returncode, done.stdout) == (2, "")
    assert "holds no run" in done.stderr


def test_a_plan_goes_by_the_timings_of_a_run(folder):
    done = tidecast(folder, "plan", "config.yaml", "--data", "data.csv", "--run-dir", "runs/a", "--set", "seed=2")
    assert "the run's timings" in done.stdout
    assert "0 trials will be reused" in done.stdout
    assert (
        "4 trials will be reused"
        in tidecast(folder, "plan", "config.yaml", "--data", "data.csv", "--run-dir", "runs/a").stdout
    )
