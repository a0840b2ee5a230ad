"""What each command takes, as `gymnast COMMAND --help` shows it; `train` has options of its own (`options.py`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional


@dataclass(frozen=True)
class Evaluate:
    """Returns of a trained agent on separate environments, with normalisers frozen; in a game for two, its strength.

    Of several runs also the interquartile mean for each algorithm and environment, with its interval over seeds.
    """

    runs: Positional[list[Path]]
    """Folders of runs."""
    episodes: int = 100
    """Whole episodes to play with each."""
    seed: int = 1_000_000
    """Seed of the environments."""
    stochastic: bool = False
    """Sample actions instead of taking the most likely one."""
    checkpoint: Literal["best", "last"] = "best"
    """The one that evaluated best during training, or the newest."""
    simulations: int = 600
    """In a game for two: per move, for the strongest of the agent's players."""
    versus: str = "baselines"
    """In a game for two: a tournament, or games against one player: random, uct-N (tree search of N random games a
    move), alpha-beta-N (N moves ahead), or perfect (as the first player; connect4, tictactoe)."""
    json: bool = False
    """Print one JSON object per run."""


@dataclass(frozen=True)
class Render:
    """Watch a trained agent in a window, or write a video with its thoughts drawn beside the picture."""

    run: Positional[Path]
    """Folder of the run."""
    episodes: int = 1
    """Episodes to play."""
    seed: int = 1_000_000
    """Seed of the environment."""
    video: Path | None = None
    """Write .mp4 or .gif instead of opening a window; where there is no screen, a file in the run's folder."""
    stochastic: bool = False
    """Sample actions instead of taking the most likely one."""
    checkpoint: Literal["best", "last"] = "best"
    """The one that evaluated best during training, or the newest."""


@dataclass(frozen=True)
class Play:
    """Play against a trained agent in the terminal; `help` there says what can be typed."""

    run: Positional[Path]
    """Folder of the run."""
    simulations: int = 600
    """Of the agent, per move: its strength. 0: its network alone."""
    second: bool = False
    """Let the agent begin."""
    checkpoint: Literal["best", "last"] = "best"
    """The one that evaluated best during training, or the newest."""


@dataclass(frozen=True)
class Collect:
    """Record demonstrations of an expert: a run's folder, a Stable-Baselines3 zip, module:function, or human."""

    expert: Positional[str]
    """Who acts. A function takes observations (N, *obs), and a random generator if it has a second parameter."""
    env: Positional[str]
    """Environment."""
    out: Path
    """Folder of the demonstrations."""
    episodes: int = 50
    """Whole episodes to record."""
    seed: int = 0
    """Seed of the environments and of noise."""
    stochastic: bool = False
    """Draw the expert's actions instead of taking the likeliest ones."""
    noise: float = 0.0
    """Share of the steps on which a random action is executed, while the expert's is recorded."""
    append: bool = False
    """Add to the demonstrations in the folder."""
    quiet: bool = False
    """Print nothing but errors."""


@dataclass(frozen=True)
class Imitate:
    """How close cloning and DAgger come to an expert, by the number of demonstrations."""

    expert: Positional[str]
    """Whom to imitate: a run's folder, a Stable-Baselines3 zip, or module:function."""
    env: Positional[str]
    """Environment."""
    out: Path
    """Folder that keeps demonstrations and results, and adds up those of several environments; what it holds is not
    computed again."""
    demonstrations: tuple[int, ...] = (1, 5, 10, 50)
    """Numbers of demonstrations; DAgger gets as many labels as these hold."""
    seeds: int = 5
    """Runs of each."""
    episodes: int = 50
    """Episodes that each policy is evaluated on."""
    json: bool = False
    """Print JSON: a list of one object for each environment in the folder."""


@dataclass(frozen=True)
class Demonstrations:
    """What recorded demonstrations hold, after checking all of it."""

    folder: Positional[Path]
    """Folder of the demonstrations."""
    to_minari: str | None = None
    """Write them as a Minari dataset of this id (name-v0)."""
    from_minari: str | None = None
    """Make the folder from the Minari dataset of this id, which must be on this machine."""


@dataclass(frozen=True)
class Plot:
    """Learning curves of runs: one line per algorithm and environment, with a 95 % interval over seeds."""

    runs: Positional[list[Path]]
    """Folders of runs."""
    out: Path = Path("curves.png")
    """Picture to write (.png, .pdf, .svg)."""
    metric: str = "episode/return"
    """Column of metrics.csv."""


@dataclass(frozen=True)
class List:
    """What there is, with one line each."""

    what: Positional[Literal["all", "agents", "envs", "presets"]] = "all"
    """Which list."""


@dataclass(frozen=True)
class Check:
    """Whether this installation reproduces known numbers, and an environment keeps the contract of Gymnasium."""

    env: Positional[str] = ""
    """Environment to check; none: the installation alone."""


@dataclass(frozen=True)
class Bench:
    """Speed beside the peer in the same run, alternating: medians and ratios."""

    suite: Positional[str]
    """What to measure: engine, buffers, train, ppo, pg, dqn, returns, bc, memory or search."""
    repeats: int = 5
    """Runs of each side."""
    json: bool = False
    """Print one JSON object."""


@dataclass(frozen=True)
class Lab:
    """Run an experiment that tests a claim of the theory; exit code 0 if the claim held, 1 if not."""

    experiment: Positional[str]
    """Its name; gymnast lab alone lists them."""
    seed: int = 0
    """Seed of everything random."""
    out: Path | None = None
    """Figure to write (.png, .pdf, .svg), or the folder for it; none: lab-NAME.png here."""
    json: bool = False
    """Print one JSON object."""
