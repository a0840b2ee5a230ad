"""Functions of the user's own, by name."""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from ...core.errors import UsageError, nearest


def function(reference: str, what: str) -> Callable[..., Any]:
    """The function that module:function names, imported from here or from where Python looks.

    Raises:
        UsageError: if there is none; it calls the function `what` it is for.
    """
    module_name, _, name = reference.partition(":")
    if not name:
        raise UsageError(f"{what} {reference!r} is not module:function")
    if not {"", os.getcwd()} & set(sys.path):
        sys.path.append(os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except Exception as problem:
        reason = str(problem).splitlines()[0] if str(problem) else ""
        raise UsageError(
            f"{what} {reference!r}: importing {module_name!r} raised {type(problem).__name__}: {reason}"
        ) from problem
    found = getattr(module, name, None)
    if not callable(found):
        near = nearest(name, [key for key, value in vars(module).items() if callable(value)])
        raise UsageError(f"{what} {reference!r}: module {module_name!r} has no function {name!r}.{near}")
    return found
