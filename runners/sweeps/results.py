"""Documented tables of results: what is in them, the runs behind them, and the lines that they are."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ... import agents
from ...core.errors import UsageError, check_types, nearest
from ...core.files import parsed, read_text, write_whole
from ...core.learn.stats import iqm, iqm_interval
from ..evaluation.evaluate import evaluate, keep
from ..runs import load
from ..runs import run as runs
from ..runs.groups import written
from .plan import Planned, planned

ROOT = Path(__file__).parents[2]
PAGE = Path("docs/results.md")
_SEED = 1_000_000  # of the environments that agents are evaluated on
_AT = {"best": "best checkpoint", "last": "at the end"}


@dataclass(frozen=True)
class Row:
    """An algorithm on an environment, with several seeds."""

    algo: str
    env: str
    seeds: int | list[int]
    """How many, or which."""
    preset: str = "auto"
    settings: dict[str, Any] = field(default_factory=dict)
    """What differs from the preset."""
    published: str = ""
    """The figure to compare with, and its source."""

    def runs(self, common: Mapping[str, Any]) -> list[Planned]:
        """Its runs, which have the settings `common` too."""
        given = {**common, **self.settings}
        seeds = range(self.seeds) if isinstance(self.seeds, int) else self.seeds
        apart = {"algo": self.algo, "env": self.env, **self.settings}
        if self.preset != "auto":
            apart["preset"] = self.preset
        return planned([(runs.preset(self.algo, self.env, self.preset, **given), apart)], list(seeds))


@dataclass(frozen=True)
class Results:
    """A table of results."""

    about: str
    rows: tuple[Row, ...]
    checkpoints: tuple[str, ...] = ("best",)
    """Those that are evaluated; the interquartile mean is of the first."""
    episodes: int = 100
    """Of each evaluation."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What differs from the presets in all rows."""
    published: str = "published"
    """What the figures to compare with are."""

    def __post_init__(self) -> None:
        check_types(self)

    def plan(self) -> list[Planned]:
        """All of its runs."""
        return [run for row in self.rows for run in row.runs(self.settings)]


def tables(path: Path = ROOT / "configs" / "results.toml") -> dict[str, Results]:
    """The tables in a file, by their names.

    Raises:
        UsageError: if it does not hold any.
    """
    found = {}
    for name, content in parsed(path, tomllib.loads).items():
        where = f"{path} [{name}]"
        rows = tuple(runs.configure(Row, row, where) for row in content.pop("rows", []))
        found[name] = runs.configure(Results, {**content, "rows": rows}, where)
    return found


def table(name: str) -> Results:
    """The table of this name.

    Raises:
        UsageError: if there is none.
    """
    known = tables()
    if name not in known:
        raise UsageError(f"there is no table {name!r}.{nearest(name, known)} Known: {', '.join(known)}.")
    return known[name]


def measured(results: Results, out: Path) -> Iterator[tuple[Row, dict[str, list[float]]]]:
    """Each row with the mean returns of its runs in the folder `out`, by checkpoint, in the order of their seeds."""
    for row in results.rows:
        means: dict[str, list[float]] = {checkpoint: [] for checkpoint in results.checkpoints}
        for one in row.runs(results.settings):
            folder = out / one.name
            with closing(load.eval_env(one.run, results.episodes)) as env:
                for checkpoint, found in means.items():
                    agent, steps = load.trained(one.run, folder, env, checkpoint)
                    result = evaluate(agent, env, results.episodes, _SEED, steps=one.run.eval_steps)
                    figures = {"run": str(folder), "env": row.env, "algo": row.algo, "steps": steps}
                    keep({**figures, "checkpoint": checkpoint, **result.to_json()}, folder / "eval.json")
                    found.append(result.mean)
        yield row, means


def lines(results: Results, figures: Sequence[tuple[Row, Mapping[str, Sequence[float]]]]) -> Iterator[str]:
    """The table in Markdown."""
    several = len({row.algo for row in results.rows}) > 1
    first, *more = results.checkpoints
    told = [_AT[checkpoint] for checkpoint in results.checkpoints] if more else ["return per seed"]
    middle = f"IQM ({_AT[first]})" if more else "IQM"
    columns = ["environment", "steps", "seeds", *told, middle, results.published]
    yield "| " + " | ".join(["algorithm", *columns] if several else columns) + " |"
    yield "|" + "---|" * (len(columns) + several)
    titles = {algo: title for title, algo in agents.titles().items()}
    for row, means in figures:
        (one, *_) = row.runs(results.settings)
        preset = "" if row.preset == "auto" else f", `--preset {row.preset}`"
        cells = [f"{row.env}{preset}", _count(one.run.steps), str(len(means[first]))]
        cells += [", ".join(map(_figure, means[checkpoint])) for checkpoint in results.checkpoints]
        cells += [_middle(means[first]), row.published]
        yield "| " + " | ".join([titles[row.algo], *cells] if several else cells) + " |"


def _middle(values: Sequence[float]) -> str:
    """The interquartile mean with its bootstrap interval, which a single value does not have."""
    if len(values) < 2:
        return f"**{_figure(values[0])}**"
    low, high = iqm_interval([values])
    return f"**{_figure(iqm(values))}** [{_figure(low)}, {_figure(high)}]"


def _figure(value: float) -> str:
    """A return with the digits that matter."""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{round(value, digits) + 0.0:.{digits}f}"  # and never -0.0


def _count(steps: int) -> str:
    scale, suffix = (1_000_000, "M") if steps >= 1_000_000 else (1000, "k")
    return f"{steps / scale:g}{suffix}" if steps >= scale else written(steps)


def write(name: str, text: Sequence[str], page: Path) -> None:
    """Put the lines of a table into its place on a page, between the comments that mark it.

    Raises:
        UsageError: if there is no such page or place, or it cannot be written.
    """
    before = read_text(page)
    start, end = f"<!-- results of {name} -->", "<!-- end of results -->"
    marked = re.compile(f"{re.escape(start)}\n.*?{re.escape(end)}", re.DOTALL)
    if not marked.search(before):
        raise UsageError(f"{page} has no place for the table: {start} and {end}")
    block = "\n".join([start, "", *text, "", end])
    try:
        write_whole(page, marked.sub(lambda _: block, before))
    except OSError as problem:
        raise UsageError(f"cannot write {page}: {problem.strerror}") from problem
