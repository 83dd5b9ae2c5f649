"""What the batches in a run directory took: by that, a run that continues is planned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from cluster.cutting.cost import GpuTiming
from cluster.plan import Plan
from cluster.rundir.batch_file import BatchHeader
from cluster.rundir.store import RunStore

__all__ = ["RunTimings", "read_timings"]


@dataclass(frozen=True)
class RunTimings:
    """`per_fit`: seconds of a fit by (model, kind of device), over all batches. `gpu`: single batches on GPUs."""

    per_fit: dict[tuple[str, str], float] = field(default_factory=dict)
    gpu: tuple[GpuTiming, ...] = ()


def read_timings(store: RunStore, plan: Plan) -> RunTimings:
    """Timings in a run directory, for the members that the plan has."""
    headers = tuple(store.headers().values())
    return RunTimings(_per_fit(headers), _on_gpus(headers, plan))


def _per_fit(headers: Sequence[BatchHeader]) -> dict[tuple[str, str], float]:
    groups: dict[tuple[str, str], list[BatchHeader]] = defaultdict(list)
    for batch in headers:
        groups[batch.model, _kind(batch)].append(batch)
    fits = {key: sum(batch.n_fits for batch in batches) for key, batches in groups.items()}
    return {
        key: sum(batch.train_seconds for batch in batches) / fits[key] for key, batches in groups.items() if fits[key]
    }


def _on_gpus(headers: Sequence[BatchHeader], plan: Plan) -> tuple[GpuTiming, ...]:
    """Batches have one setting each: their first trial says which."""
    found = [(batch.trials[0].member_id, batch) for batch in headers if batch.trials and _kind(batch) == "cuda"]
    names = {name for name, _ in found}
    work = {m.member_id: m.build().seconds_per_fit for m in plan.members if m.member_id in names}
    return tuple(
        GpuTiming(batch.model, work[name], batch.n_fits, batch.train_seconds) for name, batch in found if name in work
    )


def _kind(batch: BatchHeader) -> str:
    return batch.device.partition(":")[0]
