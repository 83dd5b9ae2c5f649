"""Adam (Kingma & Ba 2015): its constants and its bias corrections, the same for every backend.

m ← β₁·m + (1 − β₁)·g        v ← β₂·v + (1 − β₂)·g²
θ ← θ − α_t · m / (√v · r_t + ε)        α_t = learning rate / (1 − β₁ᵗ)        r_t = 1 / √(1 − β₂ᵗ)
"""

from __future__ import annotations

import numpy as np

from forecasting.models.lstm.engine.arrays import Array

__all__ = ["BETA1", "BETA2", "EPSILON", "corrections"]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def corrections(learning_rate: float, n_updates: int) -> tuple[Array, Array]:
    """Step sizes α_t and root corrections r_t of the updates t = 1 … `n_updates`, ``[n_updates]`` each."""
    power = np.arange(1, n_updates + 1, dtype=np.float64)
    step_size = learning_rate / (1.0 - BETA1**power)
    root_correction = 1.0 / np.sqrt(1.0 - BETA2**power)
    return step_size.astype(np.float32), root_correction.astype(np.float32)
