"""Loss and gradient of K networks at once in torch, for one mini-batch of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from forecasting.models.lstm.engine.network import Network
from forecasting.models.lstm.engine.torch_graph import can_fuse
from forecasting.models.lstm.engine.torch_layer import FusedLayer, Layer, sum_over_time

__all__ = ["Classic", "Direct", "MiniBatch", "loss_terms"]


@dataclass(frozen=True)
class MiniBatch:
    """One mini-batch of each of K fits: `x` ``[T, K, F, B]``, `y` and `weight` ``[K, O, B]``, `known` ``[K, C, O,
    B]``.
    """

    x: Tensor
    y: Tensor
    weight: Tensor
    known: Tensor


def loss_terms(error: Tensor, loss: Literal["l1", "huber", "mse"]) -> tuple[Tensor, Tensor]:
    """Elementwise loss and its derivative; Huber's turns linear at 1."""
    if loss == "l1":
        return error.abs(), error.sign()
    if loss == "mse":
        return error.square(), 2.0 * error
    clipped = error.clamp(-1.0, 1.0)
    return clipped * (error - 0.5 * clipped), clipped


class Direct:
    """LSTM, then one output per step ahead from the last hidden state, and a linear term in what is known of that
    step.
    """

    def __init__(self, network: Network, n_fits: int, batch: int, device: str) -> None:
        self.hidden = network.hidden_size
        layer = FusedLayer if can_fuse(network, device) else Layer
        self.layer = layer(n_fits, network.input_size, self.hidden, network.n_inputs, batch, device)
        self.last = self.layer.rows[-1][:, : self.hidden + 1]
        self.dropped = torch.ones_like(self.last)

    def mask_shape(self) -> tuple[int, ...]:
        """Shape of a dropout mask, fits first."""
        return (self.last.shape[0], self.hidden, self.last.shape[2])

    def forward(self, p: Mapping[str, Tensor], batch: MiniBatch, mask: Tensor | None) -> Tensor:
        """Outputs ``[K, O, B]``; `mask` multiplies the last hidden state."""
        self.layer.inputs.copy_(batch.x)
        self.layer.forward(p["lstm"])
        self.dropped.copy_(self.last)
        if mask is not None:
            self.dropped[:, : self.hidden].mul_(mask)
        out = torch.bmm(p["head"], self.dropped)
        if batch.known.shape[1]:
            out += (batch.known * p["known"][:, :, None, None]).sum(1)
        return out

    def backward(
        self, p: Mapping[str, Tensor], d: Mapping[str, Tensor], batch: MiniBatch, d_out: Tensor, mask: Tensor | None
    ) -> None:
        """Write the gradients into `d`, given that of the outputs ``[K, O, B]``."""
        d["head"].copy_(torch.bmm(d_out, self.dropped.transpose(1, 2)))
        if batch.known.shape[1]:
            d["known"].copy_((batch.known * d_out.unsqueeze(1)).flatten(2).sum(-1))
        d_hidden = torch.bmm(p["head"][:, :, : self.hidden].transpose(1, 2), d_out)
        if mask is not None:
            d_hidden.mul_(mask)
        self.layer.backward(d_hidden, p["lstm"], d["lstm"])


class Classic:
    """Dense layer, then two LSTM layers with peepholes, the second projected to one unit: the output of each step."""

    def __init__(self, network: Network, n_fits: int, batch: int, device: str) -> None:
        hidden, steps = network.hidden_size, network.input_size
        self.first = Layer(n_fits, steps, hidden, hidden, batch, device)
        self.second = Layer(n_fits, steps, hidden, hidden, batch, device, projected=1)

    def mask_shape(self) -> tuple[int, ...]:
        """Shape of a dropout mask, fits first."""
        steps, n_fits, hidden, batch = self.first.outputs.shape
        return (n_fits, steps, hidden, batch)

    def forward(self, p: Mapping[str, Tensor], batch: MiniBatch, mask: Tensor | None) -> Tensor:
        """Outputs ``[K, T, B]``; `mask` multiplies the outputs of the first LSTM layer."""
        bias, weight = p["dense"][:, :, :1], p["dense"][:, :, 1:]
        torch.tanh(torch.matmul(weight, batch.x).add_(bias), out=self.first.inputs)
        self.first.forward(p["lstm"], p["peephole"])
        self.second.inputs.copy_(self.first.outputs)
        if mask is not None:
            self.second.inputs.mul_(mask.transpose(0, 1))
        self.second.forward(p["lstm2"], p["peephole2"], p["projection"])
        return self.second.outputs[:, :, 0].transpose(0, 1).contiguous()

    def backward(
        self, p: Mapping[str, Tensor], d: Mapping[str, Tensor], batch: MiniBatch, d_out: Tensor, mask: Tensor | None
    ) -> None:
        """Write the gradients into `d`, given that of the outputs ``[K, T, B]``."""
        self.second.backward(
            d_out.transpose(0, 1).unsqueeze(2), p["lstm2"], d["lstm2"], p["peephole2"], p["projection"]
        )
        d["peephole2"].copy_(self.second.d_peephole())
        d["projection"].copy_(self.second.d_projection())
        d_first = self.second.d_inputs(p["lstm2"])
        if mask is not None:
            d_first.mul_(mask.transpose(0, 1))
        self.first.backward(d_first, p["lstm"], d["lstm"], p["peephole"])
        d["peephole"].copy_(self.first.d_peephole())
        d_dense = self.first.d_inputs(p["lstm"]) * (1.0 - self.first.inputs.square())
        d["dense"][:, :, 0].copy_(sum_over_time(d_dense.sum(-1)))
        d["dense"][:, :, 1:].copy_(sum_over_time(torch.matmul(d_dense, batch.x.transpose(2, 3))))
