"""Two instructions for jitted code that Numba does not offer, on contiguous arrays of one dimension."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload
from numpy.typing import NDArray


def prefetch(array: NDArray[Any], at: int) -> None:
    """Says that element `at` will be read soon, so that the wait for memory begins now; returns at once."""


def copy_bytes(target: NDArray[Any], at: int, source: NDArray[Any], start: int, count: int) -> None:
    """Copies source[start : start + count] to target[at : at + count]; uint8 arrays that do not overlap, unchecked."""
    target[at : at + count] = source[start : start + count]


@intrinsic
def _prefetch(typingctx, array, at):  # type: ignore[no-untyped-def]
    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        int32 = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [data.type, int32, int32, int32])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(fetch, [builder.gep(data, [args[1]]), int32(0), int32(3), int32(1)])  # to read, to keep, data
        return context.get_dummy_value()

    return types.none(array, at), codegen


@intrinsic
def _copy_bytes(typingctx, target, at, source, start, count):  # type: ignore[no-untyped-def]
    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        there = context.make_array(signature.args[0])(context, builder, args[0]).data
        here = context.make_array(signature.args[2])(context, builder, args[2]).data
        cgutils.raw_memcpy(builder, builder.gep(there, [args[1]]), builder.gep(here, [args[3]]), args[4], 1)
        return context.get_dummy_value()

    return types.none(target, at, source, start, count), codegen


@overload(prefetch)
def _jitted_prefetch(array, at):  # type: ignore[no-untyped-def]
    return lambda array, at: _prefetch(array, at)  # type: ignore[call-arg]


@overload(copy_bytes)
def _jitted_copy_bytes(target, at, source, start, count):  # type: ignore[no-untyped-def]
    return lambda target, at, source, start, count: _copy_bytes(target, at, source, start, count)  # type: ignore[call-arg]
