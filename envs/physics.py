"""MuJoCo's C function `mj_step` on threads that stay awake between the steps.

A share of a step lasts tens of microseconds, and to wake a thread that sleeps takes as long. So a helper that has done
its share looks out for the next one for a few milliseconds, without Python's lock, before it goes to sleep.
"""

import ctypes
import threading
from typing import Any

import mujoco
import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_untracked
from numba.extending import intrinsic
from numba.np.arrayobj import make_array
from numpy.typing import NDArray

_library = ctypes.CDLL(mujoco._functions.__file__)  # and with it the C library that it is linked to
_mj_step, _mj_rne_post_constraint = _library.mj_step, _library.mj_rnePostConstraint
for _function in (_mj_step, _mj_rne_post_constraint):
    _function.argtypes, _function.restype = (ctypes.c_size_t, ctypes.c_size_t), None
_rest = ctypes.CDLL(None).sched_yield
_rest.argtypes, _rest.restype = (), ctypes.c_int

_PATIENCE = 5000  # looks for work before a helper goes to sleep: some milliseconds
_TAKEN, _DONE = 0, 1


class Crew:
    """Advances environments of one model, each given by its `mjData`, on so many threads.

    Each thread takes the next environment that nobody has taken yet. On a machine that is busy with other things a
    helper may not be running at all; the others then do its work instead of waiting for it.
    """

    def __init__(self, model: Any, datas: list[Any], threads: int, frame_skip: int, forces: bool) -> None:
        self._datas = np.array([data._address for data in datas], np.uintp)
        self._counts = np.full(2, len(datas), np.int64)  # environments taken, or more; environments done
        self._work = self._counts, self._datas, model._address, frame_skip, forces
        self._helpers = [_Helper(*self._work) for _ in range(threads - 1)]

    def advance(self) -> None:
        """One step of every environment: `frame_skip` of physics, and the contact forces if they are observed."""
        _ask(self._counts)
        for helper in self._helpers:
            helper.wake()
        _advance(*self._work)
        _await(self._counts, self._datas)

    def close(self) -> None:
        """End the threads."""
        for helper in self._helpers:
            helper.close()


class _Helper:
    """One more thread."""

    def __init__(self, *work: Any) -> None:
        self._work = work
        self._asleep = self._closing = False
        self._bell = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        # Python's lock orders this against _run: it sees that there is work before it sleeps, or is seen to be asleep
        if self._asleep:
            self._bell.set()

    def close(self) -> None:
        self._closing = True
        self._bell.set()
        self._thread.join()

    def _run(self) -> None:
        counts, datas, *_ = self._work
        while not self._closing:
            _serve(*self._work)
            self._asleep = True
            while counts[_TAKEN] >= len(datas) and not self._closing:
                self._bell.wait()
                self._bell.clear()
            self._asleep = False


def _atomic(operation: str) -> Any:
    """A function f(counts, index, value) that applies `operation` at once, in order with all before and after it, and
    returns what was there."""

    def typed(typing_context: Any, counts: Any, index: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = make_array(signature.args[0])(context, builder, arguments[0])
            place = cgutils.get_item_pointer(
                context, builder, signature.args[0], array, [arguments[1]], wraparound=False
            )
            before = builder.atomic_rmw(operation, place, arguments[2], "seq_cst")
            return impl_ret_untracked(context, builder, signature.return_type, before)

        return types.int64(counts, types.intp, types.int64), code

    return intrinsic(typed)


_add, _exchange = _atomic("add"), _atomic("xchg")


# None of these is cached: Numba cannot keep the addresses of C functions.
@numba.njit(nogil=True)
def _ask(counts: NDArray) -> None:
    """Let all environments be taken again. A helper late from the last step finds nothing, or takes one of this."""
    _exchange(counts, _DONE, 0)
    _exchange(counts, _TAKEN, 0)


@numba.njit(nogil=True)
def _advance(counts: NDArray, datas: NDArray, model: int, frame_skip: int, forces: bool) -> None:
    """Take environments until there are no more."""
    i = _add(counts, _TAKEN, 1)
    while i < len(datas):
        for _ in range(frame_skip):
            _mj_step(model, datas[i])
        if forces:
            _mj_rne_post_constraint(model, datas[i])
        _add(counts, _DONE, 1)
        i = _add(counts, _TAKEN, 1)


@numba.njit(nogil=True)
def _serve(counts: NDArray, datas: NDArray, model: int, frame_skip: int, forces: bool) -> None:
    """Help until there has been nothing to do for a while."""
    idle = 0
    while idle < _PATIENCE:
        if _add(counts, _TAKEN, 0) < len(datas):
            _advance(counts, datas, model, frame_skip, forces)
            idle = 0
        else:
            _rest()
            idle += 1


@numba.njit(nogil=True)
def _await(counts: NDArray, datas: NDArray) -> None:
    """Return when all environments are done."""
    while _add(counts, _DONE, 0) < len(datas):
        _rest()
