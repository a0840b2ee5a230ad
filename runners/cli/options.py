"""Turns the words of a command line into options: by tyro, with numbers such as 100k and errors in one line."""

import ast
import contextlib
import dataclasses
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import field
from decimal import Decimal, InvalidOperation, Overflow
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import tyro
from tyro.conf import UseAppendAction, arg
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from ...core.errors import UsageError, nearest
from ..runs.elsewhere import counterpart
from .arguments import TRACK, Tracker


def parse(options: Any, args: Sequence[str], prog: str, why: str = "") -> Any:
    """An instance of the dataclass `options` from the command line; an argument that does not fit is a UsageError.

    `why` explains why options that a user may expect do not exist.
    """
    args = _switched(args, options)
    said = io.StringIO()
    helping = {"-h", "--help"} & set(args)
    capture = contextlib.nullcontext() if helping else contextlib.redirect_stderr(said)
    try:
        with capture:
            parsed, unknown = tyro.cli(
                options,
                args=args,
                prog=prog,
                registry=_NUMBERS,
                return_unknown_args=True,
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        gist = _gist(said.getvalue()).removeprefix(f"{options.__name__}: ")  # where a range of a command is broken
        raise UsageError(f"{gist} See {prog} --help") from None
    if not unknown:
        return parsed
    word = unknown[0].split("=")[0]
    if not word.startswith("-"):
        raise UsageError(f"one argument too many: {word!r}. See {prog} --help")
    raise UsageError(f"unknown option {word!r}{f': {why}.' if why else '.' + _meant(word, options)} See {prog} --help")


def _meant(word: str, options: Any) -> str:
    """' Did you mean X?' for the option that `word` names without its group, by another library's name, or nearly."""
    flags = flags_of(options)
    by_name = {flag.lstrip("-").rpartition(".")[2].replace("-", "_"): flag for flag in flags}
    name = counterpart(word.lstrip("-").rpartition(".")[2].replace("-", "_"), by_name)
    if name is None:
        return ""
    return f" Did you mean {by_name[name]!r}?" if name in by_name else nearest(word, flags)


def value(flags: Sequence[str], name: str, default: Any) -> Any:
    """The last value of the option `name` among `flags` that are not parsed yet, in any spelling, or the default."""
    given = [flag.partition("=") for flag in flags]
    for i, (word, equals, text) in reversed(list(enumerate(given))):
        if word.replace("_", "-") == name and (equals or i + 1 < len(flags)):
            return text if equals else flags[i + 1]
    return default


def _switched(args: Sequence[str], options: Any) -> list[str]:
    """`args` with every switch that is given a value, as in `--quiet=true` and `--quiet true`, as `--quiet` alone."""
    switches = {flag for flag, kind in flags_of(options).items() if kind is bool}
    words, pending = [], list(args)
    while pending:
        word, equals, text = pending.pop(0).partition("=")
        name = word.replace("_", "-")
        if name in switches and not equals and pending and pending[0].lower() in _TRUTH:
            equals, text = "=", pending.pop(0)
        if name not in switches or not equals:
            words.append(word + equals + text)
        elif text.lower() in _TRUTH:
            group, dot, last = name.rpartition(".")
            words.append(name if _TRUTH[text.lower()] else f"{group}{dot}no-{last}" if dot else f"--no-{name[2:]}")
        else:
            raise UsageError(f"{word} is {text!r}; it must be true or false")
    return words


NOT_OPTIONS = (
    "algo",
    "env",
    "agent",
    "preset",
    "env_args",
    "eval_args",
    "wrappers",
)  # fields of Run that are said otherwise


_WRAP = (
    "Wrapper around the environment, module:Wrapper, such as gymnasium.wrappers:FlattenObservation; again for more, "
    "the first one innermost."
)


_PRESET = (
    "A table of the preset file, none, or auto: the one for this environment; or a preset file of your own, FILE.toml."
)


_SEEDS = (
    "Seeds to train with side by side, each in a process and a folder of its own: how many (3), a range (0..4), or a "
    "list (0,3,7). The folder --out then holds them all."
)


def train_options(base: Any, plain: Any, title: str) -> Any:
    """A dataclass of everything that can be set for the run `base`, with the values of its preset as defaults.

    Help shows the values of `plain`, the same run without a preset, beside those that differ.
    """
    agent = dataclasses.make_dataclass("Agent", _columns(base.agent, plain.agent), frozen=True)
    agent.__doc__ = type(base.agent).__doc__  # heads the group of these options
    columns = [column for column in _columns(base, plain) if column[0] not in NOT_OPTIONS]
    columns += [
        ("preset", _told(str, _PRESET), "auto"),
        ("out", _told(Path | None, "Folder of the run; none: runs/<algo>-<env>-s<seed>-<time>."), None),
        ("wrap", UseAppendAction[_told(tuple[str, ...], _WRAP)], ()),  # type: ignore[misc]
        ("track", UseAppendAction[_told(tuple[Tracker, ...], TRACK)], ()),  # type: ignore[misc]
        ("quiet", _told(bool, "Print nothing but errors."), False),
        ("seeds", _told(str | None, _SEEDS), None),
        ("jobs", _told(int | None, "With several seeds: runs at a time; none: one for each core."), None),
        ("agent", agent, field(default_factory=agent)),
    ]
    options = dataclasses.make_dataclass("Train", columns, frozen=True)
    options.__doc__ = (
        f"{title}\n\nSet arguments of the environment's constructor with --env.NAME VALUE, and those that differ for "
        "evaluation with --eval-env.NAME VALUE."
    )
    return options


def chosen(base: Any, options: Any) -> Any:
    """The run `base` with the values of its `train_options`."""
    agent = {f.name: getattr(options.agent, f.name) for f in dataclasses.fields(base.agent)}
    values = {f.name: getattr(options, f.name) for f in dataclasses.fields(base) if f.name not in NOT_OPTIONS}
    return dataclasses.replace(base, agent=type(base.agent)(**agent), wrappers=options.wrap, **values)


def _columns(values: Any, plain: Any) -> list[Any]:
    """(name, type, default) of each field of the dataclass `values`, with its documentation as help."""
    told = meanings(type(values))
    kinds = {name: _written(kind) for name, kind in get_type_hints(type(values)).items()}
    columns = []
    for f in dataclasses.fields(values):
        value, default = getattr(values, f.name), getattr(plain, f.name)
        text = told.get(f.name, "")
        kind = _told(kinds[f.name], text, None if value == default else _beside(default))
        columns.append((f.name, kind, field(default_factory=lambda value=value: value)))  # type: ignore[misc]
    return columns


def meanings(config: type) -> dict[str, str]:
    """The purpose of each field of a dataclass, as the text below it says."""
    from docstring_parser import parse_from_object

    documented = [cls for cls in reversed(config.__mro__) if dataclasses.is_dataclass(cls)]
    told = {param.arg_name: param.description for cls in documented for param in parse_from_object(cls).params}
    return {name: " ".join((text or "").split()) for name, text in told.items()}


def _written(kind: Any) -> Any:
    """A field's type without functions, which a command line gives by their names."""
    kinds = [one for one in get_args(kind) if get_origin(one) is not Callable]
    return Union[tuple(kinds)] if get_origin(kind) is UnionType else kind  # noqa: UP007 - of as many as there are


def _told(kind: Any, text: str, hint: Callable[[str], str] | None = None) -> Any:
    return Annotated[kind, arg(help=text, help_behavior_hint=hint)]


def _beside(default: Any) -> Callable[[str], str]:
    """Writes a preset's value with the `default` that it replaces."""
    text = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return lambda value: f"(preset: {value}, default: {text})"


def env_args(flags: list[str]) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """`flags` without --env.NAME VALUE and --eval-env.NAME VALUE, and what these set."""
    rest: list[str] = []
    given: dict[str, dict[str, Any]] = {"env_args": {}, "eval_args": {}}
    pending = iter(flags)
    for flag in pending:
        match = re.fullmatch(r"--(env|eval[-_]env)\.([\w-]+)(?:=(.*))?", flag, re.DOTALL)
        if not match:
            rest.append(flag)
            continue
        text = match[3] if match[3] is not None else next(pending, "--")
        if match[3] is None and text.startswith("--"):  # the next option: a value like that is written --env.NAME=VALUE
            raise UsageError(f"{flag} needs a value, such as {flag} true")
        given["env_args" if match[1] == "env" else "eval_args"][match[2].replace("-", "_")] = _literal(text)
    return rest, given


def _literal(text: str) -> Any:
    """The value that `text` writes in Python or JSON, or as a short number; else the text itself, as 007 is."""
    for read in (ast.literal_eval, json.loads):
        with contextlib.suppress(ValueError, SyntaxError):
            return read(text)
    if not re.fullmatch(_SHORT, text):
        return text
    value = _decimal(text)
    return int(value) if _is_whole(value) else float(value)


_NUMBERS = ConstructorRegistry()
_LONGEST = 308  # digits before the point of the largest float
_TRUTH = {"true": True, "false": False}
_SUFFIX = {"k": 10**3, "M": 10**6, "G": 10**9}


_SHORT = r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)[kMG]|[+-]?inf"  # beside what Python writes


def number(text: str) -> float:
    """The number that `text` writes, where 100k, 1M and 3e-4 are numbers."""
    return float(_decimal(text))


def _whole(text: str) -> int:
    value = _decimal(text)
    if not _is_whole(value):
        raise ValueError(f"{text!r} is not a whole number")
    return int(value)


def _decimal(text: str) -> Decimal:
    """The number that `text` writes, exactly: 4.1k is 4100."""
    scale = _SUFFIX.get(text[-1:], 1)
    try:
        value = Decimal(text[:-1] if scale > 1 else text) * scale
    except InvalidOperation:
        several = "; values to compare are for gymnast sweep" if "," in text else ""
        raise ValueError(f"{text!r} is not a number{several}") from None
    except Overflow:
        raise ValueError(f"{text!r} is too large") from None
    if value.is_finite() and value.adjusted() > _LONGEST:
        raise ValueError(f"{text!r} is too large")
    return value


def _is_whole(value: Decimal) -> bool:
    return value.is_finite() and value == value.to_integral_value()


@_NUMBERS.primitive_rule
def _number_rule(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    if info.type not in (int, float):
        return None
    read = _whole if info.type is int else number
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT" if info.type is int else "FLOAT",
        instance_from_str=lambda args: read(args[0]),
        is_instance=lambda value: isinstance(value, int | float),
        str_from_instance=lambda value: [str(value)],
    )


def flags_of(options: Any, prefix: str = "--") -> dict[str, Any]:
    """Every option of a dataclass and of the dataclasses in it, with its type."""
    flags: dict[str, Any] = {}
    kinds = get_type_hints(options)
    for f in dataclasses.fields(options):
        name = f.name.replace("_", "-")
        if dataclasses.is_dataclass(kinds[f.name]):
            flags |= flags_of(kinds[f.name], f"{prefix}{name}.")
        else:
            flags[prefix + name] = kinds[f.name]
    return flags


def _gist(box: str) -> str:
    """The sentences inside the frame that tyro draws around an error, in one line."""
    lines = [line.strip(" │|╭╮╰╯─+") for line in box.splitlines()]
    _, *said = [line for line in lines if line.strip("-")]  # the first one is the frame's title
    ends = (i for i, line in enumerate(said) if line.startswith(("Argument helptext", "For full helptext")))
    text = " ".join(said[: next(ends, None)]).removeprefix("Error parsing ").replace(" (required)", "")
    return re.sub(r"^Missing from gymnast .*?: ", "missing: ", text) + ("" if text.endswith(".") else ".")
