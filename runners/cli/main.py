"""The `gymnast` command. Nothing heavy is imported before the command that needs it."""

import contextlib
import dataclasses
import json
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ... import __version__
from ...core.errors import UsageError, nearest, one_line
from . import many, measure, pages, preferring, shown
from .arguments import Check, Completion, Evaluate, Export, List, New
from .imitating import Collect, Demonstrations, Imitate
from .options import env_args, parse
from .shown import warn
from .start import first
from .train import train
from .tune import tune

USAGE = """\
gymnast: reinforcement learning for Gymnasium environments

  gymnast train ALGO ENV       train an agent, with the preset for both where there is one
  gymnast train --resume DIR   go on where a run stopped
  gymnast sweep ALGO ENV       train with several settings and seeds side by side; --resume DIR goes on
  gymnast tune ALGO ENV        search for better settings, and write the best as a preset; --resume DIR goes on
  gymnast reproduce [NAME]     make a documented table of results anew; list the tables
  gymnast evaluate DIR...      evaluate trained agents: returns, with intervals over episodes and seeds; pass@k of texts
  gymnast render DIR           watch an agent, or write a video (--video FILE.mp4 or FILE.gif)
  gymnast export DIR FILE      write a policy as ONNX or TorchScript, which acts without gymnast
  gymnast play DIR             play a game for two against an agent, or type to one that writes; --browser: on a page
  gymnast collect EXPERT ENV   record demonstrations of a run, an SB3 zip, module:function, or human (you, at the keys)
  gymnast prefer DIR           record which of two texts that an agent writes is better, as rewards or you say
  gymnast imitate EXPERT ENV   measure how many demonstrations behaviour cloning and DAgger need
  gymnast demos DIR            check and describe demonstrations; exchange them with Minari
  gymnast plot DIR...          draw learning curves, with intervals over seeds
  gymnast report DIR...        write one file of HTML about runs, to attach to a paper
  gymnast watch DIR...         show runs in the browser, as they learn
  gymnast list [ALGO]          list agents, environments and presets; say all about one algorithm
  gymnast new env NAME         write a small environment (or game, or agent) of your own, with a test
  gymnast check [ENV]          check this installation, or that an environment keeps its contract
  gymnast lab [NAME]           test a claim of the theory by an experiment; list the experiments
  gymnast bench [SUITE]        measure speed beside the peers; list the suites
  gymnast completion bash      print a script that lets the shell complete commands and options

Begin with:             gymnast train ppo CartPole-v1
Options of a command:   gymnast COMMAND --help
Options of an agent:    gymnast train ALGO --help
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command line; exits with 0, 1 (failure during work), 2 (wrong input) or 130 (interrupted)."""
    args = list(sys.argv[1:] if argv is None else argv)
    hook, threading.excepthook = threading.excepthook, _in_thread
    try:
        sys.exit(_dispatch(args))
    except KeyboardInterrupt as stop:
        print(" ".join(["gymnast: interrupted.", *getattr(stop, "__notes__", [])]), file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone: `gymnast list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as problem:
        if "GYMNAST_TRACEBACK" in os.environ:
            traceback.print_exc()
        print("gymnast:", one_line(problem, "GYMNAST_TRACEBACK=1 shows where"), file=sys.stderr)
        sys.exit(getattr(problem, "exit_code", 1))
    finally:
        threading.excepthook = hook


def _in_thread(what: threading.ExceptHookArgs) -> None:
    """Leaves TensorBoard's full disk to the command, to which its thread raises it again at the next use."""
    if "GYMNAST_TRACEBACK" in os.environ or not isinstance(what.exc_value, OSError):
        threading.__excepthook__(what)


def _dispatch(args: list[str]) -> int:
    if not args:
        print(first())
        return 0
    command, rest = args[0], args[1:]
    if command in ("--help", "-h", "help"):
        print(USAGE)
        return 0
    if command == "--version":
        print(f"gymnast {__version__}")
        return 0
    if command not in _COMMANDS:
        raise UsageError(f"unknown command {command!r}.{nearest(command, _COMMANDS)} Known: {', '.join(_COMMANDS)}.")
    sys.path.append(os.getcwd())  # for environments given as module:Class; behind, to stand in for nothing installed
    return _COMMANDS[command](rest)


def _evaluate(args: list[str]) -> int:
    options = parse(Evaluate, args, "gymnast evaluate")
    from ..runs import run as runs
    from ..runs.folder import last, within
    from ..runs.groups import grouped

    if not options.runs:
        raise UsageError("which runs? For example: gymnast evaluate runs/*")
    options = dataclasses.replace(options, runs=within(options.runs))
    found = [(folder, runs.load(folder / "run.json", options.trust)) for folder in options.runs]
    grouped(found, options.by)  # refuses what --by cannot name before anything is played
    means: dict[Path, float] = {}
    for folder, run in found:
        if len(found) > 1 and not last(folder).exists():
            warn(f"left out: {folder} has no checkpoint yet")
            continue
        mean = _evaluate_one(folder, run, options)
        if mean is not None:
            means[folder] = mean
    for group in grouped([(folder, run) for folder, run in found if folder in means], options.by):
        if not options.json and len(group.runs) > 1:
            print(_over_seeds(f"{group.name} ({group.count})", [means[folder] for folder in group.folders], options))
        for remark in group.remarks():
            warn(remark)
    return 0


def _over_seeds(name: str, means: list[float], options: Evaluate) -> str:
    """What the returns of several runs say about their algorithm."""
    from ...core.learn.stats import iqm, mean_interval

    low, high = mean_interval(means)
    how = f"{options.checkpoint} checkpoints, {options.episodes} episodes each"
    return f"{name}, {how}: mean {sum(means) / len(means):.2f}  95% [{low:.2f}, {high:.2f}]  iqm {iqm(means):.2f}"


def _evaluate_one(folder: Path, run: Any, options: Evaluate) -> float | None:
    """Print the evaluation of one run and write it to its folder; returns the mean return, None in a game for two."""
    from ...agents import champion
    from ...core.games.game import game_of
    from ...core.spaces.tokens import Tokens
    from ..evaluation.answers import answers
    from ..evaluation.evaluate import Evaluation, evaluate, keep
    from ..evaluation.strength import measure
    from ..runs import load

    result: Any
    run = dataclasses.replace(run, eval_copies=options.eval_copies or run.eval_copies)
    with contextlib.closing(load.eval_env(run, options.episodes)) as env:
        game = game_of(env.single_observation_space)
        if options.versus != "baselines" and not game:
            raise UsageError(f"{run.env} is no game for two; --versus is for those")
        agent, steps = load.trained(run, folder, env, options.checkpoint)
        about = f"{run.algo} on {run.env}, {options.checkpoint} checkpoint ({steps:,} steps)"
        if len(options.runs) > 1:
            about = f"{folder}: {about}"
        how = options.episodes, options.seed, options.stochastic, run.eval_steps
        if options.versus != "baselines":
            _match(agent, folder, about, options)
            return None
        if game:
            with load.threads_for(agent.convolutional):
                result = measure(champion(agent), options.simulations, options.episodes, options.seed)
        elif isinstance(env.single_observation_space, Tokens):
            result = answers(agent, env, *how, samples=options.samples, temperature=options.temperature)
        else:
            result = evaluate(agent, env, *how)
    figures = {"run": str(folder), "env": run.env, "algo": run.algo, "steps": steps, "checkpoint": options.checkpoint}
    figures |= result.to_json()
    mean = result.mean if isinstance(result, Evaluation) else None
    if options.json:
        print(json.dumps(figures), flush=True)
    elif mean is not None and len(options.runs) > 1:
        print(f"{result.line()}  {folder} ({steps:,} steps)", flush=True)
        if result.cut:
            print(f"          {result.remark}", flush=True)
    else:
        print(f"{about}, {options.episodes} {'games a pair' if game else 'episodes'}")
        print("\n".join(result.lines()), flush=True)
    if problem := keep(figures, folder / "eval.json"):
        warn(problem)
    return mean


def _match(agent: Any, folder: Path, about: str, options: Evaluate) -> None:
    """Print the results of a run's agent in games against one player."""
    from ...agents import champion
    from ..evaluation.strength import against
    from ..runs.load import threads_for

    with threads_for(agent.convolutional):
        first, second = against(champion(agent), options.versus, options.simulations, options.episodes, options.seed)
    sides = {side: score for side, score in (("first", first), ("second", second)) if score.games}
    if options.json:
        print(json.dumps({"run": str(folder), **{side: dataclasses.asdict(score) for side, score in sides.items()}}))
        return
    print(f"{about}, {options.simulations} simulations a move, against {options.versus}")
    for side, score in sides.items():
        print(f"  as {side:6} {score.wins} won, {score.draws} drawn, {score.losses} lost, points {score.share:.1%}")


def _export(args: list[str]) -> int:
    options = parse(Export, args, "gymnast export")
    from ..api import load

    names = load(options.run, options.checkpoint, options.trust).export(options.file)
    print(f"wrote {options.file}: from {', '.join(names.inputs)} to {', '.join(names.outputs)}")
    return 0


def _collect(args: list[str]) -> int:
    flags, given = env_args(args)
    options = parse(Collect, flags, "gymnast collect")
    from ..imitation.demonstrations import collect, summary

    def told(trajectory: Any) -> None:
        if not options.quiet:
            print(f"  episode of {len(trajectory.action):,} steps, return {trajectory.reward.sum():.1f}", flush=True)

    chosen = {name: getattr(options, name) for name in ("episodes", "seed", "stochastic", "noise", "append", "trust")}
    made = {"env_args": given["env_args"], "wrappers": options.wrap}
    recorded = collect(options.expert, options.env, options.out, **chosen, **made, told=told)
    if not options.quiet:
        print(summary(recorded))
        print(f"\n  gymnast train bc {recorded.env} --demos {options.out}")
    return 0


def _imitate(args: list[str]) -> int:
    options = parse(Imitate, args, "gymnast imitate")
    from ..imitation.imitate import imitate, kept_in, report

    told = (lambda line: None) if options.json else (lambda line: print(line, flush=True))
    counts = list(options.demonstrations)
    imitate(options.expert, options.env, options.out, counts, options.seeds, options.episodes, told, options.trust)
    found = kept_in(options.out)
    print(json.dumps([dataclasses.asdict(one) for one in found]) if options.json else "\n".join(report(found)))
    return 0


def _demos(args: list[str]) -> int:
    options = parse(Demonstrations, args, "gymnast demos")
    from ...core.rollout import demos
    from ..imitation.demonstrations import summary

    if options.from_minari:
        from ..imitation.minari import read

        read(options.from_minari, options.folder, options.env)
    recorded = demos.load(options.folder)
    print(summary(recorded))
    if options.to_minari:
        from ..imitation.minari import write

        write(recorded, options.to_minari)
        print(f"wrote the Minari dataset {options.to_minari}")
    return 0


def _list(args: list[str]) -> int:
    options = parse(List, args, "gymnast list")
    from .inventory import inventory

    print(inventory(options.what))
    return 0


def _new(args: list[str]) -> int:
    options = parse(New, args, "gymnast new")
    from .new import new

    print("\n".join(new(options.what, options.name)))
    return 0


def _check(args: list[str]) -> int:
    options = parse(Check, args, "gymnast check")
    from .check import check

    return check(options.env)


def _completion(args: list[str]) -> int:
    parse(Completion, args, "gymnast completion")
    from ..lab import names
    from .completion import bash

    print(bash(_COMMANDS, names()), end="")
    return 0


_COMMANDS = {
    "train": train,
    "sweep": many.sweep,
    "tune": tune,
    "reproduce": many.reproduce,
    "evaluate": _evaluate,
    "export": _export,
    "play": pages.play,
    "render": shown.render,
    "collect": _collect,
    "demos": _demos,
    "prefer": preferring.prefer,
    "imitate": _imitate,
    "plot": shown.plot,
    "watch": pages.watch,
    "report": shown.report,
    "list": _list,
    "new": _new,
    "check": _check,
    "bench": measure.bench,
    "lab": measure.lab,
    "completion": _completion,
}
