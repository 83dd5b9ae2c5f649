"""The passes of one LSTM layer through time as two GPU kernels: what `torch_layer` does with twenty a step.

A program of the grid works for one fit and keeps its weights, outputs and cells in registers from the first step to the
last; so no launch and no memory lies between two steps. Products are in full single precision. Sums inside a fit always
have the same order, and no fit reads another's numbers, so that bits repeat and do not depend on the batch.

Triton comes with torch's builds for CUDA on Linux, and compiles the kernels when they are first used.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from torch import Tensor

__all__ = ["backward", "forward"]

COLUMNS = 32
"""Columns of a mini-batch that a program works on at a time."""
WARPS = {False: 4, True: 8}
"""Warps of a program, by whether a layer has more than 32 units."""
SMALLEST = 16
"""Side of the smallest matrix that Triton multiplies; a layer's ones and inputs must fit in."""


def forward(matrix: Tensor, rows: Tensor, gates: Tensor, cell: Tensor, tanh_cell: Tensor) -> None:
    """`Layer.forward` of a layer without peepholes and projection.

    Reads `matrix` ``[K, 4·hidden, hidden + 1 + inputs]`` and the ones and inputs of `rows` ``[T + 1, K, hidden + 1 +
    inputs, B]``; writes the outputs in `rows`, `gates` ``[T, K, 4·hidden, B]``, `cell` ``[T + 1, K, hidden, B]`` and
    `tanh_cell` ``[T, K, hidden, B]``. B is a multiple of 32.
    """
    steps, fits, hidden, columns = tanh_cell.shape
    _forward[(fits, columns // COLUMNS)](
        *(matrix, rows, gates, cell, tanh_cell, matrix.stride(0), fits, steps),
        **_sizes(hidden, rows.shape[2] - hidden, columns),
    )


def backward(
    d_hidden: Tensor, matrix: Tensor, d_matrix: Tensor, rows: Tensor, gates: Tensor, cell: Tensor, tanh_cell: Tensor
) -> None:
    """`Layer.backward` after `forward`, where the last output alone is used: writes `d_matrix`, given `d_hidden` ``[K,
    hidden, B]``, the gradient of that output.
    """
    steps, fits, hidden, columns = tanh_cell.shape
    _backward[(fits,)](
        *(d_hidden.contiguous(), matrix, d_matrix, rows, gates, cell, tanh_cell),
        *(matrix.stride(0), d_matrix.stride(0), fits, steps),
        **_sizes(hidden, rows.shape[2] - hidden, columns),
        BR=SMALLEST,
    )


def _sizes(hidden: int, others: int, columns: int) -> dict[str, Any]:
    side = max(SMALLEST, triton.next_power_of_2(hidden))
    return {"H": hidden, "R": others, "B": columns, "BH": side, "BB": COLUMNS, "num_warps": WARPS[side > 32]}


@triton.jit
def _tanh(x):  # type: ignore[no-untyped-def]
    return 2.0 * tl.sigmoid(2.0 * x) - 1.0


@triton.jit
def _product(a, b):  # type: ignore[no-untyped-def]
    return tl.dot(a, b, input_precision="ieee")


@triton.jit
def _by_gate(first, place, mask, size):  # type: ignore[no-untyped-def]
    """What stands at some places of each gate's part, in the order i, f, o, g; zero where the mask is off."""
    i = tl.load(first + place, mask=mask, other=0.0)
    f = tl.load(first + size + place, mask=mask, other=0.0)
    o = tl.load(first + 2 * size + place, mask=mask, other=0.0)
    g = tl.load(first + 3 * size + place, mask=mask, other=0.0)
    return i, f, o, g


@triton.jit
def _zeros(M: tl.constexpr, N: tl.constexpr):  # type: ignore[no-untyped-def]
    """A matrix of zeros for each gate."""
    zero = tl.zeros((M, N), dtype=tl.float32)
    return zero, zero, zero, zero


@triton.jit
def _store_by_gate(first, place, mask, size, i, f, o, g):  # type: ignore[no-untyped-def]
    tl.store(first + place, i, mask=mask)
    tl.store(first + size + place, f, mask=mask)
    tl.store(first + 2 * size + place, o, mask=mask)
    tl.store(first + 3 * size + place, g, mask=mask)


@triton.jit
def _gate(weights, others, out, row, H: tl.constexpr, R: tl.constexpr, B: tl.constexpr, BH: tl.constexpr):  # type: ignore[no-untyped-def]
    """Sum that enters a gate: of the outputs fed back, then of the ones and inputs, row by row."""
    total = _product(weights, out)
    unit = tl.arange(0, BH)
    for r in tl.static_range(R):
        weight = tl.load(others + unit * (H + R) + r, mask=unit < H, other=0.0)
        total += weight[:, None] * tl.load(row + r * B)[None, :]
    return total


@triton.jit
def _through_step(d_out, d_now, i, f, o, g, squashed, before):  # type: ignore[no-untyped-def]
    """Gradients of what enters the gates, and of the cell of the step before."""
    d_o = d_out * squashed * o * (1.0 - o)
    d_now += d_out * o * (1.0 - squashed * squashed)
    d_i = d_now * g * i * (1.0 - i)
    d_f = d_now * before * f * (1.0 - f)
    d_g = d_now * i * (1.0 - g * g)
    return d_i, d_f, d_o, d_g, d_now * f


@triton.jit
def _added(i, f, o, g, d_i, d_f, d_o, d_g, rows):  # type: ignore[no-untyped-def]
    """Gradients of each gate's weights, and what a step adds to them; `rows` are what the weights act on, turned."""
    return i + _product(d_i, rows), f + _product(d_f, rows), o + _product(d_o, rows), g + _product(d_g, rows)


@triton.jit
def _forward(  # type: ignore[no-untyped-def]
    matrix, rows, gates, cell, tanh_cell, stride, K, T,
    H: tl.constexpr, R: tl.constexpr, B: tl.constexpr, BH: tl.constexpr, BB: tl.constexpr,
):  # fmt: skip
    k = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BB + tl.arange(0, BB)
    unit = tl.arange(0, BH)
    place = unit[:, None] * B + column[None, :]
    is_unit = unit[:, None] < H
    square = unit[:, None] * (H + R) + unit[None, :]
    is_weight = is_unit & (unit[None, :] < H)
    first = matrix + k * stride
    w_i, w_f, w_o, w_g = _by_gate(first, square, is_weight, H * (H + R))
    others = first + H
    out = tl.zeros((BH, BB), dtype=tl.float32)
    now = tl.zeros((BH, BB), dtype=tl.float32)
    for t in range(T):
        at = t * K + k
        row = rows + (at * (H + R) + H) * B + column
        i = tl.sigmoid(_gate(w_i, others, out, row, H, R, B, BH))
        f = tl.sigmoid(_gate(w_f, others + H * (H + R), out, row, H, R, B, BH))
        o = tl.sigmoid(_gate(w_o, others + 2 * H * (H + R), out, row, H, R, B, BH))
        g = _tanh(_gate(w_g, others + 3 * H * (H + R), out, row, H, R, B, BH))
        now = i * g + f * now
        squashed = _tanh(now)
        out = o * squashed
        _store_by_gate(gates + at * 4 * H * B, place, is_unit, H * B, i, f, o, g)
        tl.store(cell + (at + K) * H * B + place, now, mask=is_unit)
        tl.store(tanh_cell + at * H * B + place, squashed, mask=is_unit)
        tl.store(rows + (at + K) * (H + R) * B + place, out, mask=is_unit)


@triton.jit
def _backward(  # type: ignore[no-untyped-def]
    d_hidden, matrix, d_matrix, rows, gates, cell, tanh_cell, stride, d_stride, K, T,
    H: tl.constexpr, R: tl.constexpr, B: tl.constexpr, BH: tl.constexpr, BR: tl.constexpr, BB: tl.constexpr,
):  # fmt: skip
    k = tl.program_id(0).to(tl.int64)
    unit, rest = tl.arange(0, BH), tl.arange(0, BR)
    is_unit, is_rest = unit[:, None] < H, rest[:, None] < R
    square = unit[:, None] * (H + R) + unit[None, :]
    # The transposed weights: what leads from a gate back to the outputs fed into it.
    turned = unit[None, :] * (H + R) + unit[:, None]
    is_weight = is_unit & (unit[None, :] < H)
    beside = unit[:, None] * (H + R) + H + rest[None, :]
    is_beside = is_unit & (rest[None, :] < R)
    v_i, v_f, v_o, v_g = _by_gate(matrix + k * stride, turned, is_weight, H * (H + R))
    a_i, a_f, a_o, a_g = _zeros(BH, BH)
    b_i, b_f, b_o, b_g = _zeros(BH, BR)
    for start in range(0, B, BB):  # unrolled, a large mini-batch would compile for minutes
        column = start + tl.arange(0, BB)
        place = unit[:, None] * B + column[None, :]
        d_out = tl.load(d_hidden + k * H * B + place, mask=is_unit, other=0.0)
        d_now = tl.zeros((BH, BB), dtype=tl.float32)
        for back in range(T):
            at = (T - 1 - back) * K + k
            i, f, o, g = _by_gate(gates + at * 4 * H * B, place, is_unit, H * B)
            squashed = tl.load(tanh_cell + at * H * B + place, mask=is_unit, other=0.0)
            before = tl.load(cell + at * H * B + place, mask=is_unit, other=0.0)
            d_i, d_f, d_o, d_g, d_now = _through_step(d_out, d_now, i, f, o, g, squashed, before)
            row = rows + at * (H + R) * B
            fed = tl.trans(tl.load(row + place, mask=is_unit, other=0.0))
            near = row + (H + rest[:, None]) * B + column[None, :]
            entered = tl.trans(tl.load(near, mask=is_rest, other=0.0))
            a_i, a_f, a_o, a_g = _added(a_i, a_f, a_o, a_g, d_i, d_f, d_o, d_g, fed)
            b_i, b_f, b_o, b_g = _added(b_i, b_f, b_o, b_g, d_i, d_f, d_o, d_g, entered)
            d_out = _product(v_i, d_i) + _product(v_f, d_f) + _product(v_o, d_o) + _product(v_g, d_g)
    target = d_matrix + k * d_stride
    _store_by_gate(target, square, is_weight, H * (H + R), a_i, a_f, a_o, a_g)
    _store_by_gate(target, beside, is_beside, H * (H + R), b_i, b_f, b_o, b_g)
