"""The one entry to training: which backend, how many fits at a time, and what the machine has.

Cheap to import: torch and numba are loaded by the backend that trains.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Literal

import numpy as np

from forecasting.errors import ConfigError
from forecasting.models.cuda_driver import may_have_gpus
from forecasting.models.lstm.engine.network import Network
from forecasting.models.lstm.engine.samples import FitData, FitResult, Samples, TrainSpec

__all__ = [
    "CPU_FITS",
    "Backend",
    "BackendSetting",
    "default_backend",
    "gpu_count",
    "memory_per_fit",
    "resolve",
    "train",
    "warm_up",
]

Backend = Literal["torch", "numba"]
BackendSetting = Literal["auto", "torch", "numba"]

CPU_FITS = 16
"""Fits of a batch on a CPU: where torch's speed levels off, and few enough seconds that two workers end together."""


def default_backend(device: str) -> Backend:
    """The backend that `auto` stands for on a device: numba on a CPU where it is installed, else torch."""
    return "numba" if not device.startswith("cuda") and find_spec("numba") is not None else "torch"


def resolve(setting: BackendSetting, device: str) -> Backend:
    """The backend of a setting on a device."""
    return default_backend(device) if setting == "auto" else setting


def memory_per_fit(network: Network, batch_size: int, n_samples: int = 500) -> int:
    """Bytes of one fit of the torch program: samples, buffers of a mini-batch, parameters; a test holds it to 30%."""
    layers = 1 if network.topology == "direct" else 2
    width = -(-batch_size // 32) * 32
    rows = network.hidden_size + 1 + max(network.n_inputs, network.hidden_size * (layers - 1))
    a_step = 4 * network.hidden_size * 2 + 2 * network.hidden_size + rows
    a_sample = network.input_size * network.n_inputs + (2 + network.n_known) * network.n_outputs
    return 4 * (layers * network.input_size * a_step * width + n_samples * a_sample + 6 * network.size)


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
        from forecasting.models.lstm.engine import numba_backend

        return numba_backend.train(spec, fits)
    from forecasting.models.lstm.engine import torch_backend

    return torch_backend.train(spec, fits, device)


def gpu_count() -> int:
    """CUDA devices of this machine that torch can use; 0 where torch is not installed. Loads it only if it must."""
    if find_spec("torch") is None or not may_have_gpus():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def warm_up(backend: Backend, device: str) -> None:
    """Train a fit of one sample, so that a process has imported, compiled and opened all that training needs."""
    network = Network("direct", input_size=1, n_inputs=1, hidden_size=1, n_outputs=1)
    sample = Samples(*(np.ones(shape, np.float32) for shape in ((1, 1, 1), (1, 1), (1, 1), (1, 1, 0))))
    none = Samples(*(part[:0] for part in vars(sample).values()))
    spec = TrainSpec(network, epochs=1, batch_size=1, learning_rate=1e-3, clip_norm=1.0)
    train(spec, [FitData(0, sample, none)], backend, device)
