"""Writes the table of each algorithm's fields into its page, from its `Config`: python docs/fields.py.

A page marks the place by two comments, `<!-- fields of NAME -->` and `<!-- end of fields -->`.
"""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from docstring_parser import parse_from_object

from gymnast import agents
from gymnast.core.ranges import ranges

PAGES = Path(__file__).parent / "algorithms"
MARKED = re.compile(r"<!-- fields of (\w+) -->\n.*?<!-- end of fields -->", re.DOTALL)
HEAD = "| field | default | values | meaning |\n|---|---|---|---|"


def filled(page: str) -> str:
    """The text of a page with every table as the code has it now."""
    return MARKED.sub(lambda found: f"<!-- fields of {found[1]} -->\n{tables(found[1])}\n<!-- end of fields -->", page)


def tables(algo: str) -> str:
    """The fields that the algorithm declares, then those that it shares with others."""
    module = agents.load(algo)
    own, shared = list[str](), list[str]()
    for name, row in rows(module.Config).items():
        (own if _declares(module, name) else shared).append(row)
    parts = ["\n".join([HEAD, *own])]
    if shared:
        parts.append("Fields that it has in common with other algorithms:\n\n" + "\n".join([HEAD, *shared]))
    return "\n" + "\n\n".join(parts) + "\n"


def rows(config: type) -> dict[str, str]:
    """A line of the table for each field of a `Config`."""
    classes = [cls for cls in reversed(config.__mro__) if is_dataclass(cls)]
    told = {param.arg_name: param.description or "" for cls in classes for param in parse_from_object(cls).params}
    hints = get_type_hints(config)
    default = config()
    lines = {}
    searched = ranges(config)
    for field in fields(config):
        text = " ".join(told[field.name].split()).replace("|", "\\|")
        tuned = f"; tuned: {searched[field.name]}" if field.name in searched else ""
        values = (_written(getattr(default, field.name)), _values(hints[field.name]) + tuned, text)
        lines[field.name] = " | ".join((f"| `{field.name}`", *values)) + " |"
    return lines


def _declares(module: ModuleType, name: str) -> bool:
    """Whether the field comes from a `Config` of the folder `agents`."""
    classes = (cls for cls in module.Config.__mro__ if name in vars(cls).get("__annotations__", {}))
    return next(classes).__module__.startswith(agents.__name__)


def _written(value: Any) -> str:
    """A value as the command line takes it."""
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "(none)"
    return {"None": "none", "True": "true", "False": "false"}.get(str(value), str(value))


def _values(hint: Any) -> str:
    """What a field takes: its choices, or the name of its type."""
    origin = get_origin(hint)
    if origin is Literal:
        return ", ".join(map(str, get_args(hint)))
    if origin in (Union, UnionType):
        kinds = [_values(part) for part in get_args(hint) if part is not NoneType]
        return ", ".join([*kinds, "none"])
    if origin is tuple:
        return f"{_values(get_args(hint)[0])}s"
    return {"bool": "true, false", "str": "text"}.get(hint.__name__, hint.__name__)


if __name__ == "__main__":
    for path in sorted(PAGES.glob("*.md")):
        path.write_text(filled(path.read_text()))
