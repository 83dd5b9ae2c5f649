"""One gated recurrent network in plain torch: layers with recurrent dropout, a small head, tanh.

    z = W x_t + U (m ∘ h_{t-1}) + b,   m a dropout mask per window, one for all gates or one for each
                                       (the tied and the untied weights of Gal & Ghahramani 2016)
    LSTM   i, f, o = σ(z)    g = tanh(z)    c = f·c₋ + i·g    h = o·tanh(c)
    GRU    r, u = σ(z)       n = tanh(W x + b + r·(U (m ∘ h₋) + b'))    h = (1 − u)·n + u·h₋     (Cho et al. 2014)
    attention over the last layer's outputs: a = softmax_t(v·tanh(A h_t + a₀)), Σ a_t h_t    (Bahdanau et al. 2015)

torch.nn.LSTM has no recurrent dropout, and its dropout draws from a global stream. So the cells are written out here,
and every random number comes from a generator that is passed in.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Generator, Tensor, nn

from forecasting.models.lstm.engine.arrays import Array
from forecasting.models.lstm.engine.optimizer import BETA1, BETA2, EPSILON
from forecasting.models.lstm.engine.torch_threads import one_thread

__all__ = [
    "GatedNetwork",
    "GatedShape",
    "GatedSpec",
    "Recurrent",
    "TrainedGates",
    "outputs",
    "parameter_shapes",
    "train",
]


@dataclass(frozen=True)
class GatedShape:
    """Sizes and blocks: recurrent layers, dense layer (None: none), shares dropped; `gate_masks`: each gate of the
    first layer has a mask of its own, not one for all.
    """

    n_inputs: int
    cell: Literal["lstm", "gru"]
    hidden_sizes: tuple[int, ...]
    dense_size: int | None
    attention: bool
    recurrent_dropout: float
    dropout: float
    dense_dropout: float
    gate_masks: bool = False


@dataclass(frozen=True)
class GatedSpec:
    """How a network is trained; `patience`: epochs without a better validation loss before it stops."""

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int


@dataclass(frozen=True)
class TrainedGates:
    """The best weights by name, losses by epoch, and the epoch (from 1) whose weights these are."""

    parameters: dict[str, Array]
    train_loss: list[float]
    valid_loss: list[float]
    epoch: int


def dropped(x: Tensor, share: float, generator: Generator | None) -> Tensor:
    """`x` with a share of its values dropped and the others scaled up; unchanged without a generator."""
    if generator is None or share == 0.0:
        return x
    return x * mask_of(x, share, generator)


def mask_of(x: Tensor, share: float, generator: Generator) -> Tensor:
    return (torch.rand(x.shape, generator=generator) >= share).to(x.dtype) / (1.0 - share)


class Recurrent(nn.Module):
    """One layer. Gates: LSTM i, f, g, o; GRU r, u, n — the order of torch's own cells."""

    def __init__(self, kind: Literal["lstm", "gru"], n_inputs: int, hidden: int, generator: Generator) -> None:
        super().__init__()
        gates = 4 if kind == "lstm" else 3
        self.kind, self.hidden = kind, hidden
        self.kernel = nn.Parameter(glorot(gates * hidden, n_inputs, generator))
        self.recurrent = nn.Parameter(torch.cat([orthogonal(hidden, generator) for _ in range(gates)]))
        self.bias = nn.Parameter(torch.zeros(gates * hidden))
        self.candidate_bias = nn.Parameter(torch.zeros(hidden)) if kind == "gru" else None
        if kind == "lstm":
            with torch.no_grad():
                self.bias[hidden : 2 * hidden] = 1.0

    def forward(
        self, x: Tensor, dropout: float = 0.0, generator: Generator | None = None, gate_masks: bool = False
    ) -> Tensor:
        """Outputs ``[B, T, hidden]`` for inputs ``[B, T, F]``."""
        h = c = x.new_zeros(len(x), self.hidden)
        seen = h.expand(len(self.bias) // self.hidden, *h.shape) if gate_masks else h
        mask = mask_of(seen, dropout, generator) if generator is not None and dropout > 0.0 else None
        outputs = []
        for given in (x @ self.kernel.T + self.bias).unbind(1):
            back = self.fed_back(h if mask is None else h * mask)
            if self.candidate_bias is None:
                i, f, g, o = (given + back).chunk(4, dim=1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            else:
                (r, u, n), (r_back, u_back, n_back) = given.chunk(3, dim=1), back.chunk(3, dim=1)
                update = torch.sigmoid(u + u_back)
                candidate = torch.tanh(n + torch.sigmoid(r + r_back) * (n_back + self.candidate_bias))
                h = (1.0 - update) * candidate + update * h
            outputs.append(h)
        return torch.stack(outputs, dim=1)

    def fed_back(self, h: Tensor) -> Tensor:
        """What the last outputs ``[B, hidden]`` bring to all gates, ``[B, gates · hidden]``; with a mask for each gate,
        they are ``[gates, B, hidden]``.
        """
        if h.dim() == 2:
            return h @ self.recurrent.T
        by_gate = torch.bmm(h, self.recurrent.unflatten(0, (len(h), self.hidden)).transpose(1, 2))
        return by_gate.transpose(0, 1).flatten(1)


class GatedNetwork(nn.Module):
    """Recurrent layers → last state, or attention over all → dropout → dense, relu → dropout → one unit, tanh."""

    def __init__(self, shape: GatedShape, generator: Generator) -> None:
        super().__init__()
        self.shape = shape
        widths = [shape.n_inputs, *shape.hidden_sizes]
        self.layers = nn.ModuleList(Recurrent(shape.cell, a, b, generator) for a, b in pairwise(widths))
        last = widths[-1]
        self.score = Affine(last, last, generator) if shape.attention else None
        self.focus = nn.Parameter(glorot(1, last, generator)[0]) if shape.attention else None
        self.dense = Affine(last, shape.dense_size, generator) if shape.dense_size else None
        self.out = Affine(shape.dense_size or last, 1, generator)

    def forward(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        """Outputs ``[B]`` in (-1, 1) for windows ``[B, T, F]``; dropout only with a generator."""
        shape = self.shape
        for place, layer in enumerate(self.layers):
            x = layer(x, shape.recurrent_dropout if place == 0 else 0.0, generator, shape.gate_masks)
        state = x[:, -1]
        if self.score is not None and self.focus is not None:
            share = torch.softmax(torch.tanh(self.score(x)) @ self.focus, dim=1)
            state = (share[:, :, None] * x).sum(1)
        if self.dense is not None:
            state = torch.relu(self.dense(dropped(state, shape.dropout, generator)))
        state = dropped(state, shape.dense_dropout, generator)
        out: Tensor = torch.tanh(self.out(state))
        return out[:, 0]


class Affine(nn.Module):
    """W x + b."""

    def __init__(self, n_inputs: int, n_outputs: int, generator: Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(glorot(n_outputs, n_inputs, generator))
        self.bias = nn.Parameter(torch.zeros(n_outputs))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x @ self.weight.T + self.bias
        return out


def glorot(n_outputs: int, n_inputs: int, generator: Generator) -> Tensor:
    """Uniform in ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010)."""
    limit = (6.0 / (n_inputs + n_outputs)) ** 0.5
    start: Tensor = (2.0 * torch.rand(n_outputs, n_inputs, generator=generator) - 1.0) * limit
    return start


def orthogonal(n: int, generator: Generator) -> Tensor:
    """A random rotation (Saxe, McClelland & Ganguli 2014)."""
    q, r = torch.linalg.qr(torch.randn(n, n, generator=generator))
    rotation: Tensor = q * torch.sign(torch.diagonal(r))
    return rotation


Data = tuple[Array, Array]


@one_thread()
def train(shape: GatedShape, spec: GatedSpec, fitted: Data, held: Data, key: int) -> TrainedGates:
    """Fit by Adam on squared errors of `fitted` (windows ``[N, T, F]``, labels ``[N]``), and keep the epoch's weights
    that have the lowest loss on `held`.

    The output starts at the mean label. Zero weights would start it at the middle of the labels' range, which can be a
    change that compounds beyond all bounds.
    """
    generator = Generator().manual_seed(key % 2**63)
    network = GatedNetwork(shape, generator)
    with torch.no_grad():
        network.out.bias.fill_(float(np.arctanh(np.clip(fitted[1].mean(), -0.99, 0.99))))
    adam = torch.optim.Adam(network.parameters(), lr=spec.learning_rate, betas=(BETA1, BETA2), eps=EPSILON)
    best, best_epoch = copy.deepcopy(network.state_dict()), 0
    train_loss: list[float] = []
    valid_loss: list[float] = []
    for epoch in range(1, spec.epochs + 1):
        _train_epoch(network, adam, fitted, spec.batch_size, generator)
        train_loss.append(loss_of(network, fitted))
        valid_loss.append(loss_of(network, held))
        if np.isfinite(valid_loss[-1]) and valid_loss[-1] <= min(valid_loss):
            best, best_epoch = copy.deepcopy(network.state_dict()), epoch
        if epoch - best_epoch >= spec.patience:
            break
    parameters = {name: np.asarray(value.numpy()) for name, value in best.items()}
    return TrainedGates(parameters, train_loss, valid_loss, best_epoch)


def _train_epoch(
    network: GatedNetwork, adam: torch.optim.Adam, data: Data, batch_size: int, generator: Generator
) -> None:
    x, y = (torch.from_numpy(part) for part in data)
    for rows in torch.randperm(len(x), generator=generator).split(batch_size):
        adam.zero_grad()
        loss = torch.mean((network(x[rows], generator) - y[rows]) ** 2)
        loss.backward()
        adam.step()


def loss_of(network: GatedNetwork, data: Data) -> float:
    with torch.inference_mode():
        return float(torch.mean((network(torch.from_numpy(data[0])) - torch.from_numpy(data[1])) ** 2))


def parameter_shapes(shape: GatedShape) -> dict[str, tuple[int, ...]]:
    """Name → shape of every parameter of a network."""
    return {name: tuple(value.shape) for name, value in GatedNetwork(shape, Generator()).state_dict().items()}


def outputs(shape: GatedShape, parameters: dict[str, Array], windows: Array) -> Array:
    """What a trained network says of windows ``[B, T, F]``, ``[B]``."""
    with one_thread(), torch.inference_mode():
        network = GatedNetwork(shape, Generator())
        network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in parameters.items()})
        return np.asarray(network(torch.from_numpy(windows)).numpy())
