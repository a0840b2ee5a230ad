"""Commands that make many runs: seeds side by side, sweeps, and documented tables of results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyro.conf import Positional, UseAppendAction

from ...core.errors import UsageError, check_ranges
from .arguments import Tracker
from .options import parse
from .shown import warn

if TYPE_CHECKING:
    from ..sweeps.board import Standing
    from ..sweeps.plan import Planned

_HELP = """\
usage: gymnast sweep ALGO ENV [options]      gymnast sweep --resume DIR

Trains all combinations of the settings that have several values, with each seed, side by side. The same command again,
or `gymnast sweep --resume DIR`, goes on where it was stopped.

  --FIELD A,B,C             values to try, of any option of gymnast train ALGO ENV: --agent.lr 1e-3,3e-4 --steps 10k,20k
  --agent.hidden A,B/C,D    of a field that holds several numbers: two networks, of the layers A, B and C, D
  --env.NAME A,B            of an argument of the environment; a list or tuple that is one value stands in brackets
  --seeds 3                 seeds 0, 1 and 2; 0..4 are five seeds, and 0,3,7 these three
  --jobs N                  runs at a time; otherwise one for each core
  --out DIR                 folder for the runs; otherwise runs/sweep-ALGO-ENV-SETTINGS
  --track, --quiet          as in gymnast train

ALGO and ENV may be lists, too: gymnast sweep ppo,a2c CartPole-v1,Acrobot-v1 --seeds 3

All options of an algorithm: gymnast train ALGO --help"""


@dataclass(frozen=True)
class SweepResume:
    """Go on with a sweep, or with runs of several seeds: those that are done stay as they are."""

    resume: Path
    """Folder of the sweep."""
    jobs: int | None = None
    """Runs at a time; none: one for each core."""
    track: UseAppendAction[tuple[Tracker, ...]] = ()
    """Experiment tracker to log to from here on; again for both."""
    quiet: bool = False
    """Print nothing but errors."""
    trust: bool = False
    """Import and call what the sweep's file names (environment, network, expert), whoever wrote it."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("jobs",))


@dataclass(frozen=True)
class Reproduce:
    """Make the runs behind a documented table of results, and print it beside the published figures.

    The same command again goes on where it was stopped.
    """

    name: Positional[str] = ""
    """Name of the table; none: list them."""
    out: Path | None = None
    """Folder for the runs; none: runs/results-NAME."""
    jobs: int | None = None
    """Runs at a time; none: one for each core."""
    list: bool = False
    """List the tables."""
    write: bool = False
    """Put the table into its place in docs/results.md, in a checkout of the sources."""
    quiet: bool = False
    """Print the table alone."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("jobs",))


def sweep(args: list[str]) -> int:
    """`gymnast sweep` with these arguments; the exit code."""
    from ..sweeps.children import nursery

    if any(arg.split("=")[0] == "--resume" for arg in args):
        why = "everything but --jobs, --track, --quiet and --trust is as the sweep began"
        options = parse(SweepResume, args, "gymnast sweep", why)
        nursery()
        from ..sweeps.plan import kept

        return _conducted(kept(options.resume, options.trust), options.resume, options)
    if {"-h", "--help"} & set(args):
        print(_HELP)
        return 0
    if len(args) < 2 or args[0].startswith("-") or args[1].startswith("-"):
        raise UsageError("the algorithm and the environment come first: gymnast sweep ALGO ENV --agent.lr 1e-3,3e-4")
    nursery()  # begins to import while this program does
    from ..sweeps.plan import default_out

    plan, options = _plan(args)
    if len(plan) == 1:
        from .grid import LISTED

        raise UsageError(f"this is a single run. List values, {LISTED}; or seeds, as in --seeds 3")
    out = options.out or default_out(plan)
    _claimed(plan, out)
    return _conducted(plan, out, options)


def seeds(args: list[str]) -> int:
    """`gymnast train` with `--seeds`; the exit code."""
    from ..sweeps.children import nursery

    nursery()
    from ..runs.folder import default_out
    from ..sweeps.plan import FILE

    plan, options = _plan(args)
    if any(one.differs for one in plan):
        raise UsageError(f"gymnast train takes one value of each option; gymnast sweep {args[0]} {args[1]} takes lists")
    if options.out and (options.out / FILE).exists():
        raise UsageError(f"{options.out} holds runs. Go on with them (gymnast sweep --resume {options.out}) or give "
                         "another --out.")  # fmt: skip
    out = options.out or default_out(plan[0].run, "seeds")
    _claimed(plan, out)
    return _conducted(plan, out, options)


def _plan(args: Sequence[str]) -> tuple[list["Planned"], Any]:
    """The runs that a command asks for, whose environments exist, and the options that belong to all of them."""
    from ... import envs
    from ..sweeps.plan import planned, seeds_of
    from .grid import combinations

    found = list(combinations(args[0], args[1], args[2:]))
    run, _, _, options = found[0]
    if options.seeds is not None and any(arg.split("=")[0] == "--seed" for arg in args):
        raise UsageError("--seeds takes the place of --seed; give one of the two")
    chosen = (run.seed,) if options.seeds is None else seeds_of(options.seeds)
    settings = [(one, apart) for one, apart, _, _ in found]
    for env in dict.fromkeys(one.env for one, _ in settings):
        envs.resolve(env)
    return planned(settings, chosen, [words for _, _, words, _ in found]), options


def _claimed(plan: list["Planned"], out: Path) -> None:
    """Check that nothing else is in the folder, and write the plan into it."""
    from ..sweeps.plan import keep, refuse_taken_by_others

    refuse_taken_by_others(plan, out)
    keep(plan, out)


def _conducted(plan: list["Planned"], out: Path, options: Any) -> int:
    """Make the runs and say what came of them; the exit code."""
    from ..sweeps.many import FINAL, How, conduct, final, middle, pooled
    from .asked import trusting

    standings = conduct(plan, out, How(options.jobs, options.quiet, options.track))
    trust = " --trust" if any(trusting(one.run) for one in plan) else ""
    left = sum(one.state in ("waiting", "interrupted") for one in standings)
    if not options.quiet:
        metric, _ = final(standings)
        for group, values in pooled(standings):
            print(f"{group.name} ({group.count}), {FINAL[metric]}: {middle(values)}")
        if not left:
            print(f"the runs are in {out}\n")
            print(f"  gymnast evaluate {out}{trust}")
            print(f"  gymnast plot {out}")
    return _fate(standings, f"gymnast sweep --resume {out}{trust}", options.quiet)


def _fate(standings: Sequence["Standing"], again: str, quiet: bool) -> int:
    """Say what failed and what is left to do, with the command `again`; the exit code."""
    from ..sweeps.many import failures

    for error, names in failures(standings).items():
        warn(f"{', '.join(names)} failed: {error}")
    if any(one.state in ("waiting", "interrupted") for one in standings):
        if not quiet:
            done = sum(one.state == "done" for one in standings)
            print(f"interrupted: {done} of {len(standings)} runs are done; go on with:\n\n  {again}")
        return 130
    codes = {one.code for one in standings if one.state == "failed"}
    return 2 if codes == {2} else int(bool(codes))


def reproduce(args: list[str]) -> int:
    """`gymnast reproduce` with these arguments; the exit code."""
    options = parse(Reproduce, args, "gymnast reproduce")
    if options.list or not options.name:
        from ..sweeps.results import tables

        for name, one in tables().items():
            print(f"  {name:14} {one.about} ({len(one.plan())} runs)")
        print("\nMake one:  gymnast reproduce NAME")
        return 0
    from ..sweeps.children import nursery

    nursery()
    from ..sweeps import results
    from ..sweeps.many import How, conduct

    table = results.table(options.name)
    page = results.ROOT / results.PAGE
    if options.write and not page.is_file():
        raise UsageError(f"--write is for a checkout of the sources: {page} is not there")
    out = options.out or Path("runs") / f"results-{options.name}"
    plan = table.plan()
    _claimed(plan, out)
    standings = conduct(plan, out, How(options.jobs, options.quiet))
    if code := _fate(standings, f"gymnast reproduce {' '.join(args)}", options.quiet):
        return code
    text = list(results.lines(table, list(results.measured(table, out))))
    print("\n".join(text))
    if options.write:
        results.write(options.name, text, page)
        print(f"\nwrote {page}")
    return 0
