"""The arguments of commands, as `gymnast COMMAND --help` shows them; those of `train` depend on its run.

Those of the commands that record what others do are in `imitating.py`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional, UseAppendAction

from ...core.errors import check_ranges

Tracker = Literal["wandb", "mlflow"]
TRACK = "Also log to this experiment tracker (extra of the same name); again for both. It is no part of the run."


@dataclass(frozen=True)
class Resume:
    """Go on where a run stopped, to its own total of steps or to a larger one."""

    resume: Path
    """Folder of the run."""
    steps: int | None = None
    """New total of environment steps."""
    evals: int | None = None
    """New number of evaluations, evenly spread; 0 for none."""
    eval_copies: int | None = None
    """New number of copies of the environment that an evaluation plays on at most."""
    worker_timeout: float | None = None
    """New number of seconds after which a silent worker process counts as hung."""
    track: UseAppendAction[tuple[Tracker, ...]] = ()
    """Experiment tracker to log to from here on; again for both."""
    quiet: bool = False
    """Print nothing but errors."""
    trust: bool = False
    """Import and call what the run's file names (environment, network, expert), whoever wrote it."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("steps", "eval_copies", "worker_timeout"), at_least_0=("evals",))

    def watched(self) -> dict[str, int | float]:
        """The given ones of those that change nothing about what is learned."""
        given = {name: getattr(self, name) for name in ("evals", "eval_copies", "worker_timeout")}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Evaluate:
    """Evaluate trained agents on environments of their own, with frozen normalisers; in a game for two, their strength.

    Runs that differ in nothing but their seed also get their mean over seeds, with a 95 % interval (Student's t).
    """

    runs: Positional[list[Path]]
    """Folders of runs."""
    episodes: int = 100
    """Number of whole episodes for each run."""
    seed: int = 1_000_000
    """Seed of the environments."""
    stochastic: bool = False
    """Sample actions instead of taking the most likely one."""
    checkpoint: Literal["best", "last"] = "best"
    """Checkpoint to evaluate: the one that evaluated best during training, or the newest."""
    simulations: int = 600
    """Simulations per move in a game for two, for the strongest of the agent's players."""
    samples: int = 16
    """Answers to draw to each question of an environment of text, for pass@k; 0 for none."""
    temperature: float = 1.0
    """Temperature of these draws."""
    versus: str = "baselines"
    """Opponent in a game for two: baselines (a tournament), or one player: random, uct-N (tree search with N random
    games per move), alpha-beta-N (N moves ahead), or perfect (moves second; connect4 and tictactoe only)."""
    eval_copies: int | None = None
    """Most copies of the environment to play on at a time; none: as many as the run had for its evaluations."""
    by: str | None = None
    """Pool runs that agree in these settings (lr,steps); "env" pools all of an algorithm on an environment. None: those
    that agree in everything but the seed."""
    json: bool = False
    """Print one JSON object per run."""
    trust: bool = False
    """Import and call what the runs' files names (environment, network, expert), whoever wrote them."""

    def __post_init__(self) -> None:
        at_least_0 = ("seed", "samples", "temperature")
        check_ranges(self, positive=("episodes", "simulations", "eval_copies"), at_least_0=at_least_0)


@dataclass(frozen=True)
class Render:
    """Watch a trained agent in a window, or write a video that shows its thoughts beside the picture.

    In an environment of text it writes a picture of answers, in which colours show how likely each token was.
    """

    run: Positional[Path]
    """Folder of the run."""
    episodes: int | None = None
    """Number of episodes; none: one, or 8 answers."""
    seed: int = 1_000_000
    """Seed of the environment; each further episode takes the next one."""
    video: Path | None = None
    """Video to write (.mp4 or .gif) instead of opening a window. Without a screen, or with --grid or --versus, the
    default is a file in the run's folder."""
    picture: Path | None = None
    """Picture of answers to write (.png), on an environment of text; the default is a file in the run's folder."""
    grid: bool = False
    """Show all episodes at once, in a grid without thoughts; those that have ended stay, paler, on their last frame."""
    versus: Path | None = None
    """Folder of another run on the same environment, to show beside this one on the same seeds. In a game for two, each
    agent plays itself."""
    stochastic: bool = False
    """Sample actions instead of taking the most likely one."""
    checkpoint: Literal["best", "last"] = "best"
    """Checkpoint to watch: the one that evaluated best during training, or the newest."""
    trust: bool = False
    """Import and call what the run's file names (environment, network, expert), whoever wrote it."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("episodes",), at_least_0=("seed",))


@dataclass(frozen=True)
class Export:
    """Write the policy of a run as a file that acts without gymnast, with its normalisation and its units inside."""

    run: Positional[Path]
    """Folder of the run."""
    file: Positional[Path]
    """File to write: .onnx (ONNX) or .pt (TorchScript)."""
    checkpoint: Literal["best", "last"] = "best"
    """Checkpoint to export: the one that evaluated best during training, or the newest."""
    trust: bool = False
    """Import and call what the run's file names (network), whoever wrote it."""


@dataclass(frozen=True)
class Play:
    """Play a game for two against a trained agent in the terminal; or type how texts begin, and it goes on from there.

    In a game, `help` shows the commands. On an environment of text each line of the input is a question or a beginning,
    and an empty one takes one of the environment's own. With --browser play on a page, with the mouse, and see what the
    agent thinks; on an environment that is no game, watch the agent there step by step, and take over with the keys.
    """

    run: Positional[Path]
    """Folder of the run."""
    simulations: int = 600
    """Strength of the agent: simulations per move. With 0 its network plays alone."""
    second: bool = False
    """Let the agent begin."""
    checkpoint: Literal["best", "last"] = "best"
    """Checkpoint to play against: the one that evaluated best during training, or the newest."""
    browser: bool = False
    """Serve a page to the browser in place of the terminal."""
    prompt: str | None = None
    """On an environment of text: go on from this alone."""
    tokens: int | None = None
    """On an environment of text: most tokens of an answer; none: as many as the task has room for, or 400."""
    temperature: float = 1.0
    """On an environment of text: below 1 likely tokens become likelier still, and with 0 the likeliest is taken."""
    top_k: int | None = None
    """Draw from so many of the likeliest tokens."""
    top_p: float = 1.0
    """Draw from the fewest of the likeliest tokens that have this probability together."""
    min_p: float = 0.0
    """Draw from tokens of at least this share of the likeliest one's probability."""
    stochastic: bool = False
    """In the browser, on an environment that is no game: sample actions instead of taking the most likely one."""
    seed: int = 1_000_000
    """Seed of an environment that is no game, and of the tokens that are drawn."""
    port: int = 6008
    """Port to serve the page on; the next free one if it is taken."""
    host: str = "127.0.0.1"
    """Address to serve it on. On any other than this machine's own the page asks for a token."""
    trust: bool = False
    """Import and call what the run's file names (environment, network, expert), whoever wrote it."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("port", "tokens"), at_least_0=("simulations", "seed"))


@dataclass(frozen=True)
class Watch:
    """Show all runs in the browser, as they learn: curves, what differs, evaluations, the latest video."""

    folders: Positional[list[Path]]
    """Folders of runs, or of single ones."""
    port: int = 6007
    """Port to serve the page on; the next free one if it is taken."""
    host: str = "127.0.0.1"
    """Address to serve it on. On any other than this machine's own the page asks for a token."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("port",))


@dataclass(frozen=True)
class Plot:
    """Draw learning curves of runs: a line for those that differ in nothing but their seed, with a 95 % interval.

    Runs without the metric are left out, which is said.
    """

    runs: Positional[list[Path]]
    """Folders of runs."""
    out: Path = Path("curves.png")
    """Picture to write (.png, .pdf, .svg)."""
    metric: str = "episode/return"
    """Column of metrics.csv to draw."""
    over: Literal["steps", "seconds", "cpu"] = "steps"
    """Draw it over environment steps, seconds, or seconds of a processor (evaluation left out)."""
    by: str | None = None
    """Draw a line for runs that agree in these settings (lr,steps); "env" draws one for each algorithm and environment.
    None: for those that agree in everything but the seed."""


@dataclass(frozen=True)
class Report:
    """Write one file of HTML about runs: curves, evaluations, what differs, videos, versions and commands."""

    runs: Positional[list[Path]]
    """Folders of runs."""
    out: Path = Path("report.html")
    """File to write."""
    by: str | None = None
    """Pool runs that agree in these settings (lr,steps); "env" pools all of an algorithm on an environment. None: those
    that agree in everything but the seed."""


@dataclass(frozen=True)
class List:
    """List the available agents, environments and presets, one line each; or say all about one algorithm."""

    what: Positional[str] = "all"
    """agents, envs, presets or all; or the name of an algorithm."""


@dataclass(frozen=True)
class New:
    """Write a small environment, game or agent of your own, with a test; it runs as it is, to be changed."""

    what: Positional[Literal["env", "game", "agent"]]
    """Kind of file. Environments and games go to the current folder, agents into the source tree."""
    name: Positional[str]
    """Name of the module."""


@dataclass(frozen=True)
class Check:
    """Check that this installation reproduces known numbers, or that an environment keeps Gymnasium's contract."""

    env: Positional[str] = ""
    """Environment to check; none: the installation alone."""


@dataclass(frozen=True)
class Completion:
    """Print a script that lets a shell complete commands, algorithms and options.

    For bash: gymnast completion bash > ~/.local/share/bash-completion/completions/gymnast
    """

    shell: Positional[Literal["bash"]]
    """Shell."""
