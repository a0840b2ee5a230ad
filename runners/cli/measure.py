"""Commands that measure: speed and learning beside peers, and experiments of the laboratory."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from ...core.errors import check_ranges
from .options import parse


@dataclass(frozen=True)
class Bench:
    """Measure speed beside a peer in the same run, in turns; print medians and ratios."""

    suite: Positional[str]
    """Name of the measurement; `gymnast bench` alone lists them."""
    repeats: int = 5
    """Number of runs of each side."""
    json: bool = False
    """Print one JSON object."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("repeats",))


@dataclass(frozen=True)
class Learning:
    """Compare what algorithms and presets learn from as many steps, and in as many seconds of a processor.

    Draws both as learning.png, and prints a table. Runs that the folder holds already are not made again.
    """

    env: Positional[str] = "Pendulum-v1"
    """Environment."""
    entries: Positional[tuple[str, ...]] = ("sac", "sac:crossq", "td3", "sb3-sac")
    """Algorithms, with the preset of the environment (sac) or another one (sac:crossq), or those of Stable-Baselines3
    with its own defaults (sb3-sac)."""
    steps: int = 20_000
    """Environment steps of each run."""
    seeds: int = 3
    """Runs of each: seeds 0, 1, ..."""
    evals: int = 20
    """Evaluations of each run, evenly spread."""
    eval_episodes: int = 10
    """Episodes of each evaluation."""
    out: Path = Path("runs/learning")
    """Folder for the runs and the picture."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("steps", "seeds", "evals", "eval_episodes"))


@dataclass(frozen=True)
class Lab:
    """Run an experiment that tests a claim of the theory; the exit code is 0 if the claim held and 1 if not."""

    experiment: Positional[str]
    """Name of the experiment; `gymnast lab` alone lists them."""
    seed: int = 0
    """Seed of everything random."""
    out: Path | None = None
    """Figure to write (.png, .pdf, .svg), or a folder for it; none: lab-NAME.png in the working directory."""
    json: bool = False
    """Print one JSON object."""

    def __post_init__(self) -> None:
        check_ranges(self, at_least_0=("seed",))


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
