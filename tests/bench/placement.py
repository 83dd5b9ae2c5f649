"""Where LSTM batches would go on GPUs, and when that ends: the table in cluster/README.md.

    python -m tests.bench.placement

Pure planning: nothing is trained, and no GPU is needed. The costs of batches are those that `cluster.gpu_cost` assumes.
`before` is the same work in the batches of the time when a batch was what half of a whole GPU's memory holds, whatever
the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from cluster.config import load_config, parse_config
from cluster.cutting.batches import gpu_groups
from cluster.cutting.schedule import loads
from cluster.cutting.sizes import Group
from cluster.execution.resources import CONTEXT, ClusterResources, Node, Slots, slots_for
from cluster.plan import Plan, make_plan
from cluster.rundir.timings import RunTimings
from cluster.stages.plan_view import PlanView, view_of
from forecasting.calendar import Calendar
from forecasting.models.base import StackedModel
from forecasting.panel import Panel, Series
from forecasting.schema import DateArray

CASES = ("yuebao", "local-gpu", "1,000 funds")
GPUS, SHARES = (1, 2, 4, 8), (1, 4)
MEMORY = 80 << 30
CPUS = 128
FUNDS = {
    "data": {"kind": "panel"},
    "windows": {"unit": "day", "n_windows": 4, "horizon": 14},
    "members": [{"model": "lstm-direct", "input_size": [7, 15, 30], "seeds": 8}],
}
HEAD = (
    "configuration", "GPUs × workers", "LSTM fits", "batches", "end, s", "÷ bound", "before, s", "above the mean, s",
    "one trial, s", "GiB of share", "fits an hour",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One configuration on one machine; `one_trial`: seconds of the longest. `before`: seconds of the old cut."""

    case: str
    gpus: int
    per_gpu: int
    view: PlanView
    before: float
    one_trial: float

    @property
    def n_fits(self) -> int:
        return sum(group.n_fits for group in self.view.groups if group.device == "cuda")

    @property
    def above_mean(self) -> float:
        """Seconds that the busiest worker works longer than the mean one."""
        return self.view.workers.seconds - self.view.workers.mean

    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        workers, slots = self.view.workers, self.view.slots
        n_batches = sum(load.n_batches for load in workers.loads)
        used, held = (self.view.gpu_memory or 0) / 2**30, (slots.gpu_memory or 0) / 2**30
        return (
            self.case, f"{self.gpus} × {self.per_gpu}", f"{self.n_fits:,}", f"{n_batches}", f"{workers.seconds:.1f}",
            f"{workers.seconds / workers.lower_bound:.2f}", f"{self.before:.1f}", f"{self.above_mean:.1f}",
            f"{self.one_trial:.1f}", f"{used:.1f} of {held:.1f}", f"{3600 * self.n_fits / workers.seconds:,.0f}",
        )  # fmt: skip


def competition() -> Panel:
    """Two series of fourteen months of days, as the competition has them."""
    ds = np.arange("2013-07-01", "2014-09-01", dtype="datetime64[D]")
    return _panel(ds, tuple(Series(target) for target in ("purchase", "redeem")))


def funds(n: int) -> Panel:
    """`n` funds with two targets and a year of days."""
    ds = np.arange("2025-01-01", "2026-01-01", dtype="datetime64[D]")
    return _panel(ds, tuple(Series(target, f"f{k}") for k in range(n) for target in ("purchase", "redeem")))


def _panel(ds: DateArray, series: tuple[Series, ...]) -> Panel:
    shape = (len(series), len(ds))
    y = np.random.default_rng(0).integers(1, 1000, shape).astype(float)
    return Panel(ds, series, y, np.zeros((*shape, 0)), (), Calendar("CN"))


@cache
def plan_of(case: str) -> tuple[Plan, Panel]:
    """The plan of a case on GPUs, with its data."""
    if case == CASES[-1]:
        config, panel = parse_config(FUNDS, "funds"), funds(1_000)
    else:
        config, panel = load_config(case, ()), competition()
    return make_plan(config, panel, "cuda"), panel


def groups_on(case: str, gpus: int, per_gpu: int) -> list[Group]:
    """The LSTM trials of a case, as numbers to cut by."""
    plan, slots = _on(case, gpus, per_gpu)
    return list(gpu_groups(plan, plan.trials, slots, ()).values())


def on(case: str, gpus: int, per_gpu: int) -> Row:
    """A case on a machine with so many GPUs, each with so many workers."""
    plan, slots = _on(case, gpus, per_gpu)
    groups = gpu_groups(plan, plan.trials, slots, ())
    view = view_of(plan, plan_of(case)[1], plan.trials, slots, RunTimings())
    before = loads(_before(plan, groups), slots.workers)[0].seconds
    return Row(case, gpus, per_gpu, view, before, max(group.seconds(1) for group in groups.values()))


def _on(case: str, gpus: int, per_gpu: int) -> tuple[Plan, Slots]:
    plan, _ = plan_of(case)
    cluster = plan.config.cluster.model_copy(update={"gpus_per_worker": 1 / per_gpu})
    plan = replace(plan, config=plan.config.model_copy(update={"cluster": cluster}))
    return plan, slots_for(cluster, ClusterResources((Node(CPUS, gpus, MEMORY),)), "cuda")


def _before(plan: Plan, groups: Mapping[tuple[str, str], Group]) -> Iterator[float]:
    """Seconds of the batches of the old cut."""
    members = {(member.model, member.setting): member for member in plan.members}
    for key, group in groups.items():
        model = members[key].build()
        assert isinstance(model, StackedModel)
        fits = max(16, int(0.5 * (MEMORY - CONTEXT) / model.bytes_per_fit(500, 31)))
        size = max(1, fits // group.n_fits)
        for start in range(0, group.n_trials, size):
            yield group.seconds(min(size, group.n_trials - start))


def rows() -> list[Row]:
    """Every case on every machine."""
    return [on(case, gpus, per_gpu) for case in CASES for gpus in GPUS for per_gpu in SHARES]


def table(found: Iterable[Row]) -> str:
    """The rows as Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in found)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> None:
    print(table(rows()))


if __name__ == "__main__":
    main()
