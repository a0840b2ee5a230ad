"""A setting as a preset file, which `--preset FILE.toml` takes."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

from ...core.errors import UsageError
from ..runs import run as runs
from ..runs.presets import SETTABLE
from ..runs.run import Run


def toml(run: Run, source: str) -> str:
    """The text of a preset file with what differs from the defaults in `run`.

    Raises:
        UsageError: if an argument of the environment is or holds None, for which TOML has no word.
    """
    lines = [f"[{_text(runs.plain_id(run.env))}]", f"algo = {_text(run.algo)}", f"source = {_text(source)}"]
    return "\n".join([*lines, *_lines(run)]) + "\n"


def _lines(run: Run) -> Iterator[str]:
    for name in SETTABLE:
        if getattr(run, name) != _default(Run, name):
            yield f"{name} = {_value(getattr(run, name))}"
    plain = type(run.agent)()
    for f in fields(run.agent):
        value = getattr(run.agent, f.name)
        if value == getattr(plain, f.name) or f.name.endswith("_dir"):
            continue
        yield f'agent.{f.name} = "none"' if value is None else f"agent.{f.name} = {_value(value)}"


def _default(config: type, name: str) -> Any:
    (found,) = (f for f in fields(config) if f.name == name)
    return found.default if found.default_factory is MISSING else found.default_factory()


def _value(value: Any) -> str:
    """A value as TOML writes it."""
    match value:
        case None:
            raise UsageError("an argument of the environment is None, which the preset that a search writes cannot say")
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return "{ " + ", ".join(f"{_text(str(key))} = {_value(item)}" for key, item in value.items()) + " }"
        case _:
            return _text(str(value))


def _text(text: str) -> str:
    """A text in quotes; TOML's escapes are those of JSON, and one more."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
