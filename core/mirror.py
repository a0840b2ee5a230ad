"""A twin stands in for readable functions only while they are those that it was made from.

A loss or a forward pass that is written out or jitted computes faster what other functions say. Whoever edits these, or
puts others in their place, wants to see that trained. So all that a twin mirrors is listed by name, with fingerprints
of the sources that the twin was last found equal to, and the twin steps aside as soon as one of them differs.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from io import StringIO
from itertools import chain
from operator import attrgetter
from textwrap import dedent
from tokenize import COMMENT, DEDENT, ENDMARKER, INDENT, NEWLINE, NL, STRING, TokenError, generate_tokens
from types import CodeType, FunctionType, ModuleType
from typing import Any

import torch

_LAYOUT = {NEWLINE: "\n", INDENT: "\t", DEDENT: "\b"}
_written = attrgetter("__code__")  # which some reloaders exchange within the function
_NO_GRAD = torch.no_grad()(lambda: None).__code__  # code of the wrapper that the decorator puts around a function


class Mirror:
    """The readable functions that a twin computes in the place of.

    They are looked up at every use, so it counts what a name stands for now, whoever patched the module or the class.

    To renew a fingerprint, first make the twin equal to the edited function, so that the equality test of the twin
    passes; only then does `tests/core/written_out/test_fingerprints.py` say what the new one is.

    Args:
        module: name of the one that the functions are found in.
        recorded: fingerprint of each by name, "function" or "Class.method".
        beneath: mirrors of what they call.
    """

    def __init__(self, module: str, recorded: Mapping[str, str], *beneath: "Mirror") -> None:
        own = (sys.modules[module], recorded)
        self._recorded: list[tuple[ModuleType, Mapping[str, str]]] = [own, *(x for m in beneath for x in m._recorded)]
        # the first one twice, for a getter of one name would give no tuple
        self._looks = [(where, attrgetter(*names, next(iter(names)))) for where, names in self._recorded]
        self._seen: list[Any] = []
        self._same = False

    def shows(self) -> bool:
        """Whether every function is, comments and layout aside, the recorded one."""
        try:
            functions = [*chain.from_iterable([look(module) for module, look in self._looks])]
            seen = [*functions, *map(_written, functions)]
        except AttributeError:  # something else bears the name, or nothing does
            return False
        if seen != self._seen:
            self._seen, self._same = seen, not self.changed()
        return self._same

    def changed(self) -> dict[str, str]:
        """Functions that are not the recorded ones, with the fingerprints that they have now; "" has no source."""
        found = {}
        for module, recorded in self._recorded:
            for name, before in recorded.items():
                now = fingerprint(attrgetter(name)(module))
                if now != before or not now:
                    found[f"{module.__name__}:{name}"] = now
        return found


def fingerprint(*functions: Callable[..., Any]) -> str:
    """Eight hex digits of the functions' tokens without comments, docstrings and layout; "" if a source is missing.

    Brackets and quotes count. An f-string is one token up to Python 3.11 and several from 3.12 on: mirror none.
    """
    codes = [_code(function) for function in functions]
    sources = [_tokens(code) if code else () for code in codes]
    return sha256("\0\0".join("\0".join(tokens) for tokens in sources).encode()).hexdigest()[:8] if all(sources) else ""


def _code(function: Any) -> CodeType | None:
    """The code as written: without the wrappers of numba and of `torch.no_grad`, and nothing that a closure changes."""
    function = getattr(function, "py_func", function)
    if getattr(function, "__code__", None) is _NO_GRAD:
        function = function.__wrapped__
    plain = type(function) is FunctionType and not function.__closure__
    return function.__code__ if plain else None


@cache
def _tokens(code: CodeType) -> tuple[str, ...]:
    # from the code: given a function, `inspect` would return the source of the one that it wraps
    try:
        return tuple(_meaning(dedent(inspect.getsource(code))))
    except (OSError, TokenError, SyntaxError):
        return ()


def _meaning(source: str) -> Iterator[str]:
    """The tokens of a function that change what it does, line breaks and indentation as one character each."""
    tokens = [token for token in generate_tokens(StringIO(source).readline) if token.type not in (COMMENT, NL)]
    begins = True  # a statement
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        documents = begins and token.type == STRING and after is not None and after.type == NEWLINE
        if (token.type == NEWLINE and begins) or token.type == ENDMARKER:
            continue
        begins = documents or token.type in _LAYOUT
        if not documents:
            yield _LAYOUT.get(token.type, token.string)
