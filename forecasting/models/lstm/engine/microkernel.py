"""Matrix products of tiny matrices, held in vector registers: the one place that writes LLVM instructions by hand.

`product` computes out = a · x, or adds to `out`; x and `out` have rows of a multiple of `LANES` floats, `a` any
strides. A tile of six rows by sixteen columns of `out` stays in twelve 8-lane registers while it runs down the common
dimension: each step loads two vectors of x, spreads six numbers of `a` over a register, and makes twelve fused
multiply-adds, which is what a core can start in six cycles. Everything else in this folder works with
`product_plain` too.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

__all__ = ["LANES", "product", "product_plain"]

LANES = 16
TILE_ROWS = 6


def product_plain(out: Any, a: Any, x: Any, add: bool) -> None:
    """The same in plain loops: what `product` is checked against."""
    for r in range(a.shape[0]):
        if not add:
            out[r, :] = 0.0
        for k in range(a.shape[1]):
            weight = a[r, k]
            for column in range(out.shape[1]):
                out[r, column] += weight * x[k, column]


def _tile(rows: int) -> Any:
    """An intrinsic that computes `rows` by `LANES` of a product; addresses and strides in bytes."""

    @intrinsic
    def tile(typingctx, out, out_row, a, a_row, a_column, x, x_row, depth, add):  # type: ignore[no-untyped-def]  # noqa: ARG001
        signature = types.void(*[types.intp] * 9)

        def generate(context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
            return _emit_tile(context, builder, rows, arguments)

        return signature, generate

    return tile


def _emit_tile(context: Any, builder: Any, rows: int, arguments: Any) -> Any:
    out, out_row, a, a_row, a_column, x, x_row, depth, add = arguments
    word, single = ir.IntType(64), ir.FloatType()
    vector = ir.VectorType(single, LANES)
    fma = get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{LANES}f32")
    spread = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    rows_at = [builder.add(out, builder.mul(out_row, word(r))) for r in range(rows)]
    out_pointers = [builder.inttoptr(at, vector.as_pointer()) for at in rows_at]
    offsets = [builder.mul(a_row, word(r)) for r in range(rows)]

    before = builder.block
    load, loop, done = (builder.append_basic_block(name) for name in ("load", "loop", "done"))
    builder.cbranch(builder.icmp_signed("!=", add, word(0)), load, loop)
    builder.position_at_end(load)
    present = [builder.load(pointer, align=4) for pointer in out_pointers]
    builder.branch(loop)

    builder.position_at_end(loop)
    step = builder.phi(word)
    a_at, x_at = builder.phi(word), builder.phi(word)
    sums = [builder.phi(vector) for _ in range(rows)]
    x_now = builder.load(builder.inttoptr(x_at, vector.as_pointer()), align=4)
    new_sums = []
    for r in range(rows):
        number = builder.load(builder.inttoptr(builder.add(a_at, offsets[r]), single.as_pointer()), align=4)
        lane0 = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
        new_sums.append(builder.call(fma, [builder.shuffle_vector(lane0, lane0, spread), x_now, sums[r]]))
    next_step = builder.add(step, word(1))
    next_a, next_x = builder.add(a_at, a_column), builder.add(x_at, x_row)
    builder.cbranch(builder.icmp_signed("<", next_step, depth), loop, done)
    for block, first in ((before, [ir.Constant(vector, None)] * rows), (load, present)):
        for phi, value in zip((step, a_at, x_at, *sums), (word(0), a, x, *first), strict=True):
            phi.add_incoming(value, block)
    for phi, value in zip((step, a_at, x_at, *sums), (next_step, next_a, next_x, *new_sums), strict=True):
        phi.add_incoming(value, loop)

    builder.position_at_end(done)
    for pointer, value in zip(out_pointers, new_sums, strict=True):
        builder.store(value, pointer, align=4)
    return context.get_dummy_value()


tile_rows, tile_row = _tile(TILE_ROWS), _tile(1)


@njit(nogil=True)
def tiles(shape, out, out_row, a, a_row, a_column, x, x_row, add):  # type: ignore[no-untyped-def]
    """All tiles of a product of `shape` (m, n, k); addresses and strides in bytes: compiled once, whatever the
    arrays.
    """
    m, n, depth = shape
    for column in range(0, 4 * n, 4 * LANES):
        row = 0
        while row < m:
            out_tile, a_tile, x_tile = out + row * out_row + column, a + row * a_row, x + column
            if row + TILE_ROWS <= m:
                tile_rows(out_tile, out_row, a_tile, a_row, a_column, x_tile, x_row, depth, add)
                row += TILE_ROWS
            else:
                tile_row(out_tile, out_row, a_tile, a_row, a_column, x_tile, x_row, depth, add)
                row += 1


@njit(nogil=True)
def product(out, a, x, add):  # type: ignore[no-untyped-def]
    """Out ``[m, n]`` = a ``[m, k]`` · x ``[k, n]``, added to `out` when `add` is 1; n a multiple of `LANES`."""
    shape, (a_row, a_column) = (a.shape[0], out.shape[1], a.shape[1]), a.strides
    tiles(shape, out.ctypes.data, out.strides[0], a.ctypes.data, a_row, a_column, x.ctypes.data, x.strides[0], add)
