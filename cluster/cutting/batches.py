"""From trials to batches: of a fixed size on CPUs, for the places there are on GPUs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from cluster.cutting.cost import REFERENCE_SECONDS, BatchCost, GpuCosts, GpuTiming, measured
from cluster.cutting.sizes import Group, best_sizes
from cluster.execution.resources import ClusterResources, Slots, one_process
from cluster.plan import Batch, Plan
from forecasting.errors import ConfigError
from forecasting.models.base import StackedModel
from forecasting.trial import Trial

__all__ = ["cut_batches", "gpu_groups", "gpu_memory_of"]

BATCH_SECONDS = 5.0
"""Work in one batch of models that are fitted one at a time: long against the cost of a file, short against a lost
worker."""
FIT_MARGIN = 1.3
"""Bytes of a fit on a GPU by those that its model states: a test holds the formula of the engine to 30%."""
BATCH_SHARE = 0.5
"""Part of `cluster.batch_seconds` that a batch on a GPU is expected to take at most: longer ones may be given up."""


def cut_batches(
    plan: Plan, trials: Sequence[Trial], slots: Slots | None = None, timings: Iterable[GpuTiming] = ()
) -> list[Batch]:
    """Cut trials into batches, longest first; each batch has trials of one setting of one model.

    On a GPU, stacked models are cut so that the `slots` (None: one process) end soonest, at the cost that `timings`
    show. Their batches have `fits_per_batch` fits where that is set, and on a CPU. Other models are grouped to a few
    seconds of work.

    Raises
    ------
    ConfigError
        When a worker's share of a GPU cannot hold one trial.
    """
    slots = slots or one_process(plan.config.cluster, ClusterResources(()), plan.device)
    groups, on_gpu = _groups(trials), gpu_groups(plan, trials, slots, timings)
    batches = [batch for key, group in groups.items() if key not in on_gpu for batch in _cut_group(plan, group)]
    batches += _cut_for_gpus(plan, groups, on_gpu, slots.workers)
    return sorted(batches, key=lambda batch: (-batch.cost, batch.batch_id))


def _gpu_costs(plan: Plan, slots: Slots, timings: Iterable[GpuTiming]) -> GpuCosts:
    """What a batch costs on a worker's share of a GPU: as configured, and as the run's own batches show."""
    cost = plan.config.cluster.gpu_cost
    fit = cost.fit / REFERENCE_SECONDS / (slots.gpus_per_worker or 1.0)
    expected = BatchCost(cost.batch, fit, cost.least)
    return GpuCosts(expected, measured(timings, expected))


_Setting = tuple[str, str]
"""A model and its setting: what the trials of a batch have in common."""


def gpu_groups(
    plan: Plan, trials: Sequence[Trial], slots: Slots, timings: Iterable[GpuTiming]
) -> dict[_Setting, Group]:
    """The trials that a GPU computes, as numbers to cut by, by model and setting.

    Raises
    ------
    ConfigError
        When a worker's share of a GPU cannot hold one trial.
    """
    if plan.device == "cpu":
        return {}
    costs, n_windows = _gpu_costs(plan, slots, timings), len(plan.windows.fitted)
    found = {}
    for (name, setting), group in _groups(trials).items():
        model = group[0].member.build()
        if isinstance(model, StackedModel):
            cost = costs.of(name, model.seconds_per_fit)
            found[name, setting] = Group(len(group), n_windows, _most_trials(plan, name, model, slots, cost), cost)
    return found


def _most_trials(plan: Plan, name: str, model: StackedModel, slots: Slots, cost: BatchCost) -> int:
    """Trials that a batch holds: as many as are asked for, or fit into a worker's share of memory and into the time."""
    n_windows, wanted = len(plan.windows.fitted), _wanted_fits(plan, model)
    if wanted is not None:
        return max(1, wanted // n_windows)
    one, free = gpu_memory_of(plan, model, n_windows), slots.gpu_memory or 0
    if one > free:
        raise ConfigError(
            f"a trial of {name} needs {one >> 20:,} MiB of GPU memory, and the share of one worker holds "
            f"{free >> 20:,}: raise cluster.gpus_per_worker, or use fewer windows or a smaller network"
        )
    in_time = (BATCH_SHARE * plan.config.cluster.batch_seconds - cost.batch) / (cost.fit * n_windows)
    return max(1, int(min(free // one, in_time)))


def gpu_memory_of(plan: Plan, model: StackedModel, n_fits: int) -> int:
    """Bytes of GPU memory that a batch of so many fits may take."""
    return int(FIT_MARGIN * n_fits * model.bytes_per_fit(plan.n_periods, plan.windows.max_horizon))


def _wanted_fits(plan: Plan, model: StackedModel) -> int | None:
    """Fits of a batch, where the configuration or the model says how many."""
    wanted = plan.config.cluster.fits_per_batch
    return model.fits_per_batch(plan.device) if wanted == "auto" else wanted


def _groups(trials: Iterable[Trial]) -> dict[_Setting, list[Trial]]:
    groups: dict[_Setting, list[Trial]] = defaultdict(list)
    for trial in trials:
        groups[trial.member.model, trial.member.setting].append(trial)
    return groups


def _cut_for_gpus(
    plan: Plan, groups: Mapping[_Setting, Sequence[Trial]], on_gpu: Mapping[_Setting, Group], n_workers: int
) -> Iterator[Batch]:
    """Batches of the groups on GPUs. Those of one series lie together, because seeds share its samples."""
    models = {key: groups[key][0].member.build() for key in on_gpu}
    free = [key for key, model in models.items() if isinstance(model, StackedModel) and not _wanted_fits(plan, model)]
    best = dict(zip(free, best_sizes([on_gpu[key] for key in free], n_workers), strict=True))
    for key, group in on_gpu.items():
        trials = iter(sorted(groups[key], key=lambda trial: trial.unique_id))
        for size in best.get(key, [group.most] * group.fewest):
            chunk = tuple(islice(trials, size))
            n_fits = len(chunk) * group.n_fits
            yield Batch(chunk, n_fits, plan.device, stacked=True, cost=group.cost.seconds(n_fits))


def _cut_group(plan: Plan, group: Sequence[Trial]) -> Iterator[Batch]:
    """Batches of a group on CPUs."""
    model, n_windows = group[0].member.build(), len(plan.windows.fitted)
    stacked = isinstance(model, StackedModel)
    seconds = model.seconds_per_fit * n_windows * plan.series_per_trial(group[0])
    if isinstance(model, StackedModel):
        size = max(1, (_wanted_fits(plan, model) or 1) // n_windows)
    else:
        size = max(1, int(BATCH_SECONDS / seconds))
    for chunk in _chunks(group, size):
        yield Batch(chunk, len(chunk) * n_windows, "cpu", stacked, seconds * len(chunk))


def _chunks(trials: Sequence[Trial], size: int) -> Iterator[tuple[Trial, ...]]:
    remaining = iter(trials)
    while chunk := tuple(islice(remaining, size)):
        yield chunk
