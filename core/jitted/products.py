"""Products of small matrices in jitted code, where calling a library for them takes longer than computing them."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

from .instantiate import PART
from .instructions import ROW, ahead, room

_ROWS = 6  # of C at a time: with 16 columns its tile fills twelve of the sixteen registers of AVX2
_COLUMNS = 16
_DEEP = 256  # rows of B at a time: sixteen columns of them fill half of the nearest cache


def _tile_of(rows: int) -> Any:
    """C (rows, 16) += A (rows, m) B (m, 16), for vectors that begin where these do; B lies side by side.

    The tile of C stays in registers on the way along m. Compilers do not do that by themselves: for all that they know,
    C and B overlap.
    """

    numbers, index = ir.VectorType(ir.FloatType(), _COLUMNS), ir.IntType(64)
    pointer = ir.FloatType().as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, index, index, pointer, pointer, index, index])

    def write(function: ir.Function) -> None:
        left, down, along, right, result, c_row, m = function.args
        builder = ir.IRBuilder(function.append_basic_block())

        def place(data: Any, at: Any) -> Any:
            return builder.bitcast(builder.gep(data, [at]), numbers.as_pointer())

        targets = [place(result, builder.mul(index(r), c_row)) for r in range(rows)]
        sums = [cgutils.alloca_once_value(builder, builder.load(target, align=4)) for target in targets]
        with cgutils.for_range(builder, m) as loop:
            row = builder.load(place(right, builder.mul(loop.index, index(_COLUMNS))), align=4)
            for r, total in enumerate(sums):
                at = builder.add(builder.mul(index(r), down), builder.mul(loop.index, along))
                factor = _splat(builder, builder.load(builder.gep(left, [at])), numbers)
                product = builder.fmul(factor, row, flags=("contract",))
                builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)
        for target, total in zip(targets, sums, strict=True):
            builder.store(builder.load(total), target, align=4)
        builder.ret_void()

    @intrinsic
    def tile(typingctx, a, down, along, b, c, c_row, m):  # type: ignore[no-untyped-def]
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            function = cgutils.get_or_insert_function(builder.module, kind, f"gymnast.tile.of.{rows}")
            if not function.blocks:
                function.linkage = "linkonce_odr"
                function.attributes.add("noinline")  # or compiling would take minutes
                write(function)
            builder.call(function, args)
            return context.get_dummy_value()

        return types.none(ROW, types.int64, types.int64, ROW, ROW, types.int64, types.int64), codegen

    return tile


def _splat(builder: Any, number: Any, numbers: Any) -> Any:
    """A vector that holds the number in every place."""
    undefined, zero = ir.Constant(numbers, ir.Undefined), ir.IntType(32)(0)
    one = builder.insert_element(undefined, number, zero)
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), numbers.count), None))


_six, _two, _one = _tile_of(6), _tile_of(2), _tile_of(1)
_panel, _edge = room(_COLUMNS * _DEEP), room(_COLUMNS * _ROWS)


@njit(**PART)
def _strip(a, down, along, b, c, c_row, n, m):  # type: ignore[no-untyped-def]
    """C (n, 16) += A (n, m) B (m, 16)."""
    i = 0
    while i + 6 <= n:
        _six(ahead(a, i * down), down, along, b, ahead(c, i * c_row), c_row, m)
        i += 6
    while i + 2 <= n:
        _two(ahead(a, i * down), down, along, b, ahead(c, i * c_row), c_row, m)
        i += 2
    if i < n:
        _one(ahead(a, i * down), down, along, b, ahead(c, i * c_row), c_row, m)


@njit(**PART)
def add_product(a, down, along, b, b_down, b_along, c, c_row, n, m, p):  # type: ignore[no-untyped-def]
    """C (n, p) += A (n, m) B (m, p), for the float32 that begin at `a`, `b`, `c`; C must overlap neither of the others.

    A[i, k] is a[i * down + k * along], and B alike; rows of C are whole, and begin `c_row` numbers apart.
    """
    packed, edge = _panel(), _edge()
    for first in range(0, m, _DEEP):
        deep = min(_DEEP, m - first)
        for j in range(0, p, _COLUMNS):
            wide = min(_COLUMNS, p - j)
            # columns of B side by side, or rows far apart would take one another's places in the cache
            for k in range(deep):
                at = (first + k) * b_down + j * b_along
                for q in range(wide):
                    packed[k * _COLUMNS + q] = b[at + q * b_along]
                for q in range(wide, _COLUMNS):
                    packed[k * _COLUMNS + q] = np.float32(0)
            if wide == _COLUMNS:
                _strip(ahead(a, first * along), down, along, packed, ahead(c, j), c_row, n, deep)
                continue
            for i in range(0, n, _ROWS):  # by way of a tile that is whole
                tall = min(_ROWS, n - i)
                for r in range(tall):
                    for q in range(wide):
                        edge[r * _COLUMNS + q] = c[(i + r) * c_row + j + q]
                _strip(ahead(a, i * down + first * along), down, along, packed, edge, np.int64(_COLUMNS), tall, deep)
                for r in range(tall):
                    for q in range(wide):
                        c[(i + r) * c_row + j + q] = edge[r * _COLUMNS + q]
