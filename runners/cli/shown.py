"""Commands that show runs: videos, curves and reports."""

import sys

from ...core.errors import UsageError
from .arguments import Plot, Render, Report
from .options import parse


def render(args: list[str]) -> int:
    """`gymnast render` with these arguments; the exit code."""
    options = parse(Render, args, "gymnast render")
    from ..runs import run as runs
    from ..screen import texts
    from ..screen.prompts import writes
    from ..screen.render import render as rendered

    run = runs.load(options.run / "run.json", options.trust)
    filmed = options.video or options.grid or options.versus
    if options.picture and (filmed or not writes(run)):
        raise UsageError("a picture is of answers, on an environment of text alone; a video needs --video")
    if writes(run) and not filmed:
        answers = options.episodes or texts.ANSWERS
        how = (options.picture, answers, options.seed, options.stochastic, options.checkpoint)
        print(f"wrote {texts.render(run, options.run, *how)}")
        return 0
    given = (options.seed, options.stochastic, options.checkpoint, options.trust, options.grid, options.versus)
    written = rendered(options.run, options.video, options.episodes or 1, *given)
    if written:
        print(f"wrote {written}")
    return 0


def plot(args: list[str]) -> int:
    """`gymnast plot` with these arguments; the exit code."""
    options = parse(Plot, args, "gymnast plot")
    from ..screen.plot import plot as plotted

    for remark in plotted(options.runs, options.out, options.metric, options.by, options.over):
        warn(remark)
    print(f"wrote {options.out}")
    return 0


def report(args: list[str]) -> int:
    """`gymnast report` with these arguments; the exit code."""
    options = parse(Report, args, "gymnast report")
    from ..screen.report import report as reported

    for remark in reported(options.runs, options.out, options.by):
        warn(remark)
    print(f"wrote {options.out}")
    return 0


def warn(line: str) -> None:
    """Say a line beside what the command prints."""
    print(f"gymnast: {line}", file=sys.stderr, flush=True)
