"""Which fits of a program are still running, their losses by epoch, and when a fit stops. Shared by the backends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecasting.models.lstm.engine.arrays import Array, BoolArray, IntArray
from forecasting.models.lstm.engine.samples import FitData, FitResult, TrainSpec

__all__ = ["Progress"]


class Progress:
    """Losses and stops of all fits of one call.

    Without validation samples, and with a `target_loss`, a fit keeps its last weights; else those of its best
    validation loss.
    """

    def __init__(self, spec: TrainSpec, fits: Sequence[FitData]) -> None:
        n = len(fits)
        self.spec = spec
        self.running: BoolArray = np.ones(n, dtype=np.bool_)
        self.keeps_last = np.array([spec.target_loss is not None or len(fit.valid) == 0 for fit in fits])
        self.best_loss = np.full(n, np.inf)
        self.best_epoch = np.zeros(n, dtype=np.int64)
        self.train_loss = np.full((n, spec.epochs), np.nan, dtype=np.float32)
        self.valid_loss = np.full((n, spec.epochs), np.nan, dtype=np.float32)
        self.parameters = np.zeros((n, spec.network.size), dtype=np.float32)

    def record(self, rows: IntArray, epoch: int, train_loss: Array, valid_loss: Array) -> BoolArray:
        """Take the losses ``[len(rows)]`` of an epoch (from 1); say whose weights are now the ones to keep."""
        was_running = self.running[rows]
        active = rows[was_running]
        train, valid = train_loss[was_running], valid_loss[was_running]
        self.train_loss[active, epoch - 1], self.valid_loss[active, epoch - 1] = train, valid
        improved = np.isfinite(train) & (self.keeps_last[active] | (valid < self.best_loss[active]))
        self.best_loss[active[improved]] = valid[improved]
        self.best_epoch[active[improved]] = epoch
        self.running[active] = np.isfinite(train) & ~self._stops(active, epoch, train, valid)
        result = np.zeros(len(rows), dtype=np.bool_)
        result[was_running] = improved
        return result

    def _stops(self, active: IntArray, epoch: int, train: Array, valid: Array) -> BoolArray:
        stops = np.full(len(active), epoch == self.spec.epochs)
        if self.spec.patience is not None:
            stops |= ~self.keeps_last[active] & (epoch - self.best_epoch[active] >= self.spec.patience)
        if self.spec.target_loss is not None:
            stops |= train + np.nan_to_num(valid) <= self.spec.target_loss
        return stops

    def store(self, rows: IntArray, parameters: Array) -> None:
        """The kept weights ``[len(rows), network.size]`` of some fits."""
        self.parameters[rows] = parameters

    def results(self) -> list[FitResult]:
        """One result per fit; losses end with the epoch at which it stopped."""
        ran = np.sum(~np.isnan(self.train_loss), axis=1)
        return [
            FitResult(p, t[:n].copy(), v[:n].copy(), int(best))
            for p, t, v, n, best in zip(
                self.parameters, self.train_loss, self.valid_loss, ran, self.best_epoch, strict=True
            )
        ]
