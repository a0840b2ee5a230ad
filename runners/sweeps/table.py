"""Sweeps from Python."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

from gymnasium.vector import VectorEnv

from ... import envs
from ...core.errors import UsageError
from ..runs import run as runs
from ..screen.table import table
from .board import Standing
from .many import How, conduct, failures, final
from .plan import default_out, keep, planned, refuse_taken_by_others


class Sweep(Sequence[dict[str, Any]]):
    """A row for each run, or for each trial of a search, as a dictionary: what it was, and what became of it."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self._rows = list(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._rows)

    def __repr__(self) -> str:
        """The rows as a table of text."""
        columns = [name for name in self._rows[0] if name != "error" or any(row["error"] for row in self._rows)]
        return "\n".join(table(columns, [[_cell(row[name]) for name in columns] for row in self._rows]))

    def to_pandas(self) -> Any:
        """The rows as a DataFrame.

        Raises:
            UsageError: if pandas is not installed.
        """
        try:
            pandas = import_module("pandas")
        except ImportError as problem:
            raise UsageError("pandas is not installed; run: pip install pandas") from problem
        return pandas.DataFrame(self._rows)


def _rows(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    """What became of runs: for each what differs, its seed, its return and its folder.

    The return is that of the last evaluation or, where a run had none, the mean of the last 100 episodes of training;
    None if the run failed, and then `error` says why.
    """
    _, figures = final(standings)
    return [
        {
            **one.planned.differs,
            "seed": one.planned.run.seed,
            "return": figures.get(one.out),
            "path": one.out,
            "error": one.error or None,
        }
        for one in standings
    ]


def _cell(value: Any) -> Any:
    return value if isinstance(value, int | float) else "" if value is None else str(value)


def sweep(
    algo: str,
    env: Any,
    seeds: int | Sequence[int] = 3,
    out: str | Path | None = None,
    jobs: int | None = None,
    progress: bool = False,
    preset: str = "auto",
    **settings: Any,
) -> Sweep:
    """Train with all combinations of the settings that are lists, and with each seed, side by side.

    A list holds values to try: lr=[1e-3, 3e-4]; a value of several numbers is a tuple: hidden=[(64, 64), (256,)]. The
    runs are folders in `out`. The same call again goes on where it was stopped, and leaves what is done as it is.

    Args:
        algo: the algorithm: "ppo", "dqn", ...
        env: whatever an algorithm's constructor takes, but for a VectorEnv.
        seeds: how many (0, 1, ...), or which.
        out: folder for the runs; None: runs/sweep-ALGO-ENV-SETTINGS.
        jobs: runs at a time; None: one for each core.
        progress: show a live table.
        preset: a table of the algorithm's preset file, "auto", "none", or a preset file of your own (FILE.toml).
        **settings: fields of the Config or of `Run` that differ from the preset.

    Raises:
        UsageError: for a setting that there is not, or a folder that holds something else.
        KeyboardInterrupt: if it was stopped by a signal; the runs are saved.
    """
    if "seed" in settings:
        raise UsageError("a sweep has seeds: sweep(..., seeds=3), or seeds=[7] for a single one")
    if isinstance(env, VectorEnv):
        raise UsageError("a sweep makes the environments of its runs: give an id, or what makes one, not a VectorEnv")
    envs.resolve(env)
    lists = {name: value for name, value in settings.items() if isinstance(value, list)}
    fixed = {name: value for name, value in settings.items() if name not in lists}
    chosen = [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]
    made = [(runs.preset(algo, env, preset, **fixed, **given(differs, algo)), differs) for differs in chosen]
    plan = planned(made, list(range(seeds)) if isinstance(seeds, int) else list(seeds))
    folder = Path(out) if out else default_out(plan)
    refuse_taken_by_others(plan, folder)
    keep(plan, folder)
    standings = conduct(plan, folder, How(jobs, quiet=not progress))
    if any(one.state in ("waiting", "interrupted") for one in standings):
        raise KeyboardInterrupt(f"stopped; the same call goes on in {folder}")
    for error, names in failures(standings).items():
        warnings.warn(f"{', '.join(names)} failed: {error}", stacklevel=2)
    return Sweep(_rows(standings))


def given(differs: Mapping[str, Any], algo: str) -> dict[str, Any]:
    """The values of one combination; says so where a value of several numbers was taken for a list of values."""
    hints = runs.settings(algo)
    for name, value in differs.items():
        if str(hints.get(name, "")).startswith("tuple") and not isinstance(value, tuple):
            raise UsageError(
                f"{name} holds several numbers: {name}=({value}, ...) is one value, a list of tuples several"
            )
    return dict(differs)
