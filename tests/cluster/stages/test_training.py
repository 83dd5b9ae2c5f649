import io
import json

import pytest

from cluster.config import parse_config
from cluster.execution.executors.local import LOCAL
from cluster.plan import make_plan
from cluster.rundir.lease import Lease
from cluster.rundir.machine import Machine
from cluster.rundir.store import RunStore
from cluster.stages import training
from cluster.stages.training import train
from cluster.terminal.screen import Screen
from forecasting.errors import StorageError
from forecasting.testing import make_panel
from tests.cluster.batches import report_of

CONFIG = parse_config({"windows": {"n_windows": 1}, "members": [{"model": "weekday-mean", "k": [2, 3]}]}, "x")


@pytest.fixture
def trained(tmp_path):
    """Train one configuration after another in one directory; gives what was said each time."""
    store, panel = RunStore(str(tmp_path)), make_panel()

    def trained(config):
        said = io.StringIO()
        with Lease(store.storage, print) as lease, LOCAL.connect(config) as session:
            plan = make_plan(config, panel, session.device)
            assert train(plan, panel, store, lease.token, session, Screen(file=said, width=200)) == []
        return said.getvalue()

    return store, trained


def test_only_what_is_missing_is_trained(trained):
    store, train_again = trained
    assert train_again(CONFIG).startswith("tidecast: trains 8 fits in 2 batches, 1 batch at a time\n")
    assert len(store.trials()) == 4
    assert "4 trials reused, 0 to train, 0 no longer in the configuration" in train_again(CONFIG)
    edited = parse_config({"windows": {"n_windows": 1}, "members": [{"model": "weekday-mean", "k": [2, 4]}]}, "x")
    assert "2 trials reused, 2 to train, 2 no longer in the configuration" in train_again(edited)
    lines = [json.loads(line) for line in store.storage.read("events.jsonl").splitlines()]
    assert sum(line["n_trials"] for line in lines) == 6


def test_batches_that_came_back_are_noted_when_training_breaks_off(trained, monkeypatch):
    store, train_again = trained
    calls = []

    def work(batch, context, device):
        calls.append(batch)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return really_work(batch, context, device)

    from cluster.execution.executors import local

    really_work = local.work
    monkeypatch.setattr(local, "work", work)
    with pytest.raises(KeyboardInterrupt):
        train_again(CONFIG)
    assert len(store.storage.read("events.jsonl").splitlines()) == len(store.headers()) == 1


class Waits(Machine):
    def __init__(self):
        self.sleeps = 0

    def sleep(self, seconds):
        self.sleeps += 1


@pytest.mark.parametrize("late", [0, 5, 10_000])
def test_batches_that_are_listed_late_are_waited_for(trained, monkeypatch, late):
    """Network storage lists on this machine what another one has stored after a while."""
    store, _ = trained
    monkeypatch.setattr(
        training, "batch_files", lambda storage: ["batches/b1.parquet"] if machine.sleeps >= late else []
    )
    machine = Waits()
    if late < training.SEEN_LATE:
        training._wait_until_seen(store, [report_of("b1")], machine)
        assert machine.sleeps == late
    else:
        with pytest.raises(StorageError, match="does not list batches that workers stored"):
            training._wait_until_seen(store, [report_of("b1")], machine)


def test_a_configuration_for_gpus_says_once_what_it_costs_without_one(trained):
    _, train_again = trained
    member = {"model": "lstm-direct", "input_size": 7, "hidden_size": 4, "epochs": 1}
    raw = {"windows": {"n_windows": 1}, "members": [member], "cluster": {"gpus_per_worker": 0.25}}
    said = train_again(parse_config(raw, "x"))
    assert said.startswith(
        "tidecast: no GPU was found, and cluster.gpus_per_worker asks for 0.25: 4 LSTM fits run on 1 "
    )
    assert said.count("no GPU") == 1
    assert "no GPU" not in train_again(parse_config(raw, "x")), "nothing is left to train"
