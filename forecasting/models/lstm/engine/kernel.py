"""The numba kernel of the direct network: one epoch of one fit, without the GIL.

Layout, all float32, B columns of a mini-batch contiguous and padded to a multiple of `LANES`:

    rows    [T + 1, H + 1 + F, B]   h of the step before, ones, inputs of the step; zeros in columns without a sample
    rows_t  [T, B, R]               the same with features contiguous, R = H + 1 + F padded to `LANES`
    gates   [T, 4H, B]              i, f, o, g; overwritten by their gradients on the way back
    cell    [T + 1, H, B]           c, from zero
    tanh_c  [T, H, B]

so that all three products of a step are `product`s: z = W · rows, ∂W += ∂z · rows_t, ∂h = Wᵀ · ∂z. Everything else is
element by element over contiguous memory, which the compiler turns into vector instructions. The equations stand
in `network`; loss codes in `LOSSES`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forecasting.models.features.compiled import compiled
from forecasting.models.lstm.engine import optimizer
from forecasting.models.lstm.engine.arrays import Array
from forecasting.models.lstm.engine.microkernel import LANES, product
from forecasting.models.lstm.engine.network import Network

__all__ = ["LOSSES", "Buffers", "Data", "Moments", "epoch"]

LOSSES = {"l1": 0, "huber": 1, "mse": 2}

HALF, ONE, TWO = np.float32(0.5), np.float32(1.0), np.float32(2.0)
BETA1, BETA2, EPSILON = np.float32(optimizer.BETA1), np.float32(optimizer.BETA2), np.float32(optimizer.EPSILON)

# tanh x ≈ x · P(x²) / Q(x²) on ±9, where tanh is 1 in float32; minimax fit by reweighted least squares, 4e-7
# absolute in float32.
REACH = np.float32(9.0)
P0, P1, P2, P3, P4 = (
    np.float32(c)
    for c in (
        0.9999999796525775,
        0.13381049212737858,
        3.4956152730427656e-3,
        2.0609495965703164e-5,
        1.3355168041659322e-8,
    )
)
Q1, Q2, Q3, Q4 = (
    np.float32(c) for c in (0.4671436487605181, 2.5877087614790694e-2, 3.285677800744952e-4, 7.776780027861314e-7)
)


class Buffers(NamedTuple):
    """Scratch memory of one mini-batch; see the module's text."""

    rows: Array
    rows_t: Array
    gates: Array
    cell: Array
    tanh_c: Array
    last: Array
    last_t: Array
    out: Array
    y: Array
    weight: Array
    d_hidden: Array
    d_cell: Array
    scaled: Array
    d_lstm: Array
    d_head: Array

    @classmethod
    def of(cls, network: Network, batch_size: int) -> Buffers:
        """Buffers for mini-batches of up to `batch_size` samples."""
        steps, hidden, outputs = network.input_size, network.hidden_size, network.n_outputs
        n_rows = hidden + 1 + network.n_inputs
        width, across, head = (-(-n // LANES) * LANES for n in (batch_size, n_rows, hidden + 1))

        def zeros(*shape: int) -> Array:
            return np.zeros(shape, dtype=np.float32)

        rows, rows_t = zeros(steps + 1, n_rows, width), zeros(steps, width, across)
        last, last_t = zeros(hidden + 1, width), zeros(width, head)
        rows[:, hidden], rows_t[:, :, hidden], last[hidden], last_t[:, hidden] = 1.0, 1.0, 1.0, 1.0
        return cls(
            rows, rows_t, zeros(steps, 4 * hidden, width), zeros(steps + 1, hidden, width), zeros(steps, hidden, width),
            last, last_t, zeros(outputs, width), zeros(outputs, width), zeros(outputs, width),
            zeros(hidden, width), zeros(hidden, width),
            zeros(4 * hidden, n_rows), zeros(4 * hidden, across), zeros(outputs, head),
        )  # fmt: skip


class Data(NamedTuple):
    """Samples of one fit: see `samples.Samples`."""

    x: Array
    y: Array
    weight: Array
    known: Array


class Moments(NamedTuple):
    """Parameters of one fit, their gradient and Adam's moments, each ``[size]``, and Adam's corrections by step."""

    parameters: Array
    gradient: Array
    mean: Array
    square: Array
    step_size: Array
    root_correction: Array


@compiled(fastmath={"contract"})
def tanh_in_place(values):  # type: ignore[no-untyped-def]
    for e in range(len(values)):
        x = values[e]
        x = REACH if x > REACH else (-REACH if x < -REACH else x)
        s = x * x
        p = P0 + s * (P1 + s * (P2 + s * (P3 + s * P4)))
        q = ONE + s * (Q1 + s * (Q2 + s * (Q3 + s * Q4)))
        values[e] = x * p / q


@compiled(fastmath={"contract"})
def next_cell(i, f, o, g, before, cell):  # type: ignore[no-untyped-def]
    """Sigmoids from tanh of half their argument, and the cell."""
    for e in range(len(i)):
        i[e] = HALF + HALF * i[e]
        f[e] = HALF + HALF * f[e]
        o[e] = HALF + HALF * o[e]
        cell[e] = f[e] * before[e] + i[e] * g[e]


@compiled(fastmath={"contract"})
def gate_gradients(i, f, o, g, before, tanh_c, d_hidden, d_cell):  # type: ignore[no-untyped-def]
    """Gates become gradients of their arguments; `d_cell` becomes that of the step before."""
    for e in range(len(i)):
        d_c = d_cell[e] + d_hidden[e] * o[e] * (ONE - tanh_c[e] * tanh_c[e])
        gate_o, gate_i, gate_f, gate_g = o[e], i[e], f[e], g[e]
        o[e] = d_hidden[e] * tanh_c[e] * gate_o * (ONE - gate_o)
        i[e] = d_c * gate_g * gate_i * (ONE - gate_i)
        f[e] = d_c * before[e] * gate_f * (ONE - gate_f)
        g[e] = d_c * gate_i * (ONE - gate_g * gate_g)
        d_cell[e] = d_c * gate_f


@compiled(fastmath={"contract"})
def lstm_forward(buffers, matrix):  # type: ignore[no-untyped-def]
    steps, gates_h, width = buffers.gates.shape
    hidden = gates_h // 4
    n = hidden * width
    for j in range(gates_h):
        factor = HALF if j < 3 * hidden else ONE
        for k in range(matrix.shape[1]):
            buffers.scaled[j, k] = factor * matrix[j, k]
    for t in range(steps):
        product(buffers.gates[t], buffers.scaled, buffers.rows[t], 0)
        z, cell, tanh_c = buffers.gates[t].reshape(-1), buffers.cell[t + 1].reshape(-1), buffers.tanh_c[t].reshape(-1)
        tanh_in_place(z)
        next_cell(z[:n], z[n : 2 * n], z[2 * n : 3 * n], z[3 * n :], buffers.cell[t].reshape(-1), cell)
        for e in range(n):
            tanh_c[e] = cell[e]
        tanh_in_place(tanh_c)
        h = buffers.rows[t + 1, :hidden].reshape(-1)
        for e in range(n):
            h[e] = z[2 * n + e] * tanh_c[e]


@compiled(fastmath={"contract"})
def lstm_backward(buffers, matrix):  # type: ignore[no-untyped-def]
    """`d_lstm` from `d_hidden`, the gradient of the last hidden state."""
    steps, gates_h, width = buffers.gates.shape
    hidden = gates_h // 4
    n = hidden * width
    back = matrix[:, :hidden].T
    buffers.d_lstm.fill(0.0)
    buffers.d_cell.fill(0.0)
    for t in range(steps - 1, -1, -1):
        z, tanh_c, before = buffers.gates[t].reshape(-1), buffers.tanh_c[t].reshape(-1), buffers.cell[t].reshape(-1)
        d_hidden, d_cell = buffers.d_hidden.reshape(-1), buffers.d_cell.reshape(-1)
        gate_gradients(z[:n], z[n : 2 * n], z[2 * n : 3 * n], z[3 * n :], before, tanh_c, d_hidden, d_cell)
        for k in range(hidden):
            for b in range(width):
                buffers.rows_t[t, b, k] = buffers.rows[t, k, b]
        product(buffers.d_lstm, buffers.gates[t], buffers.rows_t[t], 1)
        if t > 0:
            product(buffers.d_hidden, back, buffers.gates[t], 0)


@compiled()
def gather(buffers, data, chosen):  # type: ignore[no-untyped-def]
    """Samples into columns; columns without a sample get zero inputs and zero weight."""
    steps, n_inputs = data.x.shape[1], data.x.shape[2]
    first = buffers.rows.shape[1] - n_inputs
    for b in range(buffers.rows.shape[2]):
        if b < len(chosen):
            sample = chosen[b]
            for t in range(steps):
                for k in range(n_inputs):
                    buffers.rows[t, first + k, b] = data.x[sample, t, k]
                    buffers.rows_t[t, b, first + k] = data.x[sample, t, k]
            for o in range(data.y.shape[1]):
                buffers.y[o, b] = data.y[sample, o]
                buffers.weight[o, b] = data.weight[sample, o]
        else:
            for t in range(steps):
                for k in range(n_inputs):
                    buffers.rows[t, first + k, b] = 0.0
                    buffers.rows_t[t, b, first + k] = 0.0
            for o in range(data.y.shape[1]):
                buffers.y[o, b] = 0.0
                buffers.weight[o, b] = 0.0


@compiled(fastmath={"contract", "reassoc"})
def add_known(out, facts, chosen, known):  # type: ignore[no-untyped-def]
    for b in range(len(chosen)):
        for o in range(out.shape[0]):
            effect = np.float32(0.0)
            for c in range(len(known)):
                effect += facts[chosen[b], o, c] * known[c]
            out[o, b] += effect


@compiled(fastmath={"contract"})
def outputs(buffers, data, chosen, lstm, head, known, mask):  # type: ignore[no-untyped-def]
    """Forward pass: `out`; `mask` ``[H, B]`` multiplies the last hidden state where it is not empty."""
    lstm_forward(buffers, lstm)
    hidden = buffers.last.shape[0] - 1
    for k in range(hidden):
        for b in range(buffers.last.shape[1]):
            h = buffers.rows[-1, k, b]
            if mask.size:
                h *= mask[k, b]
            buffers.last[k, b] = h
            buffers.last_t[b, k] = h
    product(buffers.out, head, buffers.last, 0)
    if len(known):
        add_known(buffers.out, data.known, chosen, known)


@compiled(fastmath={"contract"})
def loss_and_slope(buffers, loss, share):  # type: ignore[no-untyped-def]
    """Sum of the weighted losses; `out` becomes their gradient times `share`."""
    total = np.float64(0.0)
    for o in range(buffers.out.shape[0]):
        for b in range(buffers.out.shape[1]):
            error, weight = buffers.out[o, b] - buffers.y[o, b], buffers.weight[o, b]
            if loss == 0:
                value, slope = abs(error), np.float32(np.sign(error))
            elif loss == 1:
                slope = max(-ONE, min(ONE, error))
                value = slope * (error - HALF * slope)
            else:
                value, slope = error * error, TWO * error
            total += value * weight
            buffers.out[o, b] = slope * weight * share
    return total


@compiled()
def copy_columns(out, padded):  # type: ignore[no-untyped-def]
    """`padded` without its padding."""
    for r in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[r, k] = padded[r, k]


@compiled(fastmath={"contract"})
def gradients(buffers, data, chosen, lstm, head, mask, parts):  # type: ignore[no-untyped-def]
    """Gradients of all parameters from that of `out`, into the views `parts`."""
    d_lstm, d_head, d_known = parts
    hidden = head.shape[1] - 1
    product(buffers.d_head, buffers.out, buffers.last_t, 0)
    copy_columns(d_head, buffers.d_head)
    d_known.fill(0.0)
    for b in range(len(chosen)):
        for o in range(buffers.out.shape[0]):
            for c in range(len(d_known)):
                d_known[c] += data.known[chosen[b], o, c] * buffers.out[o, b]
    product(buffers.d_hidden, head[:, :hidden].T, buffers.out, 0)
    if mask.size:
        for k in range(hidden):
            for b in range(mask.shape[1]):
                buffers.d_hidden[k, b] *= mask[k, b]
    lstm_backward(buffers, lstm)
    copy_columns(d_lstm, buffers.d_lstm)


@compiled(fastmath={"contract", "reassoc"})
def squared_norm(values):  # type: ignore[no-untyped-def]
    total = np.float32(0.0)
    for e in range(len(values)):
        total += values[e] * values[e]
    return total


@compiled(fastmath={"contract"})
def adam(moments, step, clip_norm):  # type: ignore[no-untyped-def]
    """Clip the gradient by its norm, then Adam (Kingma & Ba 2015)."""
    clip = min(ONE, clip_norm / (np.sqrt(squared_norm(moments.gradient)) + np.float32(1e-6)))
    rate, correction = moments.step_size[step], moments.root_correction[step]
    parameters, gradient, mean, square = moments.parameters, moments.gradient, moments.mean, moments.square
    for e in range(len(parameters)):
        g = gradient[e] * clip
        mean[e] += (ONE - BETA1) * (g - mean[e])
        square[e] += (ONE - BETA2) * (g * g - square[e])
        parameters[e] -= rate * (mean[e] / (np.sqrt(square[e]) * correction + EPSILON))


@compiled()
def split(flat, shape_lstm, shape_head, n_known):  # type: ignore[no-untyped-def]
    """Views of a flat vector: LSTM matrix, head, known effects, in the order of `Network.shapes`."""
    a = shape_lstm[0] * shape_lstm[1]
    b = a + shape_head[0] * shape_head[1]
    return flat[:a].reshape(shape_lstm), flat[a:b].reshape(shape_head), flat[b : b + n_known]


@compiled()
def epoch(buffers, data, moments, order, masks, first_step, clip_norm, loss):  # type: ignore[no-untyped-def]
    """The mini-batches `order` ``[S, size]``, -1 where there is no sample; returns the sum of weighted losses.

    Trains from Adam's step `first_step` on; a negative one only takes the losses.
    """
    shape_lstm, shape_head = buffers.scaled.shape, (buffers.out.shape[0], buffers.last.shape[0])
    n_known = data.known.shape[2]
    lstm, head, known = split(moments.parameters, shape_lstm, shape_head, n_known)
    parts = split(moments.gradient, shape_lstm, shape_head, n_known)
    total = 0.0
    for s in range(len(order)):
        chosen = order[s]
        while len(chosen) and chosen[-1] < 0:
            chosen = chosen[:-1]
        mask = masks[s]
        gather(buffers, data, chosen)
        outputs(buffers, data, chosen, lstm, head, known, mask)
        total += loss_and_slope(buffers, loss, ONE / np.float32(len(chosen) * shape_head[0]))
        if first_step >= 0:
            gradients(buffers, data, chosen, lstm, head, mask, parts)
            adam(moments, first_step + s, clip_norm)
    return total
