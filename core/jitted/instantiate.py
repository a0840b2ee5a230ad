"""One jitted loop per set of functions, kept in Numba's disk cache.

A closure over jitted functions never hits Numba's disk cache, so a loop that is generic over an environment would be
compiled anew in every process. A module-level function that reads the functions as *globals* does hit it.

A jitted function is compiled by itself, and once more within each that calls it. It is not arithmetic that takes
seconds there, but slices of arrays, ways in from Python, the counting of references, and plain numbers as arguments,
for each of which Numba compiles the callee anew. Loops over the numbers at a place (`instructions.at`), in functions
with `PART`, do without.
"""

import hashlib
import inspect
import types
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from numba import njit

# Options for functions that only other jitted ones call, which leave out what takes long to compile: ways to call them
# from Python and from C, and the counting of references to arrays. So they can make no arrays, only fill them.
PART: Any = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}


def instantiate(template: Callable[..., Any], name: str, **functions: Callable[..., Any]) -> Any:
    """The plain Python function `template`, compiled with each global named in `functions` bound to that function.

    Numba looks machine code up by name, so the name carries a fingerprint of every source file the loop is made of:
    whoever edits an environment gets fresh machine code, never stale. For that reason the functions themselves must
    not be cached (`@njit(nogil=True)`): a cached callee would be linked in without regard to what it calls.
    """
    unique = _unique(template, name, *functions.values())
    return _jitted(template, unique, tuple(functions.items()))


@lru_cache(maxsize=256)
def _jitted(template: Callable[..., Any], unique: str, functions: tuple[tuple[str, Callable[..., Any]], ...]) -> Any:
    """The loop, made once in a process: to read machine code from the disk takes ten milliseconds each time."""
    return njit(cache=True, nogil=True)(_bound(template, unique, dict(functions)))


def kernel(function: Callable[..., Any]) -> Any:
    """Decorator: `njit` in the disk cache for a function that calls jitted ones of other files, which must be above it.

    With `cache=True` alone Numba looks at the function's own file, and would not notice that another was edited.
    """
    return _cached(function)


def filling(function: Callable[..., Any]) -> Any:
    """Decorator: `kernel` for a function that makes no arrays, only fills them, as functions with `PART` do."""
    return _cached(function, _nrt=False)


def _cached(function: Callable[..., Any], **options: Any) -> Any:
    bound = _bound(function, _unique(function, "kernel"), {})
    chosen: Any = {"cache": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, **options}
    return njit(**chosen)(bound)


def _unique(template: Callable[..., Any], name: str, *functions: Callable[..., Any]) -> str:
    """The name of `template` with these functions as its globals."""
    return f"{template.__qualname__}_{_identifier(name)}_{fingerprint(template, *functions)}"


def _bound(
    template: Callable[..., Any], unique: str, functions: Mapping[str, Callable[..., Any]]
) -> Callable[..., Any]:
    """A copy of `template` with the name `unique` and `functions` as its globals."""
    bound = types.FunctionType(template.__code__, {**template.__globals__, **functions}, unique)
    bound.__qualname__ = unique
    bound.__module__ = template.__module__
    return bound


def fingerprint(*functions: Callable[..., Any]) -> str:
    """Twelve hex digits that change when a source file of these functions, or of what they call, changes."""
    digest = hashlib.sha256()
    for path in sorted(_source_files(functions)):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()[:12]


def _source_files(functions: tuple[Callable[..., Any], ...]) -> set[str]:
    """The files that define `functions` and, transitively, every jitted function and intrinsic they name."""
    files, seen = set(), set()
    waiting = [getattr(function, "py_func", function) for function in functions]
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        files.add(inspect.getfile(function))
        named: list[Any] = [function.__globals__.get(word) for word in function.__code__.co_names]
        inner = [getattr(value, "py_func", None) or getattr(value, "__wrapped__", None) for value in named]
        waiting += [value for value in inner if isinstance(value, types.FunctionType)]
    return files


def _identifier(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)
