"""The command `gymnast train`: begin a run, go on with one, explain the options of an algorithm."""

import contextlib
from pathlib import Path
from typing import Any

from ...core.errors import UsageError
from .arguments import Resume
from .options import parse, train_options, value

_USAGE = "usage: gymnast train ALGO ENV [options]      gymnast train --resume DIR [--steps N]\n"


def train(args: list[str]) -> int:
    """Run `gymnast train` with these arguments; the exit code."""
    if any(arg.split("=")[0] == "--resume" for arg in args):
        return _resume(args)
    if len(args) < 2 or args[0].startswith("-") or args[1].startswith("-"):
        return _without_env(args)
    if value(args[2:], "--seeds", None) is not None:
        from .many import seeds

        return seeds(args)
    from ..runs.folder import default_out
    from ..training import train as training
    from .asked import asked, trusting

    run, options = asked(args[0], args[1], args[2:], "gymnast train")
    if options.jobs is not None:
        raise UsageError("--jobs is for many runs: give --seeds too, as in --seeds 0..4")
    out, trust = options.out or default_out(run), trusting(run)
    try:
        with _tracked(options.track) as watch:
            result = training.train(run, out, options.quiet, watch)
        return _report(out, result, options.quiet, trust)
    finally:
        if options.out is None:
            with contextlib.suppress(OSError):  # it holds a run
                out.rmdir()
                out.parent.rmdir()


def _resume(args: list[str]) -> int:
    new = "--steps, --evals, --eval-copies, --worker-timeout, --track, --quiet and --trust"
    options = parse(Resume, args, "gymnast train", f"everything but {new} is as the run began")
    from ..training import train as training

    with _tracked(options.track) as watch:
        how = (options.steps, options.quiet, options.trust, watch)
        result = training.resume(options.resume, *how, **options.watched())
    return _report(options.resume, result, options.quiet, options.trust)


def _tracked(names: tuple[str, ...]) -> contextlib.AbstractContextManager[Any]:
    """A watcher that logs to these trackers; nothing for none."""
    if not names:
        return contextlib.nullcontext()
    from ..trackers import tracked

    return tracked(names)


def _without_env(args: list[str]) -> int:
    """Help on one algorithm or on all; without a word of help, the error that something is missing."""
    from ... import agents

    helping = {"-h", "--help"} & set(args)
    if args and not args[0].startswith("-"):
        algo = args[0]
        module = agents.load(algo)
        if not helping:
            raise UsageError(f"which environment? For example: gymnast train {algo} CartPole-v1")
        from ..runs.run import Run

        run = Run(algo, "ENV", module.Config())
        title = f"{agents.summary(algo)}\n\nWith an environment, help also shows the values of its preset."
        parse(train_options(run, run, title), ["--help"], f"gymnast train {algo} ENV")  # prints help and exits
    elif args and not helping:
        raise UsageError("the algorithm and the environment come first: gymnast train ALGO ENV [options]")
    print(_USAGE)
    print("\n".join(f"  {name:12} {agents.summary(name)}" for name in agents.names()))
    print("\nOptions of an algorithm:                  gymnast train ppo --help")
    print("The same, with the values of a preset:    gymnast train ppo CartPole-v1 --help")
    return 0


def _report(out: Path, result: Any, quiet: bool, trusting: bool) -> int:
    if quiet:
        return 130 if result.interrupted else 0
    trust = " --trust" if trusting else ""  # the run's file names modules of one's own
    if result.interrupted:
        print(f"interrupted after {result.steps:,} steps; go on with:\n\n  gymnast train --resume {out}{trust}")
        return 130
    if result.evaluation is not None:
        from ..training.logging import short

        count = len(result.evaluation.returns)
        low, high = map(short, result.evaluation.ci)
        interval = f" [{low}, {high}]" if count > 1 else ""
        print(f"return {short(result.evaluation.mean)}{interval} over the last evaluation's episodes ({count})")
        if result.evaluation.cut:
            print(result.evaluation.remark)
    print(f"the run is in {out}\n")
    print(f"  gymnast evaluate {out}{trust}")
    print(f"  gymnast render {out} --video {out / 'videos' / 'policy.mp4'}{trust}")
    print(f"  tensorboard --logdir {out.parent}")
    return 0
