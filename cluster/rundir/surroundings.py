"""What there is on this machine, and what a run without further words would use of it. Starts nothing."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from cluster.rundir.machine import usable_cores
from cluster.rundir.run_facts import LIBRARIES, processor
from cluster.versions import installed
from forecasting.models import built_in_models
from forecasting.models.base import UsesGpu
from forecasting.places.uri import without_secrets

__all__ = ["surroundings"]

GIB = 1 << 30


def surroundings() -> Iterator[tuple[str, str]]:
    """Name and value of each fact, those that take a moment last."""
    yield "tidecast", f"{installed('tidecast')}, Python {platform.python_version()}, {platform.platform(terse=True)}"
    versions = {name: installed(name) for name in LIBRARIES}
    yield "libraries", ", ".join(f"{name} {version or 'not installed'}" for name, version in versions.items())
    n_cpus = usable_cores()
    yield "CPU", f"{n_cpus} of {os.cpu_count()}, {processor()}"
    free = shutil.disk_usage(Path.cwd())
    yield (
        "disk",
        f"{free.free / GIB:.1f} GiB free of {free.total / GIB:.1f} GiB in {Path.cwd()}, where runs/ is written",
    )
    address = os.environ.get("RAY_ADDRESS", "").strip()
    has_ray, joins = versions["ray"] is not None, address not in ("", "local")
    ray = f"the cluster at {without_secrets(address)}" if joins else f"one of its own, on {n_cpus} CPUs of this machine"
    yield "Ray", ray if has_ray else "not installed: give --executor local"
    gpus = _gpus()
    yield "GPU", str(gpus) if gpus else "none that PyTorch can use"
    where = "as its machines have GPUs" if joins else "on the GPU" if gpus else "on CPUs"
    yield "a run", f"{'executor ray' if has_ray else '--executor local, one batch at a time'}; LSTMs train {where}"


def _gpus() -> int:
    """GPUs that a model could train on; 0 where what counts them cannot be loaded."""
    try:
        return max(model.gpu_count() for model in built_in_models().values() if issubclass(model, UsesGpu))
    except ImportError:
        return 0
