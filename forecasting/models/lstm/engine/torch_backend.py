"""The reference backend: K fits as one torch program, on a CPU or a GPU.

A fit's numbers do not depend on the other fits. Every reduction stays inside a fit. Mini-batches are padded to `LANES`
columns and parameters to whole registers, so that no element is computed by a loop's scalar rest. A single fit is
computed together with a copy of itself, because a batch of one takes other matrix routines. Fits that stopped leave the
program at the end of an epoch.

A mini-batch takes nothing from the host: which samples it holds, how many, and its dropout mask follow from counters
on the device. So on a GPU it is one replay of a CUDA graph. The host reads the losses once an epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from forecasting.models.lstm.engine.arrays import Array, BoolArray
from forecasting.models.lstm.engine.network import starting_parameters
from forecasting.models.lstm.engine.optimizer import BETA1, BETA2, EPSILON, corrections
from forecasting.models.lstm.engine.philox import DROPOUT, MASK, PADDING, SHUFFLE, philox4x32, split_key
from forecasting.models.lstm.engine.samples import FitData, FitResult, Samples, TrainSpec
from forecasting.models.lstm.engine.stopping import Progress
from forecasting.models.lstm.engine.torch_graph import is_out_of_memory, on_device, recorder, unchanged
from forecasting.models.lstm.engine.torch_network import Classic, Direct, MiniBatch, loss_terms
from forecasting.models.lstm.engine.torch_threads import one_thread

__all__ = ["train"]

Program = Literal["train", "valid", "check"]

LANES = 32
"""Columns of a mini-batch are padded to a multiple of this."""
GRAPH_STEPS = 20
"""New buffers and graphs cost about as much as so many mini-batches: 6 ms beside 0.3 to 0.8 ms on an H100."""
NOWHERE = 1 << 40
"""Place of a column that holds no sample: beyond all samples."""


def train(spec: TrainSpec, fits: Sequence[FitData], device: str = "cpu") -> list[FitResult]:
    """Train fits together, on one thread of a CPU or on a GPU. One result per fit, in order.

    Raises
    ------
    MemoryError
        When the memory does not hold them; fewer at a time may fit.
    """
    try:
        with one_thread(), on_device(device), torch.inference_mode():
            return _train(spec, list(fits), device)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        reason = str(error)
    # Only now, with the error gone, does nothing hold the tensors of the frames that it passed through.
    torch.cuda.empty_cache()
    raise MemoryError(f"{len(fits)} fits do not fit into the memory of {device}: {reason}")


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
        if worth_compacting(running, (spec.epochs - epoch) * stack.steps, device):
            keep = np.flatnonzero(running)
            # A lone fit keeps a stopped one beside it.
            keep = keep if len(keep) > 1 else np.append(keep, (keep[0] + 1) % len(rows))
            progress.store(rows, stack.kept())
            rows, left = rows[keep], stack.fits.take(torch.from_numpy(keep).to(device))
            del stack  # its buffers and graphs go before new ones are made
            stack = Stack(spec, left, device)
    progress.store(rows, stack.kept())
    return progress.results()


def worth_compacting(running: BoolArray, steps_left: int, device: str) -> bool:
    """Whether to drop stopped fits now, with at most so many mini-batches to come.

    On a CPU always. On a GPU the time that is saved, at best the share of stopped fits, must pay for new graphs; and
    half of the fits must have stopped, so that graphs are made a few times only.
    """
    if len(running) <= 2:
        return False
    share = float(running.mean())
    if device.startswith("cuda"):
        return share <= 0.5 and (1.0 - share) * steps_left > GRAPH_STEPS
    return share < 1.0


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
        # Fits that differ in their seed share their samples: those are packed and sent once.
        first = {id(s): s for s in samples}
        place = {key: number for number, key in enumerate(first)}
        rows = [
            np.concatenate([a.reshape(len(s), math.prod(a.shape[1:])) for a in _parts(s)], axis=1)
            for s in first.values()
        ]
        packed = np.zeros((len(rows), rows[0].shape[1], longest + 1), dtype=np.float32)
        for k, row in enumerate(rows):
            packed[k, :, : len(row)] = row.T
        which = torch.tensor([place[id(s)] for s in samples], device=device)
        data = torch.from_numpy(packed).to(device)[which]
        lengths = torch.tensor([len(s) for s in samples], device=device)
        weights = [first_one.weight.sum(dtype=np.float64) for first_one in first.values()]
        total = torch.tensor(weights, dtype=torch.float32, device=device)[which]
        return cls(data, lengths, total, longest)

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
        start = starting_parameters(spec.network, [fit.key for fit in fits])
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
    """Trains K fits: their state, and the buffers of one mini-batch.

    Its three programs are `train`, a mini-batch of training, and `valid` and `check`, a mini-batch of those samples
    without training. Each reads and writes buffers only, so a recording of it serves for every mini-batch: `order`
    ``[K, N + 1]``, the samples of each fit in the epoch's order; and the counters `epoch_number` and `step`.
    """

    def __init__(self, spec: TrainSpec, fits: StackedFits, device: str) -> None:
        n_fits, width, longest = len(fits.keys), -(-spec.batch_size // LANES) * LANES, fits.train.longest
        self.spec, self.fits, self.device = spec, fits, device
        self.steps = spec.steps(longest)
        self.net = (Direct if spec.network.topology == "direct" else Classic)(spec.network, n_fits, width, device)
        self.gradient, self.scratch = torch.zeros_like(fits.parameters), torch.zeros_like(fits.parameters)
        self.p, self.d = self._named(fits.parameters), self._named(self.gradient)
        self.order = torch.full((n_fits, longest + 1), longest, device=device)
        self.epoch_number, self.step = (torch.zeros(1, dtype=torch.int64, device=device) for _ in range(2))
        self.lane = torch.arange(width, device=device)
        self.lane[spec.batch_size :] = NOWHERE
        self.columns = torch.zeros((n_fits, width), dtype=torch.int64, device=device)
        self.filled = torch.zeros(n_fits, device=device)
        self.mask = torch.ones(self.net.mask_shape(), device=device) if spec.dropout else None
        self.loss_sum, self.weight_sum, self.total = (torch.zeros(n_fits, device=device) for _ in range(3))
        tables = corrections(spec.learning_rate, spec.epochs * self.steps + 1)
        self.step_size, self.root_correction = (torch.from_numpy(table).to(device) for table in tables)
        self.replays = self._recorded()

    def _recorded(self) -> dict[Program, Callable[[], None]]:
        """A replay of each program; none where there is no recorder.

        A replay must not hold the stack: it would keep the memory of a stack that was dropped.
        """
        record, fits = recorder(self.device), self.fits
        if record is None:
            return {}
        state = [fits.parameters, fits.moment, fits.square, fits.updates]
        state += [self.loss_sum, self.weight_sum, self.total, self.step]
        parts: dict[Program, Packed | None] = {"train": fits.train, "valid": fits.valid, "check": fits.check}
        used = [program for program, packed in parts.items() if packed is not None and packed.longest]
        with unchanged(state):
            return {program: record(partial(self._perform, program)) for program in used}

    def _run(self, program: Program, n: int) -> None:
        """Mini-batches 0 … n - 1 of a program."""
        self.step.zero_()
        work = self.replays.get(program) or partial(self._perform, program)
        for _ in range(n):
            work()

    def _perform(self, program: Program) -> None:
        """One mini-batch; nothing in it depends on the host."""
        if program == "train":
            self._train_step()
        else:
            packed = self.fits.valid if program == "valid" else self.fits.check
            assert packed is not None
            self._evaluate_step(packed)
        self.step.add_(1)

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
        self.order[:, :-1].copy_(self._order(epoch))
        self.epoch_number.fill_(epoch)
        self.loss_sum.zero_()
        self.weight_sum.zero_()
        self._run("train", self.steps)
        train_loss = self.loss_sum / self.weight_sum if self.fits.check is None else self._evaluate("check")
        both = torch.stack([train_loss, self._evaluate("valid")]).cpu().numpy()
        return both[0], both[1]

    def _order(self, epoch: int) -> Tensor:
        """Order of each fit's samples, then the number of the empty column: ``[K, N]``."""
        n = self.fits.train.longest
        place = torch.arange(n, device=self.device)[None, :]
        outside = place >= self.fits.train.lengths[:, None]
        if self.spec.batches == "sliding":
            return place.masked_fill(outside, n)
        draw = self._words(SHUFFLE, n, epoch, 0).masked_fill(outside, PADDING)
        return torch.argsort(draw, dim=1, stable=True).masked_fill(outside, n)

    def _choose(self) -> None:
        """Samples of each fit in this mini-batch, and their number; none for a fit whose epoch is over."""
        longest, size = self.fits.train.longest, self.spec.batch_size
        sliding = self.spec.batches == "sliding"
        start = self.step * (1 if sliding else size)
        torch.index_select(self.order, 1, (start + self.lane).clamp_(max=longest), out=self.columns)
        left = self.fits.train.lengths - start
        if sliding:
            left.masked_fill_((left < size) & (start > 0), 0)
        self.filled.copy_(left.clamp_(0, size))
        self.columns.masked_fill_((self.filled == 0)[:, None], longest)

    def _words(self, stream: int, n: int, epoch: int | Tensor, step: int | Tensor) -> Tensor:
        """`philox.words` on the device, of counters that lie there or are given."""
        block = torch.arange((n + 3) // 4, device=self.device)[None, :]
        zero = torch.zeros_like(block)
        four = philox4x32(block, zero + step, zero + epoch, zero + stream, self.fits.keys[:, :1], self.fits.keys[:, 1:])
        return torch.stack(four, dim=-1).flatten(1)[:, :n]

    def _draw_mask(self, mask: Tensor) -> None:
        """Inverted dropout: kept with probability 1 - dropout, and scaled up by as much.

        A mask for each mini-batch of an epoch would take more memory than all else, so a step draws its own.
        """
        keep = 1.0 - self.spec.dropout
        drawn = self._words(DROPOUT, mask[0].numel(), self.epoch_number, self.step) <= int(keep * MASK)
        mask.copy_(drawn.view_as(mask)).mul_(1.0 / keep)

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

    def _train_step(self) -> None:
        """One mini-batch: gradient, clipping, Adam."""
        self._choose()
        if self.mask is not None:
            self._draw_mask(self.mask)
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

    def _evaluate(self, program: Program) -> Tensor:
        """Weighted mean loss of each fit over some samples, without dropout, ``[K]``; NaN where there are none."""
        packed = self.fits.valid if program == "valid" else self.fits.check
        assert packed is not None
        self.total.zero_()
        self._run(program, -(-packed.longest // self.spec.batch_size))
        return self.total / packed.total

    def _evaluate_step(self, packed: Packed) -> None:
        """Add a mini-batch's losses to `total`; the samples come in their own order."""
        place = (self.step * self.spec.batch_size + self.lane).clamp_(max=packed.longest)
        self.columns.copy_(place.expand_as(self.columns))
        batch = self._gather(packed)
        loss, _ = loss_terms(self.net.forward(self.p, batch, None) - batch.y, self.spec.loss)
        self.total.add_((loss * batch.weight).flatten(1).sum(1))
