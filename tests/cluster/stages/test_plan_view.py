import pytest

from cluster.request import RunRequest
from cluster.rundir.batch_file import write_batch
from cluster.rundir.store import RunStore
from cluster.stages.plan_view import plan_only
from forecasting.errors import ConfigError
from tests.cluster.batches import work_of
from tests.cluster.rundir.test_batch_file import result
from tests.runs import write_inputs


def view(folder, run_dir=None):
    write_inputs(folder)
    return plan_only(
        RunRequest(str(folder / "config.yaml"), str(folder / "data.csv"), run_dir, None, ("cluster.device=cpu",), "ray")
    )


def test_the_work_is_grouped_by_model(tmp_path):
    found = view(tmp_path)
    assert sum(group.n_fits for group in found.groups) == found.plan.n_fits == 104
    assert {group.model: group.n_fits for group in found.groups}["lstm-direct"] == 64
    assert not any(group.is_measured for group in found.groups)
    assert found.n_reused == 0
    work = sum(group.seconds for group in found.groups)
    assert found.workers is found.tasks, "on CPUs all share the places"
    assert sum(load.seconds for load in found.workers.loads) == pytest.approx(work)
    assert work / found.slots.workers <= found.lower_bound * (1 + 1e-9) <= found.seconds * (1 + 2e-9)


def test_timings_and_trials_of_a_run_are_used(tmp_path):
    trial = next(t for t in view(tmp_path).plan.trials if t.member.model == "seasonal-naive")
    store = RunStore(str(tmp_path / "run"))
    work = work_of(n_fits=4, train_seconds=8.0)
    write_batch(store.storage, work, [result(trial.trial_key)])
    found = view(tmp_path, str(tmp_path / "run"))
    assert found.n_reused == 1
    (group,) = (group for group in found.groups if group.model == "seasonal-naive")
    assert (group.is_measured, group.n_fits, group.seconds) == (True, 4, 8.0)


def test_a_plan_needs_data():
    with pytest.raises(ConfigError, match="a plan needs the data"):
        plan_only(RunRequest("demo", None, None, None, (), "ray"))
