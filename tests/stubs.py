"""Writes __init__.pyi, from which editors complete the settings of algorithms and mypy checks them (make stubs)."""

import json
import textwrap
from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import gymnast
from gymnast import _NAMES, agents
from gymnast.runners.cli.options import meanings

FILE = Path(gymnast.__file__).with_suffix(".pyi")
HEAD = '''\
"""The names of gymnast with their types. Written by `make stubs`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

{imports}

__version__: str
__all__: list[str]
'''
HINT = """\
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
"""


def stub() -> str:
    """The whole file."""
    imports = [f"from .{module} import {name} as {name}" for name, module in _NAMES.items()]
    classes = [_class(title, algo) for title, algo in agents.titles().items()]
    return "\n".join([HEAD.format(imports="\n".join(sorted(imports))), *classes])


def _class(title: str, algo: str) -> str:
    parameters = [p for p in signature(getattr(gymnast, title)).parameters.values() if p.kind is Parameter.KEYWORD_ONLY]
    lines = [f"        {p.name}: {_hint(p.annotation)} = ...,\n" for p in parameters]
    about = meanings(agents.load(algo).Config)
    told = [_wrapped(f"{p.name}: {about[p.name]}") for p in parameters if p.name in about]
    return (
        f'class {title}(Learner):\n    """{agents.summary(algo)}\n\n    Args:\n'
        f'{"".join(told)}{HINT}    """\n\n'
        f"    def __init__(\n        self,\n        env: Any,\n        *,\n{''.join(lines)}    ) -> None: ...\n"
    )


def _wrapped(text: str) -> str:
    indents = {"initial_indent": " " * 8, "subsequent_indent": " " * 12}
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False, **indents) + "\n"


def _hint(kind: Any) -> str:
    """A type as one writes it; lists do for tuples, as everywhere."""
    origin, options = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " | ".join(map(_hint, options))
    if origin is Literal:
        return f"Literal[{', '.join(map(json.dumps, options))}]"
    if origin is tuple:
        return f"Sequence[{_hint(options[0])}]"
    if origin is Callable:
        return "Callable[..., Any]"
    if options:
        return f"{origin.__name__}[{', '.join(map(_hint, options))}]"
    return "None" if kind is NoneType else kind.__name__


if __name__ == "__main__":
    FILE.write_text(stub())
