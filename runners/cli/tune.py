"""The command `gymnast tune`: search for better settings, go on with a search or take part in it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyro.conf import UseAppendAction

from ...core.errors import UsageError, check_ranges
from .arguments import Tracker
from .options import flags_of, parse

if TYPE_CHECKING:
    from ..tuning.study import Budget
    from ..tuning.tune import Plan

_HELP = """\
usage: gymnast tune ALGO ENV [options]      gymnast tune --resume DIR

Searches for better settings than those of the preset, which is the first trial. Trials that are worse than half of the
others end early. The best settings are trained again with seeds that the search has not seen, and the best of these is
written as a preset. The same command again, or `gymnast tune --resume DIR`, goes on where it was stopped; while others
are at it, here or on another machine that sees the folder, it takes part.

  --trials 50               settings to try, in all processes together
  --finalists 3             how many of the best are trained again
  --seeds 3                 how many fresh seeds each of them is trained with
  --FIELD VALUE             as in gymnast train ALGO ENV; a field of the algorithm that is given is not searched
  --agent.FIELD A,B,C       values to try in place of what the algorithm declares, as in gymnast sweep
  --jobs N                  runs at a time; otherwise one for each core
  --out DIR                 folder for the search; otherwise runs/tune-ALGO-ENV
  --track, --quiet          as in gymnast train

What an algorithm declares: gymnast list ALGO"""


@dataclass(frozen=True)
class TuneResume:
    """Go on with a search, or take part in it."""

    resume: Path
    """Folder of the search."""
    trials: int | None = None
    """New number of trials, in all processes together; none, or fewer: as many as before."""
    jobs: int | None = None
    """Runs at a time; none: one for each core."""
    track: UseAppendAction[tuple[Tracker, ...]] = ()
    """Experiment tracker to log to from here on; again for both."""
    quiet: bool = False
    """Print nothing but errors."""
    trust: bool = False
    """Import and call what the search's file names (environment, network, expert), whoever wrote it."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("trials", "jobs"))


def tune(args: list[str]) -> int:
    """`gymnast tune` with these arguments; the exit code."""
    from ..tuning.study import Budget, needed

    if any(arg.split("=")[0] == "--resume" for arg in args):
        why = "everything but --trials, --jobs, --track, --quiet and --trust is as the search began"
        options = parse(TuneResume, args, "gymnast tune", why)
        needed()
        from ..tuning.tune import kept

        budget = Budget(options.trials) if options.trials else None
        return _searched(kept(options.resume, options.trust), options.resume, options, budget)
    if {"-h", "--help"} & set(args):
        print(_HELP)
        return 0
    if len(args) < 2 or args[0].startswith("-") or args[1].startswith("-"):
        raise UsageError("the algorithm and the environment come first: gymnast tune ALGO ENV --trials 50")
    needed()
    from ..sweeps.children import nursery

    nursery()  # begins to import while this program does
    from ..tuning.tune import begin, folder

    budget, rest = _budget(args[2:])
    plan, options = _plan(args[0], args[1], rest)
    out = options.out or folder(plan)
    begin(plan, out)
    return _searched(plan, out, options, budget)


def _budget(args: Sequence[str]) -> tuple["Budget", list[str]]:
    """How much is searched, and the arguments that say nothing of that."""
    from ..tuning.study import Budget

    own, rest, names = list[str](), list[str](), flags_of(Budget)
    pending = iter(args)
    for word in pending:
        if word.partition("=")[0] in names:
            own += [word] if "=" in word else [word, *islice(pending, 1)]
        else:
            rest.append(word)
    return parse(Budget, own, "gymnast tune"), rest


def _plan(algo: str, env: str, args: Sequence[str]) -> tuple["Plan", Any]:
    """The search, in an environment that exists, and the options that do not belong to a run."""
    from ... import envs
    from ..runs.groups import everything
    from ..tuning.tune import planned
    from .asked import asked
    from .grid import alone, options_of, written_as

    options = options_of([algo], args)
    words = [word for flag, values in options if len(values) == 1 for word in written_as(flag, values[0])]
    run, given = asked(algo, env, words, "gymnast tune")
    envs.resolve(run.env)
    lists = {}
    for flag, values in options:
        if len(values) > 1:
            name = flag.removeprefix("--").replace("-", "_")
            each = [asked(algo, env, [*words, *written_as(flag, value)], "gymnast tune")[0] for value in values]
            lists[name] = [everything(one).get(name) for one in each]
    fixed = [flag.removeprefix("--").replace("-", "_") for flag, values in options if len(values) == 1]
    return planned(run, lists, fixed, ("gymnast", "train", algo, env, *alone(words))), given


def _searched(plan: "Plan", out: Path, options: Any, budget: "Budget | None") -> int:
    """Take part in a search and say what came of it; the exit code."""
    from ..sweeps.many import How
    from ..tuning.report import show
    from ..tuning.tune import PICTURE, PRESET, search
    from .asked import trusting

    trust = " --trust" if trusting(plan.run) else ""
    if not options.quiet:
        print(f"searched, from the preset {plan.run.preset} on:")
        for name, one in plan.space.items():
            print(f"  {name.removeprefix('agent.'):16} {one}")
    found = search(plan, out, How(options.jobs, options.quiet, options.track), budget)
    if found is None:
        if not options.quiet:
            print(f"interrupted; go on with:\n\n  gymnast tune --resume {out}{trust}")
        return 130
    if not options.quiet:
        show(found)
        print(f"the report is {out / PICTURE}, the best setting {out / PRESET}\n")
        print(f"  {shlex.join(_command(plan, out / PRESET))}")
    return 0


def _command(plan: "Plan", preset: Path) -> list[str]:
    """The command that trains the best setting: the words that began the search, but for what `preset` sets."""
    from ..runs.presets import SETTABLE

    kept, keep = ["gymnast", "train", plan.run.algo, str(plan.run.env)], False
    for word in plan.command[4:]:
        if word.startswith("--"):
            name = word.partition("=")[0].removeprefix("--").replace("-", "_")
            inside = name.startswith(("agent.", "env.", "eval_env.")) and not name.endswith("_dir")
            keep = not inside and name not in (*SETTABLE, "preset")
        if keep:
            kept.append(word)
    return [*kept, "--preset", str(preset)]
