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
_ASKED, _DONE = 0, 1


class Crew:
    """Advances environments of one model, each given by its `mjData`, in equal shares on so many threads."""

    def __init__(self, model: Any, datas: list[Any], threads: int, frame_skip: int, forces: bool) -> None:
        addresses = np.array([data._address for data in datas], np.uintp)
        own, *others = np.array_split(addresses, threads)
        self._own = own, model._address, frame_skip, forces
        self._helpers = [_Helper(part, *self._own[1:]) for part in others]

    def advance(self) -> None:
        """One step of every environment: `frame_skip` of physics, and the contact forces if they are observed."""
        for helper in self._helpers:
            helper.ask()
        _advance(*self._own)
        for helper in self._helpers:
            _await(helper.counts)

    def close(self) -> None:
        """End the threads."""
        for helper in self._helpers:
            helper.close()


class _Helper:
    """One thread and its share of the environments."""

    def __init__(self, *share: Any) -> None:
        self.counts = np.zeros(
            2, np.int64
        )  # steps asked for, which the crew writes; steps done, which the thread writes
        self._share = share
        self._asleep = self._closing = False
        self._bell = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def ask(self) -> None:
        # Python's lock orders this against _run: it sees the count before it sleeps, or is seen to be asleep here
        self.counts[_ASKED] += 1
        if self._asleep:
            self._bell.set()

    def close(self) -> None:
        self._closing = True
        self._bell.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing:
            _serve(self.counts, *self._share)
            self._asleep = True
            while self.counts[_ASKED] == self.counts[_DONE] and not self._closing:
                self._bell.wait()
                self._bell.clear()
            self._asleep = False


def _atomic_add(typing_context: Any, counts: Any, index: Any, value: Any) -> Any:
    """Atomically counts[index] += value, in order with everything before and after; returns what was there."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = make_array(signature.args[0])(context, builder, arguments[0])
        place = cgutils.get_item_pointer(context, builder, signature.args[0], array, [arguments[1]], wraparound=False)
        before = builder.atomic_rmw("add", place, arguments[2], "seq_cst")
        return impl_ret_untracked(context, builder, signature.return_type, before)

    return types.int64(counts, types.intp, types.int64), code


_add: Any = intrinsic(_atomic_add)


# None of these is cached: Numba cannot keep the addresses of C functions.
@numba.njit(nogil=True)
def _advance(datas: NDArray, model: int, frame_skip: int, forces: bool) -> None:
    for data in datas:
        for _ in range(frame_skip):
            _mj_step(model, data)
        if forces:
            _mj_rne_post_constraint(model, data)


@numba.njit(nogil=True)
def _serve(counts: NDArray, datas: NDArray, model: int, frame_skip: int, forces: bool) -> None:
    """Do what is asked for until nothing has been for a while."""
    idle = 0
    while idle < _PATIENCE:
        if _add(counts, _ASKED, 0) > _add(counts, _DONE, 0):
            _advance(datas, model, frame_skip, forces)
            _add(counts, _DONE, 1)
            idle = 0
        else:
            _rest()
            idle += 1


@numba.njit(nogil=True)
def _await(counts: NDArray) -> None:
    """Return when all that was asked for is done."""
    while _add(counts, _DONE, 0) < _add(counts, _ASKED, 0):
        _rest()
