"""What the batches in a run directory took: by that, a run that continues is planned."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cluster.cutting.cost import GpuTiming
from cluster.rundir.batch_file import BatchHeader
from forecasting.trial import Member

__all__ = ["RunTimings", "read_timings"]


@dataclass(frozen=True)
class RunTimings:
    """`per_fit`: seconds of a fit by (model, kind of device), over all batches. `gpu`: single batches on GPUs."""

    per_fit: dict[tuple[str, str], float] = field(default_factory=dict)
    gpu: tuple[GpuTiming, ...] = ()


def read_timings(batches: Iterable[BatchHeader], members: Sequence[Member]) -> RunTimings:
    """Timings of the batches in a run directory; on GPUs, of batches of these members."""
    headers = tuple(batches)
    return RunTimings(_per_fit(headers), _on_gpus(headers, members))


def _per_fit(headers: Sequence[BatchHeader]) -> dict[tuple[str, str], float]:
    groups: dict[tuple[str, str], list[BatchHeader]] = defaultdict(list)
    for batch in headers:
        groups[batch.model, _kind(batch)].append(batch)
    fits = {key: sum(batch.n_fits for batch in batches) for key, batches in groups.items()}
    return {
        key: sum(batch.train_seconds for batch in batches) / fits[key] for key, batches in groups.items() if fits[key]
    }


def _on_gpus(headers: Sequence[BatchHeader], members: Sequence[Member]) -> tuple[GpuTiming, ...]:
    """Batches have one setting each: their first trial says which."""
    found = [(batch.trials[0].member_id, batch) for batch in headers if batch.trials and _kind(batch) == "cuda"]
    found = [(name, batch) for name, batch in found if batch.n_fits > 0 and 0 < batch.train_seconds < math.inf]
    names = {name for name, _ in found}
    work = {m.member_id: m.build().seconds_per_fit for m in members if m.member_id in names}
    return tuple(
        GpuTiming(batch.model, work[name], batch.n_fits, batch.train_seconds) for name, batch in found if name in work
    )


def _kind(batch: BatchHeader) -> str:
    return batch.device.partition(":")[0]
