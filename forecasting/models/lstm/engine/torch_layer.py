"""One LSTM layer of K fits at once in torch, with back-propagation through time written by hand.

Feature-major: every buffer is ``[T, K, features, batch]``, so one batched product per step serves all gates of all
fits, and each gate's slice is contiguous within a fit. Buffers and their views are made once and keep their addresses,
which is also what a CUDA graph asks for. The equations stand in `network`.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["FusedLayer", "Layer", "sum_over_time"]

sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


def sum_over_time(x: Tensor) -> Tensor:
    """Sum over the first axis, each element by itself: a sum over an outer axis depends on how many columns there
    are.
    """
    return x.movedim(0, -1).contiguous().sum(-1)


class Layer:
    """Buffers of one layer and its two passes.

    `rows` ``[T + 1, K, recurrent + 1 + inputs, B]`` holds at step t what the matrix acts on: the output of step t -
    1, ones, and the inputs of step t, which the caller writes to `inputs` ``[T, K, inputs, B]``.
    """

    def __init__(
        self, n_fits: int, steps: int, hidden: int, n_inputs: int, batch: int, device: str, *, projected: int = 0
    ) -> None:
        def buffer(*shape: int) -> Tensor:
            return torch.zeros(shape, device=device)

        recurrent = projected or hidden
        self.steps, self.hidden, self.recurrent, self.projected = steps, hidden, recurrent, bool(projected)
        self.rows = buffer(steps + 1, n_fits, recurrent + 1 + n_inputs, batch)
        self.rows[:, :, recurrent] = 1.0
        self.inputs = self.rows[:steps, :, recurrent + 1 :]
        self.outputs = self.rows[1:, :, :recurrent]
        self.gates = buffer(steps, n_fits, 4 * hidden, batch)
        self.cell = buffer(steps + 1, n_fits, hidden, batch)
        self.tanh_cell = buffer(steps, n_fits, hidden, batch)
        self._prepare(n_fits, n_inputs, batch, device)

    def _prepare(self, n_fits: int, n_inputs: int, batch: int, device: str) -> None:
        """What the passes need besides: working space, and views by step."""

        def buffer(*shape: int) -> Tensor:
            return torch.zeros(shape, device=device)

        steps, hidden, recurrent = self.steps, self.hidden, self.recurrent
        self.d_gates = buffer(steps, n_fits, 4 * hidden, batch)
        self.unprojected = buffer(steps, n_fits, hidden, batch) if self.projected else self.outputs
        self.d_cell, self.d_hidden, self.scratch = (buffer(n_fits, hidden, batch) for _ in range(3))
        self.d_matrix = buffer(n_fits, 4 * hidden, recurrent + 1 + n_inputs)
        self.d_recurrent = buffer(n_fits, recurrent, batch)
        self.d_projected = buffer(steps if self.projected else 0, n_fits, recurrent, batch)
        self.minus_one = torch.full((), -1.0, device=device)
        # Views by step, made once: slicing costs more than the arithmetic of a small step.
        self.by_gate = [[g[:, k * hidden : (k + 1) * hidden] for k in range(4)] for g in self.gates]
        self.by_d_gate = [[g[:, k * hidden : (k + 1) * hidden] for k in range(4)] for g in self.d_gates]
        self.sigmoids = [g[:, : 3 * hidden] for g in self.gates]
        self.d_sigmoids = [g[:, : 3 * hidden] for g in self.d_gates]
        self.all_gates, self.all_d_gates = list(self.gates), list(self.d_gates)
        self.cells, self.tanh_cells, self.hiddens = list(self.cell), list(self.tanh_cell), list(self.unprojected)
        self.row, self.out = list(self.rows), list(self.outputs)
        self.row_t = [r.transpose(1, 2) for r in self.row]
        # tanh x = 2·σ(2x) − 1: torch's tanh takes ten times as long as its sigmoid.
        self.doubling = buffer(4 * hidden, 1).fill_(1.0)
        self.doubling[3 * hidden :] = 2.0

    def forward(self, matrix: Tensor, peephole: Tensor | None = None, projection: Tensor | None = None) -> None:
        """Fill `outputs` ``[T, K, recurrent, B]`` from `inputs`.

        `matrix` ``[K, 4·hidden, recurrent + 1 + inputs]``, `peephole` ``[K, 3, hidden]``, `projection` ``[K,
        recurrent, hidden]``.
        """
        scaled = matrix * self.doubling
        p_i, p_f, p_o = (None,) * 3 if peephole is None else peephole.unsqueeze(-1).unbind(1)
        for t in range(self.steps):
            i, f, o, g = self.by_gate[t]
            torch.bmm(scaled, self.row[t], out=self.all_gates[t])
            if p_i is not None and p_f is not None:
                i.addcmul_(p_i, self.cells[t]).sigmoid_()
                f.addcmul_(p_f, self.cells[t]).sigmoid_()
                g.sigmoid_()
            else:
                self.all_gates[t].sigmoid_()
            torch.add(self.minus_one, g, alpha=2.0, out=g)
            cell, tanh_cell = self.cells[t + 1], self.tanh_cells[t]
            torch.mul(i, g, out=cell).addcmul_(f, self.cells[t])
            if p_o is not None:
                o.addcmul_(p_o, cell).sigmoid_()
            torch.mul(cell, 2.0, out=tanh_cell).sigmoid_()
            torch.add(self.minus_one, tanh_cell, alpha=2.0, out=tanh_cell)
            torch.mul(o, tanh_cell, out=self.hiddens[t])
            if projection is not None:
                self.out[t].copy_(torch.bmm(projection, self.hiddens[t]))

    def backward(
        self,
        d_outputs: Tensor,
        matrix: Tensor,
        d_matrix: Tensor,
        peephole: Tensor | None = None,
        projection: Tensor | None = None,
    ) -> None:
        """Gradients of the last `forward`: `d_gates`, and `d_matrix` of `matrix`'s shape.

        `d_outputs` is ``[T, K, recurrent, B]``, or ``[K, recurrent, B]`` when only the last output is used.
        """
        back = matrix[:, :, : self.recurrent].transpose(1, 2).contiguous()
        only_last = d_outputs.dim() == 3
        d_hidden, d_recurrent = self.d_hidden, self.d_recurrent
        d_recurrent.copy_(d_outputs if only_last else d_outputs[-1])
        self.d_cell.zero_()
        self.d_matrix.zero_()
        for t in reversed(range(self.steps)):
            if projection is None:
                # The two swap roles from step to step, here alone: the next call starts as this one did.
                d_hidden, d_recurrent = d_recurrent, d_hidden
            else:
                self.d_projected[t].copy_(d_recurrent)
                torch.bmm(projection.transpose(1, 2), d_recurrent, out=d_hidden)
            self._backward_step(t, d_hidden, peephole)
            self.d_matrix.baddbmm_(self.all_d_gates[t], self.row_t[t])
            if t > 0:
                torch.bmm(back, self.all_d_gates[t], out=d_recurrent)
                if not only_last:
                    d_recurrent.add_(d_outputs[t - 1])
        d_matrix.copy_(self.d_matrix)

    def _backward_step(self, t: int, d_hidden: Tensor, peephole: Tensor | None) -> None:
        """`d_gates` of step t from `d_hidden` and `d_cell`, which becomes that of step t - 1."""
        i, f, o, g = self.by_gate[t]
        d_i, d_f, d_o, d_g = self.by_d_gate[t]
        torch.mul(d_hidden, self.tanh_cells[t], out=d_o)
        torch.mul(d_hidden, o, out=self.scratch)
        tanh_backward(self.scratch, self.tanh_cells[t], grad_input=self.scratch)
        self.d_cell.add_(self.scratch)
        if peephole is not None:
            sigmoid_backward(d_o, o, grad_input=d_o)
            self.d_cell.addcmul_(d_o, peephole[:, 2].unsqueeze(-1))
        torch.mul(self.d_cell, g, out=d_i)
        torch.mul(self.d_cell, self.cells[t], out=d_f)
        torch.mul(self.d_cell, i, out=d_g)
        tanh_backward(d_g, g, grad_input=d_g)
        if peephole is None:
            sigmoid_backward(self.d_sigmoids[t], self.sigmoids[t], grad_input=self.d_sigmoids[t])
            self.d_cell.mul_(f)
            return
        sigmoid_backward(d_i, i, grad_input=d_i)
        sigmoid_backward(d_f, f, grad_input=d_f)
        self.d_cell.mul_(f)
        self.d_cell.addcmul_(d_i, peephole[:, 0].unsqueeze(-1))
        self.d_cell.addcmul_(d_f, peephole[:, 1].unsqueeze(-1))

    def d_peephole(self) -> Tensor:
        """Gradient of the peepholes after `backward`, ``[K, 3, hidden]``."""
        _, n_fits, _, batch = self.d_gates.shape
        by_gate = self.d_gates.view(self.steps, n_fits, 4, self.hidden, batch)
        before, after = self.cell[:-1], self.cell[1:]
        parts = [sum_over_time((by_gate[:, :, k] * cell).sum(-1)) for k, cell in ((0, before), (1, before), (2, after))]
        return torch.stack(parts, dim=1)

    def d_inputs(self, matrix: Tensor) -> Tensor:
        """Gradient of the inputs after `backward`, ``[T, K, inputs, B]``."""
        return torch.matmul(matrix[:, :, self.recurrent + 1 :].transpose(1, 2), self.d_gates)

    def d_projection(self) -> Tensor:
        """Gradient of the projection after `backward`, ``[K, recurrent, hidden]``."""
        return sum_over_time(torch.matmul(self.d_projected, self.unprojected.transpose(2, 3)))


class FusedLayer(Layer):
    """A layer without peepholes and projection, whose last output alone is used, by the kernels of `fused`.

    It agrees with `Layer` to rounding.
    """

    def _prepare(self, n_fits: int, n_inputs: int, batch: int, device: str) -> None:
        """The kernels keep in registers all that a step needs."""

    def forward(self, matrix: Tensor, peephole: Tensor | None = None, projection: Tensor | None = None) -> None:
        from forecasting.models.lstm.engine import fused

        assert peephole is projection is None
        fused.forward(matrix, self.rows, self.gates, self.cell, self.tanh_cell)

    def backward(
        self,
        d_outputs: Tensor,
        matrix: Tensor,
        d_matrix: Tensor,
        peephole: Tensor | None = None,
        projection: Tensor | None = None,
    ) -> None:
        from forecasting.models.lstm.engine import fused

        assert peephole is projection is None
        assert d_outputs.dim() == 3
        fused.backward(d_outputs, matrix, d_matrix, self.rows, self.gates, self.cell, self.tanh_cell)
