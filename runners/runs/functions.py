"""Functions of the user's own, by name."""

from collections.abc import Callable
from typing import Any

from ...core.errors import UsageError, nearest
from ...core.names import called, imported


def function(reference: str, what: str, kind: type | None = None) -> Callable[..., Any]:
    """The function that module:function names, imported from here or from where Python looks.

    Raises:
        UsageError: if there is none, or only a file names it, unless it is a class of this `kind` that is installed; it
            calls the function `what` it is for.
    """
    module_name, _, name = reference.partition(":")
    if not name:
        raise UsageError(f"{what} {str(reference)!r} is not module:function")
    module = imported(reference, what)
    found = getattr(module, name, None)
    if not callable(found):
        near = nearest(name, [key for key, value in vars(module).items() if callable(value)])
        raise UsageError(f"{what} {str(reference)!r}: module {module_name!r} has no function {name!r}.{near}")
    checked: Callable[..., Any] = called(found, reference, what, kind)
    return checked
