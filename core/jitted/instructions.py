"""Instructions for jitted code that Numba does not offer, on contiguous arrays."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

ROW = types.CPointer(types.float32)
"""Where numbers begin: what costs jitted code seconds of compiling as a slice of an array is nothing as this."""


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


@intrinsic
def _at(typingctx, array, place):  # type: ignore[no-untyped-def]
    """Where element `place` of the flattened array is; the caller must keep the array."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.gep(context.make_array(signature.args[0])(context, builder, args[0]).data, [args[1]])

    return ROW(array, types.int64), codegen


@intrinsic
def _ahead(typingctx, numbers, count):  # type: ignore[no-untyped-def]
    """The place that is `count` numbers ahead."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.gep(args[0], [args[1]])

    return ROW(ROW, types.int64), codegen


at: Any = _at
ahead: Any = _ahead


def room(count: int) -> Any:
    """An instruction for jitted code: room for `count` numbers on the stack, until the function returns."""
    kind = ir.ArrayType(ir.FloatType(), count)

    @intrinsic
    def reserve(typingctx):  # type: ignore[no-untyped-def]
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            with builder.goto_entry_block():  # `cgutils.alloca_once` would clear it, number by number
                place = builder.alloca(kind)
            return builder.bitcast(place, ir.FloatType().as_pointer())

        return ROW(), codegen

    return reserve


@overload(prefetch)
def _jitted_prefetch(array, at):  # type: ignore[no-untyped-def]
    return lambda array, at: _prefetch(array, at)  # type: ignore[call-arg]


@overload(copy_bytes)
def _jitted_copy_bytes(target, at, source, start, count):  # type: ignore[no-untyped-def]
    return lambda target, at, source, start, count: _copy_bytes(target, at, source, start, count)  # type: ignore[call-arg]
