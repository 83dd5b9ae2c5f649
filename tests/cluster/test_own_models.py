"""Runs with a user's own model that misbehaves, and what a run leaves behind in the process it ran in."""

import copy
import pickle
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from cluster import api
from cluster.execution import worker
from forecasting.errors import ConfigError, StorageError
from forecasting.models import plugins
from forecasting.models.base import State
from tests.own_models import Median
from tests.runs import write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")

LOCAL = {"executor": "local", "quiet": True}


class Ends(Median):
    """Leaves the program, with a text that UTF-8 cannot hold."""

    def fit(self, task):
        sys.exit("enough \ud800")

    def predict(self, state, history, ds):
        return np.ones(len(ds))


class Writes(Ends):
    """Makes all amounts it is given the same."""

    def fit(self, task):
        task.history.y[:] = 1.0
        return State()


class Unmarked(Ends):
    def fingerprint(self):
        raise OSError("no such share")


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(plugins, "_registered", {})
    write_inputs(tmp_path, 100)
    return str(tmp_path / "data.csv")


def keys(*models):
    members = [{"model": model} for model in ("weekday-median", *models)]
    return {
        "data": {"kind": "table"},
        "windows": {"unit": "day", "n_windows": 2, "horizon": 7},
        "run": {"max_failed_share": 0.9},
        "members": members,
    }


def test_a_model_that_ends_the_program_or_writes_to_its_input_is_a_row_and_disturbs_no_other(data, tmp_path):
    api.register("ends", Ends)
    api.register("writes", Writes)
    alone = api.run(data, keys(), run_dir=tmp_path / "alone", **LOCAL)
    beside = api.run(data, keys("ends", "writes"), run_dir=tmp_path / "beside", **LOCAL)
    rows = beside.leaderboard().set_index("member")
    assert rows.loc["ends", "status"] == rows.loc["writes", "status"] == "failed"
    assert r"SystemExit: enough \ud800" in rows.loc["ends", "reason"]
    assert "read-only" in rows.loc["writes", "reason"]
    before, after = (run.oof("weekday-median")[["y_hat", "y"]] for run in (alone, beside))
    assert before.equals(after)


def test_a_fingerprint_that_fails_is_a_sentence(data, tmp_path):
    api.register("unmarked", Unmarked)
    with pytest.raises(ConfigError, match="model unmarked: OSError: no such share in its fingerprint"):
        api.run(data, keys("unmarked"), run_dir=tmp_path / "run", **LOCAL)


def test_a_run_can_be_copied_and_sent_to_another_process(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = api.run(data, keys(), run_dir="run", **LOCAL)
    copies = pickle.loads(pickle.dumps(run)), copy.deepcopy(run)
    monkeypatch.chdir("/")
    assert all(run.forecast().equals(one.forecast()) for one in copies)


def blas_threads():
    from threadpoolctl import threadpool_info

    return {pool["filepath"]: pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_a_run_gives_the_threads_of_numerical_libraries_back(data, tmp_path):
    from threadpoolctl import threadpool_limits

    with threadpool_limits(2):
        api.run(data, keys(), run_dir=tmp_path / "run", **LOCAL)
        assert set(blas_threads().values()) == {2}


def test_the_last_of_several_threads_gives_them_back(monkeypatch):
    calls: list[str] = []

    @contextmanager
    def limit(n_threads):
        calls.append(f"limited to {n_threads}")
        yield
        calls.append("given back")

    monkeypatch.setattr(worker, "limit_threads", limit)
    first_is_in, second_is_in = threading.Event(), threading.Event()

    def first():
        with worker.limited_threads(1):
            first_is_in.set()
            second_is_in.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    first_is_in.wait(10)
    with worker.limited_threads(1):
        second_is_in.set()
        thread.join()
        assert calls == ["limited to 1"]
    assert calls == ["limited to 1", "given back"]


def test_what_is_no_place_no_number_and_no_list_is_a_sentence(data):
    with pytest.raises(StorageError, match="NUL character"):
        api.run(data, keys(), run_dir="a\0b", **LOCAL)
    with pytest.raises(ConfigError, match="horizon True: it is no whole number"):
        api.run(data, keys(), horizon=True, **LOCAL)
    with pytest.raises(ConfigError, match="3 is neither a text nor a list of texts"):
        api.run(data, keys(), overrides=3, **LOCAL)
