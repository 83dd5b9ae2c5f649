"""The reference backend: K fits as one torch program, on a CPU or a GPU.

A fit's numbers do not depend on the other fits. Every reduction stays inside a fit. Mini-batches are padded to `LANES`
columns and parameters to whole registers, so that no element is computed by a loop's scalar rest. A single fit is
computed together with a copy of itself, because a batch of one takes other matrix routines. Fits that stopped leave the
program at the end of an epoch.

On a GPU a mini-batch is one CUDA graph, replayed; the host reads the losses once an epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from forecasting.models.lstm.engine.arrays import Array, BoolArray, IntArray
from forecasting.models.lstm.engine.network import initial_parameters
from forecasting.models.lstm.engine.optimizer import BETA1, BETA2, EPSILON, corrections
from forecasting.models.lstm.engine.philox import DROPOUT, MASK, PADDING, SHUFFLE, philox4x32, split_key
from forecasting.models.lstm.engine.samples import FitData, FitResult, Samples, TrainSpec
from forecasting.models.lstm.engine.stopping import Progress
from forecasting.models.lstm.engine.torch_network import Classic, Direct, MiniBatch, loss_terms
from forecasting.models.lstm.engine.torch_threads import one_thread

__all__ = ["train"]

LANES = 32
"""Columns of a mini-batch are padded to a multiple of this."""


def train(spec: TrainSpec, fits: Sequence[FitData], device: str = "cpu") -> list[FitResult]:
    """Train fits together, on one thread of a CPU or on a GPU. One result per fit, in order.

    Raises
    ------
    MemoryError
        When the GPU's memory does not hold them; fewer at a time may fit.
    """
    try:
        with one_thread(), torch.inference_mode():
            return _train(spec, list(fits), device)
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise MemoryError(f"{len(fits)} fits do not fit into the memory of {device}: {error}") from None


def _train(spec: TrainSpec, fits: list[FitData], device: str) -> list[FitResult]:
    if len(fits) == 1:
        return _train(spec, fits * 2, device)[:1]
    progress = Progress(spec, fits)
    stack = Stack(spec, StackedFits.of(spec, fits, device), device)
    rows = np.arange(len(fits))  # which fit each row of the stack is
    for epoch in range(1, spec.epochs + 1):
        train_loss, valid_loss = stack.epoch(epoch)
        improved = progress.record(rows, epoch, train_loss, valid_loss)
        stack.keep_best(improved)
        running = progress.running[rows]
        if not running.any():
            break
        if worth_compacting(running, device):
            keep = np.flatnonzero(running)
            # A lone fit keeps a stopped one beside it.
            keep = keep if len(keep) > 1 else np.append(keep, (keep[0] + 1) % len(rows))
            progress.store(rows, stack.kept())
            stack, rows = stack.take(keep), rows[keep]
    progress.store(rows, stack.kept())
    return progress.results()


def worth_compacting(running: BoolArray, device: str) -> bool:
    """Whether to drop stopped fits now: always on a CPU; on a GPU, where a new graph costs as much as many steps, at
    half.
    """
    if len(running) <= 2:
        return False
    return bool(running.mean() <= 0.5) if device.startswith("cuda") else not running.all()


@dataclass(frozen=True)
class Packed:
    """Samples of K fits, feature-major: `data` ``[K, D, N + 1]``, whose last column is all zero and fills up
    mini-batches.

    D holds x (T·F), y (O), weight (O), known (C·O), in this order. `lengths` ``[K]``; `total` ``[K]`` sum of the
    weights.
    """

    data: Tensor
    lengths: Tensor
    total: Tensor
    longest: int

    @classmethod
    def of(cls, samples: Sequence[Samples], device: str) -> Packed:
        longest = max(len(s) for s in samples)
        rows = [np.concatenate([a.reshape(len(s), math.prod(a.shape[1:])) for a in _parts(s)], axis=1) for s in samples]
        data = np.zeros((len(rows), rows[0].shape[1], longest + 1), dtype=np.float32)
        for k, row in enumerate(rows):
            data[k, :, : len(row)] = row.T
        lengths = torch.tensor([len(s) for s in samples], device=device)
        total = torch.tensor([s.weight.sum(dtype=np.float64) for s in samples], dtype=torch.float32, device=device)
        return cls(torch.from_numpy(data).to(device), lengths, total, longest)

    def take(self, keep: Tensor) -> Packed:
        """Some of the fits."""
        lengths = self.lengths[keep]
        longest = int(lengths.max())
        data = torch.cat([self.data[keep][:, :, :longest], self.data[keep][:, :, -1:]], dim=2)
        return Packed(data, lengths, self.total[keep], longest)


def _parts(s: Samples) -> tuple[Array, Array, Array, Array]:
    return s.x, s.y, s.weight, s.known.transpose(0, 2, 1)


@dataclass(frozen=True)
class StackedFits:
    """K fits in training: keys, samples, parameters and Adam's moments; all that outlives a mini-batch.

    `keys` ``[K, 2]``; `parameters`, the `best` ones so far, `moment` and `square` ``[K, size]``; `updates` ``[K]`` how
    many steps of Adam each has taken. The tensors are changed in place.
    """

    keys: Tensor
    train: Packed
    valid: Packed
    check: Packed | None
    parameters: Tensor
    best: Tensor
    moment: Tensor
    square: Tensor
    updates: Tensor

    @classmethod
    def of(cls, spec: TrainSpec, fits: Sequence[FitData], device: str) -> StackedFits:
        """Fits at their start, on a device."""
        start = np.stack([initial_parameters(spec.network, fit.key) for fit in fits])
        parameters = torch.from_numpy(start).to(device)
        has_check = fits[0].check is not None
        return cls(
            keys=torch.tensor([split_key(fit.key) for fit in fits], device=device),
            train=Packed.of([fit.train for fit in fits], device),
            valid=Packed.of([fit.valid for fit in fits], device),
            check=Packed.of([fit.check or fit.train for fit in fits], device) if has_check else None,
            parameters=parameters,
            best=parameters.clone(),
            moment=torch.zeros_like(parameters),
            square=torch.zeros_like(parameters),
            updates=torch.zeros(len(fits), dtype=torch.int64, device=device),
        )

    def take(self, keep: Tensor) -> StackedFits:
        """Some of the fits, in the state they are in."""
        return StackedFits(
            keys=self.keys[keep],
            train=self.train.take(keep),
            valid=self.valid.take(keep),
            check=None if self.check is None else self.check.take(keep),
            parameters=self.parameters[keep],
            best=self.best[keep],
            moment=self.moment[keep],
            square=self.square[keep],
            updates=self.updates[keep],
        )


class Stack:
    """Trains K fits: their state, and the buffers of one mini-batch."""

    def __init__(self, spec: TrainSpec, fits: StackedFits, device: str) -> None:
        n_fits, width = len(fits.keys), -(-spec.batch_size // LANES) * LANES
        self.spec, self.fits, self.device = spec, fits, device
        self.net = (Direct if spec.network.topology == "direct" else Classic)(spec.network, n_fits, width, device)
        self.gradient, self.scratch = torch.zeros_like(fits.parameters), torch.zeros_like(fits.parameters)
        self.p, self.d = self._named(fits.parameters), self._named(self.gradient)
        self.columns = torch.zeros((n_fits, width), dtype=torch.int64, device=device)
        self.filled = torch.zeros(n_fits, device=device)
        self.mask = torch.ones(self.net.mask_shape(), device=device) if spec.dropout else None
        self.loss_sum, self.weight_sum = torch.zeros(n_fits, device=device), torch.zeros(n_fits, device=device)
        most = spec.epochs * spec.steps(fits.train.longest) + 1
        tables = corrections(spec.learning_rate, most)
        self.step_size, self.root_correction = (torch.from_numpy(table).to(device) for table in tables)
        self.run_step = self._captured() if device.startswith("cuda") else self._step

    def take(self, keep: IntArray) -> Stack:
        """A smaller stack of some of the fits, in the state they are in."""
        return Stack(self.spec, self.fits.take(torch.from_numpy(keep).to(self.device)), self.device)

    def _named(self, flat: Tensor) -> dict[str, Tensor]:
        network = self.spec.network
        return {name: flat[:, part].unflatten(1, network.shapes[name]) for name, part in network.slices.items()}

    def kept(self) -> Array:
        """The weights to keep, ``[K, size]``."""
        return np.asarray(self.fits.best.cpu().numpy())

    def keep_best(self, improved: BoolArray) -> None:
        """Keep the present weights of some fits, given as ``[K]`` yes or no."""
        mask = torch.from_numpy(improved).to(self.device)
        self.fits.best.copy_(torch.where(mask[:, None], self.fits.parameters, self.fits.best))

    def epoch(self, epoch: int) -> tuple[Array, Array]:
        """Train one epoch (from 1); training and validation loss of each fit, ``[K]``."""
        steps, size = self.spec.steps(self.fits.train.longest), self.spec.batch_size
        order = self._order(epoch)
        self.loss_sum.zero_()
        self.weight_sum.zero_()
        for step in range(steps):
            start = step if self.spec.batches == "sliding" else step * size
            chosen = order[:, start : start + size]
            self._count(start)
            self.columns.fill_(self.fits.train.longest)
            self.columns[:, : chosen.shape[1]] = torch.where(self.filled[:, None] > 0, chosen, self.fits.train.longest)
            if self.mask is not None:
                self._draw_mask(epoch, step)
            self.run_step()
        train_loss = self.loss_sum / self.weight_sum if self.fits.check is None else self._evaluate(self.fits.check)
        both = torch.stack([train_loss, self._evaluate(self.fits.valid)]).cpu().numpy()
        return both[0], both[1]

    def _order(self, epoch: int) -> Tensor:
        """Order of each fit's samples, then the number of the empty column: ``[K, N]``."""
        n = self.fits.train.longest
        place = torch.arange(n, device=self.device)[None, :]
        inside = place < self.fits.train.lengths[:, None]
        if self.spec.batches == "sliding":
            return torch.where(inside, place, n)
        draw = torch.where(inside, self._words(SHUFFLE, n, epoch, 0), PADDING)
        return torch.where(inside, torch.argsort(draw, dim=1, stable=True), n)

    def _count(self, start: int) -> None:
        """Samples of each fit in this mini-batch; none for a fit whose epoch is over."""
        left = self.fits.train.lengths - start
        if self.spec.batches == "sliding" and start:
            left = torch.where(left >= self.spec.batch_size, left, 0)
        self.filled.copy_(left.clamp(0, self.spec.batch_size))

    def _words(self, stream: int, n: int, epoch: int, step: int) -> Tensor:
        """`philox.words` on the device."""
        block = torch.arange((n + 3) // 4, device=self.device)[None, :]
        zero = torch.zeros_like(block)
        four = philox4x32(block, zero + step, zero + epoch, zero + stream, self.fits.keys[:, :1], self.fits.keys[:, 1:])
        return torch.stack(four, dim=-1).flatten(1)[:, :n]

    def _draw_mask(self, epoch: int, step: int) -> None:
        """Inverted dropout: kept with probability 1 - dropout, and scaled up by as much."""
        assert self.mask is not None
        keep = 1.0 - self.spec.dropout
        drawn = self._words(DROPOUT, self.mask[0].numel(), epoch, step) <= int(keep * MASK)
        self.mask.copy_(drawn.view_as(self.mask)).mul_(1.0 / keep)

    def _gather(self, packed: Packed) -> MiniBatch:
        """The samples numbered by `columns`."""
        net, n_fits, width = self.spec.network, len(self.fits.keys), self.columns.shape[1]
        index = self.columns[:, None, :].expand(-1, packed.data.shape[1], -1)
        taken = torch.gather(packed.data, 2, index)
        x, y, weight, known = taken.split(
            [net.input_size * net.n_inputs, net.n_outputs, net.n_outputs, net.n_known * net.n_outputs], dim=1
        )
        by_step = x.view(n_fits, net.input_size, net.n_inputs, width).transpose(0, 1)
        return MiniBatch(by_step, y, weight, known.view(n_fits, net.n_known, net.n_outputs, width))

    def _step(self) -> None:
        """One mini-batch: gradient, clipping, Adam. Nothing here depends on the host."""
        batch = self._gather(self.fits.train)
        error = self.net.forward(self.p, batch, self.mask) - batch.y
        loss, slope = loss_terms(error, self.spec.loss)
        self.loss_sum.add_((loss * batch.weight).flatten(1).sum(1))
        self.weight_sum.add_(batch.weight.flatten(1).sum(1))
        share = 1.0 / (self.filled.clamp(min=1.0) * self.spec.network.n_outputs)
        self.net.backward(self.p, self.d, batch, slope.mul_(batch.weight).mul_(share[:, None, None]), self.mask)
        self._clip()
        self._adam()

    def _clip(self) -> None:
        norm = torch.linalg.vector_norm(self.gradient, dim=1)
        self.gradient.mul_((self.spec.clip_norm / (norm + 1e-6)).clamp(max=1.0)[:, None])

    def _adam(self) -> None:
        """Adam (Kingma & Ba 2015) on all fits at once; those without samples in this mini-batch stand still."""
        active = (self.filled > 0).float()[:, None]
        self.fits.moment.lerp_(self.gradient, active * (1.0 - BETA1))
        torch.mul(self.gradient, self.gradient, out=self.scratch)
        self.fits.square.lerp_(self.scratch, active * (1.0 - BETA2))
        torch.sqrt(self.fits.square, out=self.scratch)
        self.scratch.mul_(self.root_correction[self.fits.updates][:, None]).add_(EPSILON)
        torch.div(self.fits.moment, self.scratch, out=self.scratch)
        self.fits.parameters.addcmul_(self.scratch, active * -self.step_size[self.fits.updates][:, None])
        self.fits.updates.add_((self.filled > 0).long())

    def _evaluate(self, packed: Packed) -> Tensor:
        """Weighted mean loss of each fit over some samples, without dropout, ``[K]``; NaN where there are none."""
        size, total = self.spec.batch_size, torch.zeros_like(self.loss_sum)
        for start in range(0, packed.longest, size):
            n = min(size, packed.longest - start)
            self.columns.fill_(packed.longest)
            self.columns[:, :n] = torch.arange(start, start + n, device=self.device)
            batch = self._gather(packed)
            loss, _ = loss_terms(self.net.forward(self.p, batch, None) - batch.y, self.spec.loss)
            total.add_((loss * batch.weight).flatten(1).sum(1))
        return total / packed.total

    def _captured(self) -> Callable[[], None]:  # pragma: no cover - needs CUDA
        """`_step` as a CUDA graph. What the steps that warm it up do to the fits is undone."""
        state = [
            self.fits.parameters,
            self.fits.moment,
            self.fits.square,
            self.fits.updates,
            self.loss_sum,
            self.weight_sum,
        ]
        before = [tensor.clone() for tensor in state]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                self._step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        for tensor, value in zip(state, before, strict=True):
            tensor.copy_(value)
        return graph.replay
