"""Products of small matrices in jitted code, where calling a library for them takes longer than computing them."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

_MANY = 32  # rows of A, for which it pays to copy B
_ROWS = 4  # of C at a time: with 16 columns its tile fills half of the sixteen registers of AVX2


def _tile_of(rows: int, lanes: int) -> Any:
    """C (rows, lanes) += A (rows, m) B (m, lanes), for vectors that begin where these do.

    The tile of C stays in registers on the way along m. Compilers do not do that by themselves: for all that they know,
    C and B overlap.
    """

    numbers, index = ir.VectorType(ir.FloatType(), lanes), ir.IntType(64)
    pointer = ir.FloatType().as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, index, index, pointer, index, pointer, index, index])

    def write(function: ir.Function) -> None:
        left, down, along, right, b_row, result, c_row, m = function.args
        builder = ir.IRBuilder(function.append_basic_block())

        def place(data: Any, at: Any) -> Any:
            return builder.bitcast(builder.gep(data, [at]), numbers.as_pointer())

        targets = [place(result, builder.mul(index(r), c_row)) for r in range(rows)]
        sums = [cgutils.alloca_once_value(builder, builder.load(target, align=4)) for target in targets]
        with cgutils.for_range(builder, m) as loop:
            row = builder.load(place(right, builder.mul(loop.index, b_row)), align=4)
            for r, total in enumerate(sums):
                at = builder.add(builder.mul(index(r), down), builder.mul(loop.index, along))
                factor = _splat(builder, builder.load(builder.gep(left, [at])), numbers)
                product = builder.fmul(factor, row, flags=("contract",))
                builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)
        for target, total in zip(targets, sums, strict=True):
            builder.store(builder.load(total), target, align=4)
        builder.ret_void()

    @intrinsic
    def tile(typingctx, a, down, along, b, b_row, c, c_row, m):  # type: ignore[no-untyped-def]
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            given = list(args)
            for k in (0, 3, 5):
                given[k] = context.make_array(signature.args[k])(context, builder, args[k]).data
            function = cgutils.get_or_insert_function(builder.module, kind, f"gymnast.tile.{rows}.{lanes}")
            if not function.blocks:
                function.linkage = "linkonce_odr"
                function.attributes.add("noinline")  # or compiling would take minutes
                write(function)
            builder.call(function, given)
            return context.get_dummy_value()

        return types.none(a, down, along, b, b_row, c, c_row, m), codegen

    return tile


def _splat(builder: Any, number: Any, numbers: Any) -> Any:
    """A vector that holds the number in every place."""
    undefined, zero = ir.Constant(numbers, ir.Undefined), ir.IntType(32)(0)
    one = builder.insert_element(undefined, number, zero)
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), numbers.count), None))


def _strip_of(lanes: int) -> Any:
    """C (n, lanes) += A (n, m) B (m, lanes), for vectors that begin where these do."""
    tile, row = _tile_of(_ROWS, lanes), _tile_of(1, lanes)

    @njit(nogil=True)
    def strip(a, down, along, b, b_row, c, c_row, n, m):  # type: ignore[no-untyped-def]
        for i in range(0, n - n % _ROWS, _ROWS):
            tile(a[i * down :], down, along, b, b_row, c[i * c_row :], c_row, m)
        for i in range(n - n % _ROWS, n):
            row(a[i * down :], down, along, b, b_row, c[i * c_row :], c_row, m)

    return strip


_strip_16, _strip_4, _strip_1 = _strip_of(16), _strip_of(4), _strip_of(1)


@njit(nogil=True)
def add_product(a, down, along, b, b_row, c, c_row, n, m, p):  # type: ignore[no-untyped-def]
    """C (n, p) += A (n, m) B (m, p), for flat float32 vectors; C must overlap neither of the others.

    A[i, k] is a[i * down + k * along]; rows of B and C are whole, and begin `b_row` and `c_row` numbers apart.
    """
    j = 0
    packed = np.empty(16 * m if n >= _MANY else 0, np.float32)
    while j + 16 <= p:
        if n >= _MANY:  # columns of B side by side, or rows far apart would take one another's places in the cache
            for k in range(m):
                for q in range(16):
                    packed[k * 16 + q] = b[k * b_row + j + q]
            _strip_16(a, down, along, packed, 16, c[j:], c_row, n, m)
        else:
            _strip_16(a, down, along, b[j:], b_row, c[j:], c_row, n, m)
        j += 16
    while j + 4 <= p:
        _strip_4(a, down, along, b[j:], b_row, c[j:], c_row, n, m)
        j += 4
    while j < p:
        _strip_1(a, down, along, b[j:], b_row, c[j:], c_row, n, m)
        j += 1
