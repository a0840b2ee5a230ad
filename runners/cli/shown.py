"""Commands that show runs: videos, curves and reports."""

import sys

from .arguments import Plot, Render, Report
from .options import parse


def render(args: list[str]) -> int:
    """`gymnast render` with these arguments; the exit code."""
    options = parse(Render, args, "gymnast render")
    from ..screen.render import render as rendered

    how = (options.seed, options.stochastic, options.checkpoint, options.trust, options.grid, options.versus)
    written = rendered(options.run, options.video, options.episodes, *how)
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
