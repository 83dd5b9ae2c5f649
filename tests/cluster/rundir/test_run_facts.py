import json

import pytest

from cluster.config import parse_config
from cluster.plan import make_plan
from cluster.rundir.run_facts import RunOrigin, begin_run, end_run, find_run, finished_run, judged_run
from cluster.rundir.status import read_status
from cluster.rundir.store import RunStore
from ensembles.files.run_json import DataFacts
from forecasting.data.quality.finding import Finding
from forecasting.errors import StorageError
from forecasting.testing import make_panel

FINDING = Finding("gap", "warning", 1, "data.csv:3", "2024-01-03", "nothing to do")
ORIGIN = RunOrigin(
    "mine.yaml",
    "local",
    DataFacts(fingerprint="abc", path="data.csv", start="2024-01-01", end="2024-06-30", series=2),
    (("2024-06-01", "sale"),),
    [FINDING],
)
END = {"trials": 2, "failed": 0, "reproducible": True, "seconds": {"train": 1.0}}


@pytest.fixture
def store(tmp_path):
    return RunStore(str(tmp_path))


def begin(store, before=None):
    plan = make_plan(
        parse_config({"windows": {"n_windows": 1}, "members": [{"model": "weekday-mean"}]}, "x"), make_panel(), "cpu"
    )
    begin_run(store, plan, ORIGIN, before)


def test_a_run_that_began_says_what_it_is(store):
    assert find_run(store) is None
    begin(store)
    run = find_run(store)
    assert (run.status, run.done, run.config_name, run.device) == ("running", False, "mine.yaml", "cpu")
    assert run.planned_fits == {"naive": 4}
    assert run.quality == (FINDING,)
    assert run.environment.libraries["numpy"]
    assert json.loads(store.storage.read("run.json"))["events"] == [["2024-06-01", "sale"]]


def test_a_run_keeps_its_beginning_when_it_goes_on(store):
    begin(store)
    before = find_run(store).model_copy(update={"created": "2020-01-01T00:00:00+0000"})
    begin(store, before)
    end_run(store, "done", **END)
    store.write_result("why.csv", b"day")
    store.seal()
    run = finished_run(store)
    assert run.created == "2020-01-01T00:00:00+0000"
    assert (run.done, run.trials, run.reproducible, dict(run.seconds)) == (True, 2, True, {"train": 1.0})
    assert run.finished


def test_an_unfinished_run_is_one_sentence(store):
    sentence = "holds no finished run: run it to its end first"
    for ask in (finished_run, judged_run):
        with pytest.raises(StorageError, match=sentence):
            ask(store)
    begin(store)
    for ask in (finished_run, judged_run):
        with pytest.raises(StorageError, match=sentence):
            ask(store)


def test_a_failed_run_with_a_leaderboard_can_be_reported(store):
    begin(store)
    end_run(store, "failed", **END)
    store.write_result("leaderboard.json", b"{}")
    store.seal()
    assert judged_run(store).status == "failed"
    with pytest.raises(StorageError, match="holds no finished run"):
        finished_run(store)


def test_a_run_that_stopped_while_it_wrote_its_results_is_unfinished_and_not_damaged(store):
    begin(store)
    end_run(store, "done", **END)
    store.storage.write("leaderboard.json", b"{}")
    for ask in (finished_run, judged_run):
        with pytest.raises(StorageError, match="holds no finished run"):
            ask(store)
    assert read_status(store).state == "stopped"
    store.list_result("leaderboard.json")
    store.seal()
    assert (finished_run(store).done, read_status(store).state) == (True, "done")


def test_a_damaged_file_is_named(store):
    store.storage.write("run.json", b"{")
    with pytest.raises(StorageError, match=r"run.json is damaged"):
        find_run(store)
