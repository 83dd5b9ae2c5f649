"""`tidecast plan`: what a run would do on this machine, or on machines that are described. Starts nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.cutting.batches import cut_batches, gpu_groups, gpu_memory_of
from cluster.cutting.schedule import Outlook, loads
from cluster.cutting.sizes import lower_bound
from cluster.execution.resources import ClusterResources, Slots, choose_device, free_memory, local_resources, slots_for
from cluster.plan import Batch, Plan, check_memory, check_windows, make_plan
from cluster.request import RunRequest
from cluster.rundir.store import RunStore
from cluster.rundir.timings import RunTimings, read_timings
from cluster.stages.input import load_checked
from cluster.terminal.words import counted
from forecasting.models.base import StackedModel
from forecasting.panel import Panel
from forecasting.trial import Trial

__all__ = ["BatchGroup", "PlanView", "plan_only", "view_of", "without_gpu"]


@dataclass(frozen=True)
class BatchGroup:
    """Batches of one model on one device. `most_fits`: of one batch; `seconds` of a worker, measured by a run or
    guessed.
    """

    family: str
    model: str
    device: str
    n_batches: int
    n_fits: int
    most_fits: int
    seconds: float
    is_measured: bool


@dataclass(frozen=True)
class PlanView:
    """What `tidecast plan` shows. `groups`: the work left, in the order of its batches; `n_reused` trials are done.

    `workers` and `tasks`: when LSTM batches and the others end; the same where they share their places. `gpu_memory`:
    bytes of the largest batch on a GPU. `note`: what is unusual.
    """

    plan: Plan
    panel: Panel
    groups: tuple[BatchGroup, ...]
    slots: Slots
    n_reused: int
    workers: Outlook
    tasks: Outlook
    gpu_memory: int | None = None
    note: str | None = None

    @property
    def seconds(self) -> float:
        """Wall seconds of training."""
        return max(self.workers.seconds, self.tasks.seconds)

    @property
    def lower_bound(self) -> float:
        """Wall seconds that no way of cutting the work could beat."""
        return max(self.workers.lower_bound, self.tasks.lower_bound)


def plan_only(request: RunRequest, described: ClusterResources | None = None) -> PlanView:
    """What a run would do on the machines `described`, else on this one, with the timings of `run_dir` if there is one.

    Raises
    ------
    UserError
        As a run does before it starts.
    """
    config = request.read_config()
    resources = local_resources(config) if described is None else described
    device = choose_device(config.cluster, resources.gpus)
    with request.data_path() as source:
        panel = load_checked(config, source, request.as_of)[0].panel
    check_memory(config, panel, check_windows(config, panel), free_memory() if described is None else None)
    plan = make_plan(config, panel, device)
    store = None if request.run_dir is None else RunStore(request.run_dir)
    timings = RunTimings() if store is None else read_timings(store.headers().values(), plan.members)
    stored = {} if store is None else store.trials()
    missing = [trial for trial in plan.trials if trial.trial_key not in stored]
    return view_of(plan, panel, missing, slots_for(config.cluster, resources, device), timings)


def view_of(plan: Plan, panel: Panel, missing: Sequence[Trial], slots: Slots, timings: RunTimings) -> PlanView:
    """How the trials that are `missing` would be trained on these places.

    Raises
    ------
    ConfigError
        When they cannot be placed.
    """
    batches = cut_batches(plan, missing, slots, timings.gpu)
    slots.check(any(batch.stacked for batch in batches), any(not batch.stacked for batch in batches))
    measured = {(model, device) for model, device in timings.per_fit if device == "cpu"}
    measured |= {(timing.model, plan.device) for timing in timings.gpu}
    groups = _batch_groups(batches, timings.per_fit, measured)
    workers, tasks = _outlooks(plan, missing, batches, slots, timings)
    memory = [_gpu_memory(plan, batch) for batch in batches if batch.device != "cpu"]
    note, n_reused = without_gpu(plan, batches, slots), len(plan.trials) - len(missing)
    return PlanView(plan, panel, groups, slots, n_reused, workers, tasks, max(memory, default=None), note)


def without_gpu(plan: Plan, batches: Sequence[Batch], slots: Slots) -> str | None:
    """A sentence on a configuration for GPUs that runs on CPUs, with the hours to expect; None for any other."""
    cluster, fits = plan.config.cluster, sum(batch.n_fits for batch in batches if batch.stacked)
    if plan.device != "cpu" or cluster.device != "auto" or cluster.gpus_per_worker in ("auto", 0) or not fits:
        return None
    workers, tasks = _outlooks(plan, (), batches, slots, RunTimings())
    hours = max(workers.seconds, tasks.seconds, 36.0) / 3600
    return (
        f"no GPU was found, and cluster.gpus_per_worker asks for {cluster.gpus_per_worker:g}: {fits:,} LSTM fits run "
        f"on {counted(slots.n_places, 'CPU places')} instead, about {hours:.{1 if hours >= 1 else 2}f} hours in all; "
        "configs/yuebao.yaml is meant for CPUs"
    )


def _outlooks(
    plan: Plan, missing: Sequence[Trial], batches: Sequence[Batch], slots: Slots, timings: RunTimings
) -> tuple[Outlook, Outlook]:
    """When the workers end, and when the tasks do."""
    per_fit = timings.per_fit
    if slots.shared:
        all_of_them = _on_cpus(batches, slots.n_places, per_fit)
        return all_of_them, all_of_them
    stacked, plain = ([b for b in batches if b.stacked is kind] for kind in (True, False))
    tasks = _on_cpus(plain, slots.tasks, per_fit)
    if plan.device == "cpu":
        return _on_cpus(stacked, slots.workers, per_fit), tasks
    groups = gpu_groups(plan, missing, slots, timings.gpu)
    bound = lower_bound(tuple(groups.values()), slots.workers)
    return Outlook(loads((batch.cost for batch in stacked), slots.workers), bound), tasks


def _on_cpus(batches: Sequence[Batch], n_places: int, per_fit: Mapping[tuple[str, str], float]) -> Outlook:
    seconds = [_seconds(batch, per_fit) for batch in batches]
    trials = (all_of_it / len(batch.trials) for batch, all_of_it in zip(batches, seconds, strict=True))
    bound = max(sum(seconds) / max(1, n_places), max(trials, default=0.0))
    return Outlook(loads(seconds, n_places), bound)


def _seconds(batch: Batch, per_fit: Mapping[tuple[str, str], float]) -> float:
    """Seconds of a worker: a GPU's cost is that of its batches, and a CPU's that of fits."""
    one = per_fit.get((batch.trials[0].member.model, batch.device)) if batch.device == "cpu" else None
    return batch.cost if one is None else one * batch.n_fits


def _gpu_memory(plan: Plan, batch: Batch) -> int:
    model = batch.trials[0].member.build()
    assert isinstance(model, StackedModel), "no other model has batches on a GPU"
    return gpu_memory_of(plan, model, batch.n_fits)


def _batch_groups(
    batches: Sequence[Batch], per_fit: Mapping[tuple[str, str], float], measured: set[tuple[str, str]]
) -> tuple[BatchGroup, ...]:
    found: dict[tuple[str, str, str], list[Batch]] = defaultdict(list)
    for batch in batches:
        found[batch.family, batch.trials[0].member.model, batch.device].append(batch)
    return tuple(
        BatchGroup(
            *(family, model, device, len(group), sum(b.n_fits for b in group), max(b.n_fits for b in group)),
            sum(_seconds(b, per_fit) for b in group),
            (model, device) in measured,
        )
        for (family, model, device), group in found.items()
    )
