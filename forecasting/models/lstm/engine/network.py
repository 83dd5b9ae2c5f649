"""The two networks: where each parameter lies in a fit's flat vector, how it starts, and its forward pass in numpy.

direct    x [T, F] → LSTM → last hidden state → one output per step ahead,
          plus a linear term in what is known of that step
classic   x [T, F] → dense, tanh → LSTM with peepholes → LSTM with peepholes,
          projected to one unit: the output of each step

A layer's matrix `[4 · hidden, recurrent + 1 + inputs]` acts on the rows (what is fed back, 1, inputs): the bias and
the input projection ride along in one product. Gates in the order i, f, o, g.

    i, f = σ(z_i + p_i·c₋), σ(z_f + p_f·c₋)    c = f·c₋ + i·tanh(z_g)    o = σ(z_o + p_o·c)    h = o·tanh(c)

Peepholes p: Gers, Schraudolph, Schmidhuber (2002); projection: Sak, Senior, Beaufays (2014).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from forecasting.models.lstm.engine.arrays import Array
from forecasting.models.lstm.engine.philox import WEIGHTS, split_key, uniform, words

__all__ = ["Network", "forward", "initial_parameters", "starting_parameters"]

PADDED = 32
"""Parameter vectors are padded to whole vector registers, so that no element is ever computed by a loop's scalar
rest."""

TRUNCATION = 2.0
"""A truncated normal is cut at so many standard deviations."""


@dataclass(frozen=True)
class Network:
    """Sizes of one network; everything that decides the program.

    `input_size` time steps T; `n_inputs` features F of a step; `hidden_size` units of each layer; `n_outputs` steps
    ahead (direct) or T (classic); `n_known` linear inputs of each step ahead; `start` how wide the classic network's
    weights start: 1/√(rows fed in), or 1.
    """

    topology: Literal["direct", "classic"]
    input_size: int
    n_inputs: int
    hidden_size: int
    n_outputs: int
    n_known: int = 0
    start: Literal["scaled", "unit"] = "scaled"

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameters in the order in which they lie in the flat vector."""
        hidden = self.hidden_size
        if self.topology == "direct":
            return {
                "lstm": (4 * hidden, hidden + 1 + self.n_inputs),
                "head": (self.n_outputs, hidden + 1),
                "known": (self.n_known,),
            }
        return {
            "dense": (hidden, 1 + self.n_inputs),
            "lstm": (4 * hidden, hidden + 1 + hidden),
            "peephole": (3, hidden),
            "lstm2": (4 * hidden, 1 + 1 + hidden),
            "peephole2": (3, hidden),
            "projection": (1, hidden),
        }

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Place of each parameter in the flat vector."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes.values()])
        starts = [0, *ends[:-1]]
        return {name: slice(int(a), int(b)) for name, a, b in zip(self.shapes, starts, ends, strict=True)}

    @cached_property
    def size(self) -> int:
        """Length of the flat vector, padded with zeros."""
        used = sum(int(np.prod(shape)) for shape in self.shapes.values())
        return -(-used // PADDED) * PADDED

    def unflatten(self, flat: Array) -> dict[str, Array]:
        """Named views of one fit's flat vector ``[size]``."""
        return {name: flat[part].reshape(self.shapes[name]) for name, part in self.slices.items()}


def initial_parameters(network: Network, key: int) -> Array:
    """Start of one fit, ``[size]``; see `starting_parameters`."""
    return np.asarray(starting_parameters(network, [key])[0])


def starting_parameters(network: Network, keys: Sequence[int]) -> Array:
    """Starts of fits ``[K, size]``, each drawn from its own stream.

    direct: uniform in ±1/√hidden, known effects at zero. classic: truncated normal, forget bias 1, as articles built on
    early TensorFlow start; the dense layer has standard deviation 1 and bias 0.1, the others 1/√(rows fed in) or, as
    early TensorFlow did unless told, 1 too.
    """
    draw = uniform(words(np.array([split_key(key) for key in keys], dtype=np.int64), WEIGHTS, network.size))
    flat = np.zeros((len(keys), network.size), dtype=np.float32)
    hidden = network.hidden_size
    if network.topology == "direct":
        for name in ("lstm", "head"):
            part = network.slices[name]
            flat[:, part] = (2.0 * draw[:, part] - 1.0) / np.sqrt(hidden)
        return flat
    for name, part in network.slices.items():
        shape = network.shapes[name]
        fan_in = shape[-1] if shape[0] != 3 else hidden
        deviation = 1.0 if name == "dense" or network.start == "unit" else 1.0 / np.sqrt(fan_in)
        flat[:, part] = deviation * _truncated_normal(draw[:, part])
    for row in flat:
        parts = network.unflatten(row)
        parts["dense"][:, 0] = 0.1
        for name, recurrent in (("lstm", hidden), ("lstm2", 1)):
            parts[name][:, recurrent] = 0.0
            parts[name][hidden : 2 * hidden, recurrent] = 1.0
    return flat


def _truncated_normal(u: Array) -> Array:
    """Standard normal cut at ±TRUNCATION from uniforms, by the inverse of its distribution function."""
    from scipy.special import ndtr, ndtri

    low, high = ndtr(-TRUNCATION), ndtr(TRUNCATION)
    return np.asarray(ndtri(low + (high - low) * u.astype(np.float64)), dtype=np.float32)


def forward(network: Network, parameters: Mapping[str, Array], x: Array, known: Array) -> Array:
    """Outputs ``[N, n_outputs]`` for inputs `x` ``[N, T, F]`` and `known` ``[N, n_outputs, n_known]``, without
    dropout.
    """
    if network.topology == "direct":
        hidden = _lstm(parameters["lstm"], None, None, x)[:, -1]
        return np.asarray(_affine(parameters["head"], hidden) + known @ parameters["known"], dtype=np.float32)
    dense = np.tanh(x @ parameters["dense"][:, 1:].T + parameters["dense"][:, 0])
    first = _lstm(parameters["lstm"], parameters["peephole"], None, dense)
    return np.asarray(_lstm(parameters["lstm2"], parameters["peephole2"], parameters["projection"], first)[:, :, 0])


def _affine(matrix: Array, x: Array) -> Array:
    return x @ matrix[:, :-1].T + matrix[:, -1]


def _sigmoid(x: Array) -> Array:
    half = np.float32(0.5)
    return np.asarray(half + half * np.tanh(half * x), dtype=np.float32)


def _lstm(matrix: Array, peephole: Array | None, projection: Array | None, x: Array) -> Array:
    """What the layer gives out at every step, ``[N, T, recurrent]``."""
    n, steps, _ = x.shape
    hidden = matrix.shape[0] // 4
    fed_back = np.zeros((n, hidden if projection is None else len(projection)), dtype=np.float32)
    cell = np.zeros((n, hidden), dtype=np.float32)
    one = np.ones((n, 1), dtype=np.float32)
    p_i, p_f, p_o = np.zeros((3, hidden), dtype=np.float32) if peephole is None else peephole
    outputs = []
    for t in range(steps):
        z_i, z_f, z_o, z_g = np.split(np.hstack([fed_back, one, x[:, t]]) @ matrix.T, 4, axis=1)
        i, f = _sigmoid(z_i + p_i * cell), _sigmoid(z_f + p_f * cell)
        cell = f * cell + i * np.tanh(z_g)
        out = _sigmoid(z_o + p_o * cell) * np.tanh(cell)
        fed_back = out if projection is None else out @ projection.T
        outputs.append(fed_back)
    return np.stack(outputs, axis=1)
