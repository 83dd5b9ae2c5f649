import sys
from pathlib import Path

import pytest

from cluster.config import parse_config
from cluster.execution.registry import executor_named
from cluster.plan import make_plan
from cluster.request import RunRequest
from cluster.rundir.run_facts import begin_run, find_run
from cluster.rundir.store import RunStore
from cluster.stages.checks import check_device, check_directory, check_timeline, origin_of
from forecasting.data.loaded import Loaded
from forecasting.errors import ConfigError, StorageError
from forecasting.models import cuda_driver
from forecasting.models.lstm.engine import training
from forecasting.testing import make_panel

CONFIG = parse_config({"windows": {"n_windows": 1}, "members": [{"model": "weekday-mean"}]}, "x")
REQUEST = RunRequest("x", "s3://key:secret@bucket/data?region=x", None, None, (), "local")


@pytest.fixture
def store(tmp_path):
    """A directory in which a run began on the days of `make_panel` but the last."""
    store, panel = RunStore(str(tmp_path)), make_panel()
    panel = panel.until(panel.end - 1)
    begin_run(store, make_plan(CONFIG, make_panel(), "cpu"), origin_of(REQUEST, Loaded(panel), []), None)
    return store


def test_a_run_goes_on_with_the_same_data(store, tmp_path):
    panel = make_panel()
    assert check_directory(store, panel.until(panel.end - 1), pytest.fail) == find_run(store)
    assert check_directory(RunStore(str(tmp_path / "new")), panel, pytest.fail) is None


def test_other_data_are_refused(store):
    with pytest.raises(StorageError, match=r"holds a run on other data \(.* to .*\): choose another run directory"):
        check_directory(store, make_panel(), print)


def test_another_processor_is_noted(store, monkeypatch):
    monkeypatch.setattr("cluster.stages.checks.processor", lambda: "an abacus")
    panel, said = make_panel(), []
    check_directory(store, panel.until(panel.end - 1), said.append)
    assert said[0].startswith("this run began on ")


def test_a_job_needs_a_place_that_stays(monkeypatch):
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    with pytest.raises(StorageError, match="the working directory of a job is thrown away"):
        check_directory(RunStore("runs/here"), make_panel(), print)


def test_what_is_stored_of_the_request_holds_no_secret():
    origin = origin_of(REQUEST, Loaded(make_panel()), [])
    assert (origin.data.path, origin.data.series) == ("s3://bucket/data", 2)


def test_a_timeline_is_tried_before_the_run(tmp_path):
    check_timeline(executor_named("local"), None)
    check_timeline(executor_named("ray"), tmp_path / "times" / "t.json")
    assert (tmp_path / "times" / "t.json").read_bytes() == b"[]"
    with pytest.raises(ConfigError, match=r"executor local writes no timeline: .* run with --executor ray"):
        check_timeline(executor_named("local"), tmp_path / "t.json")


CUDA = {"members": [{"model": "lstm-direct", "input_size": 7}], "cluster": {"device": "cuda"}}


@pytest.mark.parametrize("name", ["local", "ray"])
def test_cuda_is_refused_before_anything_starts_where_this_machine_has_no_gpu(name, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(cuda_driver, "LIBRARY", "libno-such-driver.so")
    monkeypatch.setattr(cuda_driver, "AMD", Path("no such device"))
    monkeypatch.setattr(training, "find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it would fail
    with pytest.raises(ConfigError, match=r"cluster\.device is cuda, and no GPU was found"):
        check_device(parse_config(CUDA, "x"), executor_named(name))
    check_device(parse_config({**CUDA, "cluster": {}}, "x"), executor_named(name))


def test_a_cluster_is_asked_for_its_gpus_when_it_is_joined(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    check_device(parse_config(CUDA, "x"), executor_named("ray"))
