import io
from dataclasses import replace

import pytest

from cluster.execution.described import described
from cluster.request import RunRequest
from cluster.rundir.batch_file import write_batch
from cluster.rundir.store import RunStore
from cluster.screen.work import show_plan
from cluster.stages.plan_view import plan_only
from cluster.terminal.screen import Screen
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
    with pytest.raises(ConfigError, match="yuebao names no data: add --data PATH"):
        plan_only(RunRequest("yuebao", None, None, None, (), "ray"))


def of_gpus(folder, *overrides, resources=("gpus=2,gpu_memory=80,cpus=8",), run_dir=None):
    write_inputs(folder)
    inputs = str(folder / "config.yaml"), str(folder / "data.csv")
    return plan_only(RunRequest(*inputs, run_dir, None, overrides, "ray"), described(resources))


def test_a_plan_is_made_for_machines_that_are_described(tmp_path):
    found = of_gpus(tmp_path, "cluster.gpus_per_worker=0.25", resources=("gpus=2,gpu_memory=80,cpus=8", "cpus=4"))
    assert (found.slots.workers, found.slots.tasks) == (8, 4)
    assert {group.device for group in found.groups if group.family == "lstm"} == {"cuda"}
    assert len(found.workers.loads) == 8
    assert found.workers.lower_bound <= found.workers.seconds <= found.seconds
    assert 0 < found.gpu_memory <= found.slots.gpu_memory
    assert found.note is None


def test_it_is_shown_with_its_placement_bound_and_memory(tmp_path):
    said = io.StringIO()
    found = of_gpus(tmp_path, resources=("gpus=2,gpu_memory=80,cpus=8,nodes=3", "cpus=4"))
    show_plan(found, Screen(file=said, width=200))
    for part in (
        "6 LSTM workers, 22 tasks",
        "3 nodes with 8 CPUs and 2 GPU of 80 GiB: room for 2 LSTM workers on each",
        "1 node with 4 CPUs and 0 GPU: room for 0 LSTM workers on each",
        "of 79.4 that a worker's share holds",
        "; the last ends after",
        "s, however it is split into batches",
    ):
        assert part in said.getvalue()


@pytest.mark.parametrize(
    ("overrides", "resources", "said"),
    [
        (("cluster.device=cuda",), "cpus=4", "cluster.device is cuda, and no GPU was found"),
        (("cluster.cpus_per_worker=8",), "cpus=4", "the work does not fit: one worker asks for 8 CPU"),
        ((), "gpus=1,gpu_memory=0.55,cpus=4", "needs .* MiB of GPU memory, and the share of one worker holds"),
    ],
)
def test_a_plan_that_could_not_run_is_refused(tmp_path, overrides, resources, said):
    with pytest.raises(ConfigError, match=said):
        of_gpus(tmp_path, *overrides, resources=(resources,))


def test_a_configuration_for_gpus_says_what_it_costs_without_one(tmp_path):
    found = of_gpus(tmp_path, "cluster.gpus_per_worker=0.25", resources=("cpus=2",))
    assert (found.plan.device, found.slots.workers) == ("cpu", 2)
    assert found.note == (
        "no GPU was found, and cluster.gpus_per_worker asks for 0.25: 64 LSTM fits run on 2 CPU places instead, about "
        "0.01 hours in all; configs/yuebao.yaml is meant for CPUs"
    )
    for other in ("cluster.gpus_per_worker=auto", "cluster.gpus_per_worker=0"):
        assert of_gpus(tmp_path, other, resources=("cpus=2",)).note is None


def test_batches_that_a_run_trained_on_gpus_cut_what_is_left(tmp_path):
    before = of_gpus(tmp_path)
    store = RunStore(str(tmp_path / "run"))
    (trial, *_) = (t for t in before.plan.trials if t.member.model == "lstm-direct")
    work = work_of(model="lstm-direct", n_fits=4, train_seconds=500.0, device="cuda:0")
    row = result(trial.trial_key)
    write_batch(store.storage, work, [replace(row, trial=trial)])
    found = of_gpus(tmp_path, run_dir=str(tmp_path / "run"))
    (group,) = (group for group in found.groups if group.model == "lstm-direct")
    assert group.is_measured
    assert found.workers.seconds >= 500.0 > before.workers.seconds
