"""Arguments of environments: plain values, which the JSON of a run holds exactly.

JSON has neither tuples nor keys that are no text: `encoded` writes (1, 2) as {"tuple": [1, 2]} and {3: 4} as
{"dict": [[3, 4]]}.
"""

import sys
from typing import Any

from ...core.errors import UsageError

_TAGS = ({"tuple"}, {"dict"})
_DEEPEST = 100  # lists within lists


def named(given: dict[str, Any], where: str) -> dict[str, Any]:
    """Arguments by name, NumPy's scalars as Python's numbers.

    Raises:
        UsageError: if one is not what JSON holds, or has no name.
    """
    if odd := [key for key in given if not isinstance(key, str)]:
        raise UsageError(f"{where}: {odd[0]!r} is not the name of an argument")
    return {name: _plain(value, f"{where}: {name}") for name, value in given.items()}


def _plain(value: Any, where: str) -> Any:
    np = sys.modules.get("numpy")  # whoever gives a number of NumPy's has imported it; a help text need not
    if np and isinstance(value, np.generic) and not isinstance(value.item(), np.generic):  # as extended precision stays
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (list, tuple):
        return type(value)(_plain(item, where) for item in value)
    if type(value) is dict:
        return {_plain(key, where): _plain(item, where) for key, item in value.items()}
    raise UsageError(
        f"{where} is or holds a {type(value).__name__}, which the file of a run cannot. Give the environment as a "
        "function that makes it: lambda: MyEnv(...)"
    )


def encoded(value: Any) -> Any:
    """An argument as JSON, from which `decoded` makes an equal one of equal types."""
    match value:
        case list():
            return [encoded(item) for item in value]
        case tuple():
            return {"tuple": [encoded(item) for item in value]}
        case dict():
            if value.keys() in _TAGS or not all(isinstance(key, str) for key in value):
                return {"dict": [[encoded(key), encoded(item)] for key, item in value.items()]}
            return {key: encoded(item) for key, item in value.items()}
    return value


def decoded(content: Any, depth: int = _DEEPEST) -> Any:
    """The value that `encoded` wrote.

    Raises:
        TypeError, ValueError: if it did not.
    """
    if not depth:
        raise ValueError("arguments are nested too deeply")
    match content:
        case list():
            return [decoded(item, depth - 1) for item in content]
        case {"tuple": list(items), **rest} if not rest:
            return tuple(decoded(item, depth - 1) for item in items)
        case {"dict": list(pairs), **rest} if not rest:
            return {decoded(key, depth - 1): decoded(item, depth - 1) for key, item in pairs}
        case dict():
            return {key: decoded(item, depth - 1) for key, item in content.items()}
    return content
