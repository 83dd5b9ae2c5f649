import numpy as np
import pytest

from cluster.config import parse_config
from cluster.plan import make_plan
from cluster.rundir.batch_file import write_batch
from cluster.rundir.store import RunStore
from cluster.rundir.timings import read_timings
from forecasting.models.base import State
from forecasting.schema import as_date
from forecasting.testing import make_panel
from forecasting.trial import Forecast, TrialResult
from tests.cluster.batches import work_of

RAW = {"windows": {"n_windows": 2}, "members": [{"model": "lstm-direct", "input_size": [7, 15], "seeds": 2}]}

FORECAST = Forecast("purchase", as_date("2024-05-31"), np.ones(30))


@pytest.fixture
def plan():
    return make_plan(parse_config(RAW, "x"), make_panel(), "cuda")


def put(store, trial, seconds, n_fits, device="cuda:0"):
    work = work_of(trial.trial_key, model=trial.member.model, n_fits=n_fits, train_seconds=seconds, device=device)
    write_batch(store.storage, work, [TrialResult(trial, (FORECAST,), State(), 1.0)])


def test_batches_on_gpus_are_read_one_by_one_with_the_work_of_their_setting(plan, tmp_path):
    store = RunStore(str(tmp_path))
    short, long = (next(t for t in plan.trials if t.member.settings["input_size"] == size) for size in (7, 15))
    put(store, short, 3.0, 30)
    put(store, long, 9.0, 60)
    found = read_timings(store.headers().values(), plan.members)
    assert {(t.model, t.n_fits, t.seconds): t.work for t in found.gpu} == {
        ("lstm-direct", 30, 3.0): pytest.approx(short.member.build().seconds_per_fit),
        ("lstm-direct", 60, 9.0): pytest.approx(long.member.build().seconds_per_fit),
    }
    assert found.per_fit == {("lstm-direct", "cuda"): pytest.approx(12 / 90)}


def test_batches_on_cpus_and_of_members_that_are_gone_are_none_of_them(plan, tmp_path):
    store = RunStore(str(tmp_path))
    put(store, plan.trials[0], 3.0, 30, device="cpu")
    raw = {**RAW, "members": [{"model": "lstm-direct", "input_size": 9}]}
    other = make_plan(parse_config(raw, "x"), make_panel(), "cuda")
    put(store, other.trials[0], 3.0, 30)
    assert read_timings(store.headers().values(), plan.members).gpu == ()
