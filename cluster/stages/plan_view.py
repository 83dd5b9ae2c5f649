"""`tidecast plan`: what a run would do on this machine. Starts nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.execution.resources import Slots, choose_device, local_resources, slots_for
from cluster.plan import Batch, Plan, cut_batches, make_plan
from cluster.request import RunRequest
from cluster.rundir.status import seconds_per_fit
from cluster.rundir.store import RunStore
from cluster.stages.input import load_data
from forecasting.errors import ConfigError
from forecasting.panel import Panel

__all__ = ["BatchGroup", "PlanView", "plan_only"]


@dataclass(frozen=True)
class BatchGroup:
    """Batches of one model on one device. `most_fits`: of one batch; `seconds` of CPU, measured by a run or guessed."""

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
    """What `tidecast plan` shows. `groups`: the work left, in the order of its batches; `n_reused` trials are done."""

    plan: Plan
    panel: Panel
    groups: tuple[BatchGroup, ...]
    slots: Slots
    n_reused: int

    @property
    def n_places(self) -> int:
        """Batches that can run at a time."""
        slots = self.slots
        return max(1, slots.workers if slots.shared else slots.workers + slots.tasks)

    @property
    def seconds(self) -> float:
        """Wall seconds of training when all places are busy."""
        return sum(group.seconds for group in self.groups) / self.n_places


def plan_only(request: RunRequest) -> PlanView:
    """What a run would do on this machine, with the timings of `run_dir` if there is one.

    Raises
    ------
    UserError
        As a run does before it starts.
    """
    config = request.read_config()
    if request.source is None:
        raise ConfigError("a plan needs the data: add --data PATH")
    panel = load_data(config, request.source, request.as_of).panel
    resources = local_resources(config)
    device = choose_device(config.cluster, resources.gpus)
    plan = make_plan(config, panel, device)
    store = None if request.run_dir is None else RunStore(request.run_dir)
    stored = {} if store is None else store.trials()
    missing = [trial for trial in plan.trials if trial.trial_key not in stored]
    groups = _groups(cut_batches(plan, missing), {} if store is None else seconds_per_fit(store))
    slots = slots_for(config.cluster, resources, device)
    return PlanView(plan, panel, groups, slots, len(plan.trials) - len(missing))


def _groups(batches: Sequence[Batch], timings: Mapping[tuple[str, str], float]) -> tuple[BatchGroup, ...]:
    found: dict[tuple[str, str, str], list[Batch]] = defaultdict(list)
    for batch in batches:
        found[batch.family, batch.trials[0].member.model, batch.device].append(batch)
    return tuple(_group(*key, group, timings.get(key[1:])) for key, group in found.items())


def _group(family: str, model: str, device: str, batches: Sequence[Batch], per_fit: float | None) -> BatchGroup:
    fits = [batch.n_fits for batch in batches]
    seconds = sum(batch.cost for batch in batches) if per_fit is None else per_fit * sum(fits)
    return BatchGroup(family, model, device, len(batches), sum(fits), max(fits), seconds, per_fit is not None)
