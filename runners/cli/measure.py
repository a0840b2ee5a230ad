"""Commands that measure: speed and learning beside peers, and experiments of the laboratory."""

from .arguments import Bench, Lab, Learning
from .options import parse


def bench(args: list[str]) -> int:
    """`gymnast bench` with these arguments; the exit code."""
    from .. import bench as suites

    if not args:
        print(f"{suites.catalogue()}\n\nMeasure one:  gymnast bench {suites.SUITES[0]}")
        return 0
    if args[0] == suites.LEARNING:
        return _learning(args[1:])
    options = parse(Bench, args, "gymnast bench")
    for line in suites.bench(options.suite, options.repeats, options.json):
        print(line, flush=True)
    return 0


def _learning(args: list[str]) -> int:
    options = parse(Learning, args, "gymnast bench learning")
    from ..bench import peer_needed

    with peer_needed():
        from ..bench.learning import Contest, compare
    contest = Contest(
        options.env, options.entries, options.steps, options.seeds, options.evals, options.eval_episodes, options.out
    )
    for line in compare(contest):
        print(line, flush=True)
    print(f"\nwrote {options.out / 'learning.png'}")
    return 0


def lab(args: list[str]) -> int:
    """`gymnast lab` with these arguments; the exit code."""
    from .. import lab as experiments

    if not args:
        print(f"{experiments.catalogue()}\n\nRun one:  gymnast lab {experiments.names()[0]}")
        return 0
    options = parse(Lab, args, "gymnast lab")
    claim = experiments.summary(options.experiment)
    if not options.json:
        print(f"{options.experiment}: {claim}\n", flush=True)
    report = experiments.run(options.experiment, options.seed, options.out)
    print(report.to_json() if options.json else report.text())
    return 0 if report.finding.held else 1
