"""The fast CPU path: fit by fit in a compiled kernel, on one thread, without the GIL.

Fits are independent by construction. Random numbers, losses and stops come from the same code as the torch backend's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.models.lstm.engine import kernel
from forecasting.models.lstm.engine.arrays import Array
from forecasting.models.lstm.engine.microkernel import LANES
from forecasting.models.lstm.engine.network import initial_parameters
from forecasting.models.lstm.engine.optimizer import corrections
from forecasting.models.lstm.engine.philox import DROPOUT, MASK, shuffles, split_key, words
from forecasting.models.lstm.engine.samples import FitData, FitResult, Samples, TrainSpec
from forecasting.models.lstm.engine.stopping import Progress

__all__ = ["train"]

MASK_LANES = 32
"""Masks are drawn for mini-batches padded as the torch backend pads them, so that both see the same numbers."""


def train(spec: TrainSpec, fits: Sequence[FitData]) -> list[FitResult]:
    """Train fits one after another. One result per fit, in order."""
    buffers = kernel.Buffers.of(spec.network, spec.batch_size)
    return [_train_one(spec, fit, buffers) for fit in fits]


def _train_one(spec: TrainSpec, fit: FitData, buffers: kernel.Buffers) -> FitResult:
    progress, row = Progress(spec, [fit]), np.zeros(1, dtype=np.int64)
    keys = np.array([split_key(fit.key)], dtype=np.int64)
    shuffled = _shuffles(keys, len(fit.train), spec.epochs)
    data, valid = _data(fit.train), _data(fit.valid)
    check = None if fit.check is None else _data(fit.check)
    n_steps = spec.steps(len(fit.train))
    moments = _moments(spec, initial_parameters(spec.network, fit.key), spec.epochs * n_steps)
    loss, clip = kernel.LOSSES[spec.loss], np.float32(spec.clip_norm)

    def mean_loss(samples: kernel.Data) -> float:
        in_turn = _batches(np.arange(len(samples.x)), spec.batch_size)
        no_masks = np.zeros((len(in_turn), 0, 0), dtype=np.float32)
        return _mean(kernel.epoch(buffers, samples, moments, in_turn, no_masks, -1, clip, loss), _total(samples))

    for epoch in range(1, spec.epochs + 1):
        order = _order(spec, shuffled[epoch - 1])
        masks = _masks(spec, keys, epoch, n_steps)
        total = kernel.epoch(buffers, data, moments, order, masks, (epoch - 1) * n_steps, clip, loss)
        train_loss = _mean(total, _weight_seen(data, order)) if check is None else mean_loss(check)
        improved = progress.record(row, epoch, _single(train_loss), _single(mean_loss(valid)))
        if improved[0]:
            progress.store(row, moments.parameters)
        if not progress.running[0]:
            break
    return progress.results()[0]


def _data(samples: Samples) -> kernel.Data:
    return kernel.Data(*(np.ascontiguousarray(a) for a in (samples.x, samples.y, samples.weight, samples.known)))


def _single(value: float) -> Array:
    return np.array([value], dtype=np.float32)


def _mean(total: float, weight: float) -> float:
    return float(total / weight) if weight else float("nan")


def _total(data: kernel.Data) -> float:
    return float(data.weight.sum(dtype=np.float64))


def _weight_seen(data: kernel.Data, order: NDArray[np.int64]) -> float:
    """Sum of the weights over the samples of all mini-batches."""
    return float(data.weight.sum(axis=1, dtype=np.float64)[order[order >= 0]].sum())


def _moments(spec: TrainSpec, parameters: Array, n_updates: int) -> kernel.Moments:
    gradient, mean, square = (np.zeros_like(parameters) for _ in range(3))
    return kernel.Moments(parameters, gradient, mean, square, *corrections(spec.learning_rate, n_updates))


def _shuffles(keys: NDArray[np.int64], n: int, epochs: int) -> NDArray[np.int64]:
    """The order of the samples in every epoch ``[epochs, n]``, in one go: numpy's price is that of a call."""
    each = np.arange(1, epochs + 1, dtype=np.int64)[:, None]
    return shuffles(np.repeat(keys, epochs, axis=0), np.full(epochs, n), each)


def _order(spec: TrainSpec, shuffled: NDArray[np.int64]) -> NDArray[np.int64]:
    """Mini-batches of an epoch ``[S, batch_size]``, -1 where the last one has no sample."""
    n, size = len(shuffled), spec.batch_size
    if spec.batches == "sliding":
        place = np.arange(spec.steps(n))[:, None] + np.arange(size)[None, :]
        return np.where(place < n, place, -1)
    return _batches(shuffled, size)


def _batches(samples: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    filled = np.full(-(-len(samples) // size) * size, -1, dtype=np.int64)
    filled[: len(samples)] = samples
    return filled.reshape(-1, size)


def _masks(spec: TrainSpec, keys: NDArray[np.int64], epoch: int, n_steps: int) -> Array:
    """Inverted dropout masks ``[S, H, B]``; empty without dropout."""
    if not spec.dropout:
        return np.zeros((n_steps, 0, 0), dtype=np.float32)
    keep, hidden = 1.0 - spec.dropout, spec.network.hidden_size
    drawn_width, width = (-(-spec.batch_size // lanes) * lanes for lanes in (MASK_LANES, LANES))
    drawn = [words(keys, DROPOUT, hidden * drawn_width, epoch, step)[0] <= int(keep * MASK) for step in range(n_steps)]
    masks = np.stack(drawn).reshape(n_steps, hidden, drawn_width)[:, :, :width]
    return np.ascontiguousarray(masks / keep, dtype=np.float32)
