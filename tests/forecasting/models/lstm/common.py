"""Small fits for the engine's tests."""

from __future__ import annotations

import numpy as np

from forecasting.models.lstm.engine.network import Network
from forecasting.models.lstm.engine.samples import FitData, Samples, TrainSpec


def make_samples(rng, n, network):
    """Windows of noise with a learnable pull to the last inputs."""
    x = rng.normal(size=(n, network.input_size, network.n_inputs)).astype(np.float32)
    pull = x[:, -3:, :1].mean(axis=1) if network.topology == "direct" else x[:, :, 0] * 0.5
    noise = 0.3 * rng.normal(size=(n, network.n_outputs))
    weight = (rng.random(size=(n, network.n_outputs)) < 0.9).astype(np.float32)
    known = rng.normal(size=(n, network.n_outputs, network.n_known)).astype(np.float32)
    return Samples(x, (pull + noise).astype(np.float32), weight, known)


def make_fit(key, network, n=70, n_valid=20):
    rng = np.random.default_rng(key)
    return FitData(key * 1_000_003 + (key << 40), make_samples(rng, n, network), make_samples(rng, n_valid, network))


def direct_spec(**changes):
    base = {
        "network": Network("direct", 6, 2, 10, 5, 2),
        "epochs": 4,
        "batch_size": 16,
        "learning_rate": 5e-3,
        "clip_norm": 1.0,
        "loss": "huber",
        "dropout": 0.2,
        "patience": 2,
    }
    return TrainSpec(**{**base, **changes})


def classic_spec(**changes):
    base = {
        "network": Network("classic", 6, 1, 8, 6),
        "epochs": 3,
        "batch_size": 16,
        "learning_rate": 5e-3,
        "clip_norm": 15.0,
        "loss": "mse",
        "dropout": 0.5,
    }
    return TrainSpec(**{**base, **changes})
