"""Products of small matrices in jitted code, where calling a library for them takes longer than computing them."""

from collections.abc import Sequence
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
_SIDE_BY_SIDE = np.int64(_COLUMNS)
_DEEP = 256  # rows of B at a time: sixteen columns of them fill half of the nearest cache


def _tile_of(rows: int) -> Any:
    """C (rows, 16) += A (rows, m) B (m, 16), for vectors that begin where these do.

    The tile of C stays in registers on the way along m. Compilers do not do that by themselves: for all that they know,
    C and B overlap.
    """

    numbers, index = ir.VectorType(ir.FloatType(), _COLUMNS), ir.IntType(64)
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
            _call(builder, f"gymnast.tile.of.{rows}", kind, write, args)
            return context.get_dummy_value()

        size = types.int64
        return types.none(ROW, size, size, ROW, size, ROW, size, size), codegen

    return tile


def _call(builder: Any, name: str, kind: Any, write: Any, args: Any) -> None:
    """Call a function of the module, which is written once."""
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    if not function.blocks:
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")  # or compiling would take minutes
        write(function)
    builder.call(function, args)


def _splat(builder: Any, number: Any, numbers: Any) -> Any:
    """A vector that holds the number in every place."""
    undefined, zero = ir.Constant(numbers, ir.Undefined), ir.IntType(32)(0)
    one = builder.insert_element(undefined, number, zero)
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), numbers.count), None))


_NEAR, _TALL = 128, 24  # rows of B and of A at a time where neither is packed: they fill a half of that cache
_FEW = 16  # rows of A whose dots are taken at a time, while they stay near
_LANES = 8  # numbers of a vector register of AVX2


def _dots_of(rows: int, columns: int) -> Any:
    """C (rows, columns) += A (rows, m) B (columns, m)^T, for vectors that begin where these do.

    Rows are whole, and m fills vector registers; `columns` are 4 or 1.
    """
    numbers, index = ir.VectorType(ir.FloatType(), _LANES), ir.IntType(64)
    pointer = ir.FloatType().as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, index, pointer, index, pointer, index, index])

    def write(function: ir.Function) -> None:
        left, a_row, right, b_row, result, c_row, m = function.args
        builder = ir.IRBuilder(function.append_basic_block())
        zero = ir.Constant(numbers, None)
        sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(columns)] for _ in range(rows)]
        with cgutils.for_range(builder, builder.udiv(m, index(_LANES))) as loop:
            first = builder.mul(loop.index, index(_LANES))

            def vector(data: Any, row: int, stride: Any) -> Any:
                place = builder.gep(data, [builder.add(builder.mul(index(row), stride), first)])
                return builder.load(builder.bitcast(place, numbers.as_pointer()), align=4)

            beside = [vector(right, c, b_row) for c in range(columns)]
            for r, totals in enumerate(sums):
                factor = vector(left, r, a_row)
                for total, other in zip(totals, beside, strict=True):
                    product = builder.fmul(factor, other, flags=("contract",))
                    builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)
        for r, totals in enumerate(sums):
            added = _added_up(builder, [builder.load(total) for total in totals])
            place = builder.gep(result, [builder.mul(index(r), c_row)])
            target = builder.bitcast(place, added.type.as_pointer())
            builder.store(builder.fadd(builder.load(target, align=4), added), target, align=4)
        builder.ret_void()

    @intrinsic
    def dots(typingctx, a, a_row, b, b_row, c, c_row, m):  # type: ignore[no-untyped-def]
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            _call(builder, f"gymnast.dots.of.{rows}.{columns}", kind, write, args)
            return context.get_dummy_value()

        size = types.int64
        return types.none(ROW, size, ROW, size, ROW, size, size), codegen

    return dots


def _added_up(builder: Any, vectors: list[Any]) -> Any:
    """A vector with the sum of the numbers in each of four vectors, or in one."""

    def picked(one: Any, other: Any, places: Sequence[int]) -> Any:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), list(places))
        return builder.shuffle_vector(one, other, mask)

    width = len(vectors)
    for even, odd in _NEIGHBOURS[: width // 2]:
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [builder.fadd(picked(*pair, even), picked(*pair, odd)) for pair in pairs]
    (total,), half = vectors, _LANES // 2
    while half >= width:
        total = builder.fadd(picked(total, total, range(half)), picked(total, total, range(half, 2 * half)))
        half //= 2
    return total


_NEIGHBOURS = (
    ([0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]),
    ([0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]),
)
_six, _four, _two, _one = _tile_of(6), _tile_of(4), _tile_of(2), _tile_of(1)
_two_by_four, _one_by_four, _one_by_one = _dots_of(2, 4), _dots_of(1, 4), _dots_of(1, 1)
_panel, _edge = room(_COLUMNS * _DEEP), room(_COLUMNS * _ROWS)


@njit(**PART)
def _strip(a, down, along, b, b_row, c, c_row, n, m):  # type: ignore[no-untyped-def]
    """C (n, 16) += A (n, m) B (m, 16)."""
    i = 0
    while i + 6 <= n:
        _six(ahead(a, i * down), down, along, b, b_row, ahead(c, i * c_row), c_row, m)
        i += 6
    if i + 4 <= n:
        _four(ahead(a, i * down), down, along, b, b_row, ahead(c, i * c_row), c_row, m)
        i += 4
    if i + 2 <= n:
        _two(ahead(a, i * down), down, along, b, b_row, ahead(c, i * c_row), c_row, m)
        i += 2
    if i < n:
        _one(ahead(a, i * down), down, along, b, b_row, ahead(c, i * c_row), c_row, m)


@njit(**PART)
def add_to_columns(a, down, along, b, b_row, c, c_row, n, m, p):  # type: ignore[no-untyped-def]
    """`add_product` where rows of B are whole and short, so that they are read from where they are.

    Columns are counted in sixteens: behind the last one there must be room up to the next multiple.
    """
    for first in range(0, m, _NEAR):
        deep = min(_NEAR, m - first)
        for i in range(0, n, _TALL):
            part, tall = ahead(a, i * down + first * along), min(_TALL, n - i)
            for j in range(0, p, _COLUMNS):
                beside = ahead(b, first * b_row + j)
                _strip(part, down, along, beside, b_row, ahead(c, i * c_row + j), c_row, tall, deep)


@njit(**PART)
def add_dots(a, a_row, b, b_row, c, c_row, n, m, p):  # type: ignore[no-untyped-def]
    """C (n, p) += A (n, m) B (p, m)^T, for float32 in whole rows that begin `_row` numbers apart, m in eights."""
    fours = p - p % 4
    for first in range(0, n, _FEW):
        few, left, target = min(_FEW, n - first), ahead(a, first * a_row), ahead(c, first * c_row)
        for j in range(0, fours, 4):
            right = ahead(b, j * b_row)
            for i in range(0, few - 1, 2):
                _two_by_four(ahead(left, i * a_row), a_row, right, b_row, ahead(target, i * c_row + j), c_row, m)
            for i in range(few - few % 2, few):
                _one_by_four(ahead(left, i * a_row), a_row, right, b_row, ahead(target, i * c_row + j), c_row, m)
        for j in range(fours, p):
            for i in range(few):
                _one_by_one(
                    ahead(left, i * a_row), a_row, ahead(b, j * b_row), b_row, ahead(target, i * c_row + j), c_row, m
                )


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
                _strip(ahead(a, first * along), down, along, packed, _SIDE_BY_SIDE, ahead(c, j), c_row, n, deep)
                continue
            for i in range(0, n, _ROWS):  # by way of a tile that is whole
                tall = min(_ROWS, n - i)
                for r in range(tall):
                    for q in range(wide):
                        edge[r * _COLUMNS + q] = c[(i + r) * c_row + j + q]
                _strip(
                    ahead(a, i * down + first * along), down, along, packed, _SIDE_BY_SIDE, edge, _SIDE_BY_SIDE, tall,
                    deep,
                )  # fmt: skip
                for r in range(tall):
                    for q in range(wide):
                        c[(i + r) * c_row + j + q] = edge[r * _COLUMNS + q]
