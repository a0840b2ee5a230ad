"""The command line of a sweep: options with several values, and the runs of all their combinations."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from ... import agents
from ...core.errors import UsageError
from ..runs.groups import everything
from ..runs.run import Run
from ..sweeps.plan import MOST
from .asked import asked
from .options import flags_of, train_options

LISTED = "as in --agent.lr 1e-3,3e-4; fields of several numbers, as in --agent.hidden 64,64/256,256"
_WHOLE = {"--out", "--wrap", "--track", "--quiet", "--seeds", "--jobs"}  # options that belong to all runs


class Option(NamedTuple):
    """An option of the command line with the words of each value to try."""

    flag: str
    values: list[list[str]]


def combinations(algos: str, envs: str, flags: Sequence[str]) -> Iterator[tuple[Run, dict[str, Any], list[str], Any]]:
    """Each run, the settings that set it apart by their short names, its command, and its options.

    Raises:
        UsageError: if an option does not fit, or has a value twice.
    """
    given = options_of(algos.split(","), flags)
    varied = [Option("algo", [[algo] for algo in algos.split(",")]), Option("env", [[env] for env in envs.split(",")])]
    for option in (*varied, *given):
        if twice := [words for words in option.values if option.values.count(words) > 1]:
            raise UsageError(f"{option.flag} has the value {' '.join(twice[0])} twice")
    if prod(len(option.values) for option in (*varied, *given)) > MOST:
        raise UsageError(f"these are more than {MOST:,} combinations of settings")
    labels = _labels([option.flag for option in (*varied, *given) if len(option.values) > 1])
    for (algo,), (env,), *chosen in product(*(option.values for option in (*varied, *given))):
        words = [word for option, value in zip(given, chosen, strict=True) for word in written_as(option.flag, value)]
        run, options = asked(algo, env, words, "gymnast train")
        values = {name.replace("-", "_"): value for name, value in everything(run).items()}
        apart = {label: values[flag.lstrip("-").replace("-", "_")] for flag, label in labels.items()}
        yield run, apart, ["gymnast", "train", algo, env, *alone(words)], options


def options_of(algos: Sequence[str], flags: Sequence[str]) -> list[Option]:
    """The options among `flags`, each with all that it is given."""
    kinds: dict[str, Any] = {}
    for algo in algos:
        run = Run(algo, "ENV", agents.load(algo).Config())
        kinds |= flags_of(train_options(run, run, ""))
    found: list[tuple[str, list[str]]] = []
    for word in flags:
        if word.startswith("--"):
            name, equals, text = word.partition("=")
            found.append((name.replace("_", "-") if name in kinds else name, [text] if equals else []))
        elif found:
            found[-1][1].append(word)
        else:
            raise UsageError(
                f"one argument too many: {word!r}. Lists hold no spaces: {LISTED}. See gymnast sweep --help"
            )
    return [Option(name, _values(name, words, kinds)) for name, words in found]


def _values(flag: str, words: list[str], kinds: Mapping[str, Any]) -> list[list[str]]:
    """The values that the words after a flag list."""
    text = " ".join(words)
    name = flag.replace("_", "-")
    if name in _WHOLE or not words:
        return [words]
    if name.startswith(("--env.", "--eval-env.")):
        return [[part] for part in _parts(text)]
    if _is_tuple(kinds.get(name)):
        return [part.replace(",", " ").split() for part in text.split("/")]
    values = [[part] for part in text.split(",")] if len(words) == 1 else [words]
    if [""] in values:
        raise UsageError(f"{flag} {text}: there is no value beside a comma")
    return values


def _is_tuple(kind: Any) -> bool:
    """Whether a field holds several values."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else [kind]
    return any(get_origin(one) is tuple for one in kinds)


def _parts(text: str) -> list[str]:
    """What lies between the commas of a text, but for those in brackets: 1,(2,3) are 1 and (2,3)."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _labels(flags: Sequence[str]) -> dict[str, str]:
    """A short name for each flag: its last part, or all of it where two would be called alike."""
    short = [flag.lstrip("-").rpartition(".")[2].replace("-", "_") for flag in flags]
    return {flag: name if short.count(name) == 1 else flag.lstrip("-") for flag, name in zip(flags, short, strict=True)}


def written_as(flag: str, words: Sequence[str]) -> list[str]:
    """An option as a command line has it."""
    return [f"{flag}={words[0]}"] if len(words) == 1 else [flag, *words]


def alone(words: Sequence[str]) -> Iterator[str]:
    """The words of a command for one run: without the options of the sweep and without the seed."""
    left_out = tuple(f"{flag}=" for flag in ("--out", "--seeds", "--seed", "--jobs", "--quiet"))
    return (word for word in words if not word.startswith(left_out) and word != "--quiet")
