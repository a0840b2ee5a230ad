"""Completion in a shell: a script with every command, algorithm and option in it, so that it need not ask."""

from collections.abc import Iterable
from typing import Any

from ... import agents
from ...envs import games, native, text
from ..bench import LEARNING, SUITES
from ..runs.run import Run
from ..sweeps.results import tables
from ..tuning.study import Budget
from . import arguments, imitating, many, measure
from .options import flags_of, train_options

_TAKES = {
    "evaluate": arguments.Evaluate,
    "export": arguments.Export,
    "play": arguments.Play,
    "render": arguments.Render,
    "collect": imitating.Collect,
    "demos": imitating.Demonstrations,
    "prefer": imitating.Prefer,
    "imitate": imitating.Imitate,
    "plot": arguments.Plot,
    "watch": arguments.Watch,
    "report": arguments.Report,
    "reproduce": many.Reproduce,
    "list": arguments.List,
    "new": arguments.New,
    "check": arguments.Check,
    "bench": measure.Bench,
    "lab": measure.Lab,
}
_SCRIPT = """\
# bash completion for gymnast
_gymnast() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words=
  case "$COMP_CWORD:${{COMP_WORDS[1]}}" in
    1:*) words="{commands}" ;;
    2:train | 2:sweep | 2:tune) words="{algorithms} --resume" ;;
    2:reproduce) words="{tables}" ;;
    3:train | 3:sweep | 3:tune | 2:check) words="{environments}" ;;
    2:bench) words="{suites}" ;;
    2:lab) words="{experiments}" ;;
    2:list) words="all agents envs presets {algorithms}" ;;
    2:new) words="env game agent" ;;
    2:completion) words="bash" ;;
  esac
  if [[ $word == -* ]]; then
    case "${{COMP_WORDS[1]}}:${{COMP_WORDS[2]}}" in
      train:--resume) words="--steps --quiet" ;;
      sweep:--resume) words="--jobs --quiet" ;;
      tune:--resume) words="--trials --jobs --quiet" ;;
{options}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _gymnast gymnast
"""


def bash(commands: Iterable[str], experiments: Iterable[str]) -> str:
    """The script for bash. Where it knows no word, bash completes names of files."""
    algorithms = agents.names()
    cases = [(f"train:{algo} | sweep:{algo}", _train_flags(algo)) for algo in algorithms]
    cases += [(f"tune:{algo}", {**_train_flags(algo), **flags_of(Budget)}) for algo in algorithms]
    cases.append((f"bench:{LEARNING}", flags_of(measure.Learning)))
    cases += [(f"{command}:*", flags_of(takes)) for command, takes in _TAKES.items()]
    return _SCRIPT.format(
        commands=" ".join(commands),
        algorithms=" ".join(algorithms),
        tables=" ".join(tables()),
        environments=" ".join([*native.NAMES, *games.NAMES, *text.NAMES]),
        suites=" ".join([*SUITES, LEARNING]),
        experiments=" ".join(experiments),
        options="\n".join(f'      {case}) words="{" ".join([*flags, "--help"])}" ;;' for case, flags in cases),
    )


def _train_flags(algo: str) -> dict[str, Any]:
    run = Run(algo, "ENV", agents.load(algo).Config())
    return flags_of(train_options(run, run, "Train."))
