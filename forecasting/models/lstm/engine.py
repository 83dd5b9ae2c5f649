"""The one entry to training: which backend, and how many fits at a time.

Cheap to import: torch and numba are loaded by the backend that trains.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Literal

from forecasting.errors import ConfigError
from forecasting.models.lstm.data import FitData, FitResult, TrainSpec

__all__ = ["Backend", "default_backend", "train"]

Backend = Literal["torch", "numba"]


def default_backend(device: str) -> Backend:
    """The backend that `auto` stands for on a device."""
    return "torch"


def train(spec: TrainSpec, fits: Sequence[FitData], backend: Backend, device: str = "cpu") -> list[FitResult]:
    """Train fits of one program; one result per fit, in order, each the same whatever the others are.

    Raises
    ------
    ConfigError
        When the backend is not installed, or cannot use the device.
    """
    if find_spec(backend) is None:
        raise ConfigError(f"backend: {backend} is not installed: install it, or set backend to auto")
    if backend == "numba" and device.startswith("cuda"):
        raise ConfigError("backend: numba runs on a CPU only: set backend to torch or auto for a GPU")
    if not fits:
        return []
    if backend == "numba":
        from forecasting.models.lstm.numba_backend import train as run
    else:
        from forecasting.models.lstm.torch_backend import train as run
    return run(spec, fits, device)
