"""LSTM members: many tiny networks trained as one program.

Reading order: `philox` (random streams) → `network` (parameters) → `data` (samples, settings, results) → `engine` (the
one entry: `train`) → `direct` and `classic` (the models). Backends: `torch_backend` (reference; CPU and GPU) and
`numba_backend` (the fast CPU path). Only the backends import torch and numba.
"""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["gpu_count"]


def gpu_count() -> int:
    """CUDA devices of this machine that torch can use; 0 where torch is not installed."""
    if find_spec("torch") is None:
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
