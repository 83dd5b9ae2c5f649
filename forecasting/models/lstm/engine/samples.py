"""What goes into a training program and what comes out. Plain numpy; both backends read these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecasting.models.lstm.engine.arrays import Array
from forecasting.models.lstm.engine.network import Network

__all__ = ["FitData", "FitResult", "Samples", "TrainSpec"]


@dataclass(frozen=True)
class Samples:
    """Training or validation windows of one fit.

    `x` ``[N, T, F]``; `y` ``[N, O]``; `weight` ``[N, O]`` of each value in the loss, 0 where there is no value; `known`
    ``[N, O, C]`` what is known in advance of the steps ahead.
    """

    x: Array
    y: Array
    weight: Array
    known: Array

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class FitData:
    """One fit: the key of its random streams and its samples.

    `valid` may hold no samples: then nothing stops the fit early. `check` are the windows on which the training loss is
    taken after every epoch; None: its mean over the epoch's mini-batches.
    """

    key: int
    train: Samples
    valid: Samples
    check: Samples | None = None


@dataclass(frozen=True)
class TrainSpec:
    """How fits are trained; the same for all fits of a program.

    `patience`: epochs without a better validation loss before a fit stops (None: never). `target_loss`: a fit stops
    once its training and validation loss sum to this or less (None: never), and keeps its last weights. `batches`:
    an epoch of shuffled mini-batches, or one that slides over the samples in order, moved by one sample a step.
    """

    network: Network
    epochs: int
    batch_size: int
    learning_rate: float
    clip_norm: float
    loss: Literal["l1", "huber", "mse"] = "l1"
    dropout: float = 0.0
    patience: int | None = None
    target_loss: float | None = None
    batches: Literal["shuffled", "sliding"] = "shuffled"

    def steps(self, n_samples: int) -> int:
        """Mini-batches of an epoch."""
        if self.batches == "sliding":
            return max(1, n_samples - self.batch_size + 1)
        return -(-n_samples // self.batch_size)


@dataclass(frozen=True)
class FitResult:
    """`parameters` ``[network.size]``; losses by epoch; the epoch (from 1) whose weights these are."""

    parameters: Array
    train_loss: Array
    valid_loss: Array
    epoch: int

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.parameters).all())
