"""Records of a run: files (TensorBoard, CSV) and a live display."""

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ...core.batch import Episodes
from ...core.checkpoint import counted
from ...core.errors import TrainingError, UsageError
from ...core.files import read_text

_WINDOW = 100  # episodes over which the running return and length are averaged, as everyone does

_HINTS = {
    "update": "learning dominates: a larger agent.minibatch or fewer agent.epochs is faster",
    "env": "the environment dominates: more copies (--num-envs) or --backend workers may help",
    "act": "the policy's forward pass dominates: more copies (--num-envs) make each pass worth more",
    "evaluate": "evaluation dominates: fewer --evals or --eval-episodes are faster",
}
_WIDTH = 88  # of the panel, where there is room
_DOMINANT = 0.7  # share of the time above which a hint is shown


class Metrics:
    """Averages what updates report until `row` is asked for, and keeps the recent episodes."""

    def __init__(self) -> None:
        self.sums: dict[str, tuple[float, int]] = {}  # total and number of values: not every update reports everything
        self.episodes = 0
        self.recent: deque[tuple[float, int]] = deque(maxlen=_WINDOW)
        self.succeeded: deque[float] = deque(maxlen=_WINDOW)  # 1 or 0, of those whose environment says so

    def add(self, metrics: Mapping[str, float], episodes: Episodes) -> None:
        """Take in one update's metrics, or none if nothing was learned, and the episodes of its batch."""
        for name, value in metrics.items():
            total, count = self.sums.get(name, (0.0, 0))
            self.sums[name] = total + value, count + 1
        self.episodes += len(episodes.returns)
        self.recent.extend(zip(episodes.returns.tolist(), episodes.lengths.tolist(), strict=True))
        if episodes.success is not None:
            self.succeeded.extend(episodes.success[~np.isnan(episodes.success)].tolist())

    def row(self) -> dict[str, float]:
        """Means since the last row, and of the last 100 episodes (absent before the first one ends)."""
        row = {name: total / count for name, (total, count) in self.sums.items()}
        self.sums = {}
        row["episode/count"] = self.episodes
        if self.recent:
            returns, lengths = zip(*self.recent, strict=True)
            row["episode/return"], row["episode/length"] = float(np.mean(returns)), float(np.mean(lengths))
        if self.succeeded:
            row["episode/success"] = float(np.mean(self.succeeded))
        return row

    def state(self) -> dict[str, Any]:
        """All of it, for a checkpoint."""
        recent = [list(episode) for episode in self.recent]
        sums = {name: list(pair) for name, pair in self.sums.items()}
        return {"sums": sums, "episodes": self.episodes, "recent": recent, "succeeded": list(self.succeeded)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.sums = {name: (float(total), counted(count)) for name, (total, count) in state["sums"].items()}
        self.episodes = counted(state["episodes"])
        self.recent.clear()
        self.recent.extend((float(ret), counted(length)) for ret, length in state["recent"])
        self.succeeded.clear()
        self.succeeded.extend(map(float, state.get("succeeded", ())))


class Writer:
    """Rows of named numbers to metrics.csv and TensorBoard, which go on after `step`, where the run stands.

    Rows of an earlier process beyond that step are dropped: the resumed run comes there again.
    """

    def __init__(self, out: Path, step: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._path = out / "metrics.csv"
        before = _cells(self._path) if self._path.exists() else []
        self._rows: list[dict[str, Any]] = [row for row in before if int(row["step"]) <= step]
        self._columns = list(dict.fromkeys(name for row in self._rows for name in row))
        with self._writing():
            self._tensorboard = SummaryWriter(out, purge_step=step + 1)
            self._rewrite()

    def write(self, step: int, row: Mapping[str, float], texts: Sequence[str] = ()) -> None:
        """One row at environment step `step`; a name seen for the first time becomes a new column.

        TensorBoard also shows `texts` that the agent wrote.

        Raises:
            TrainingError: if it cannot be written (a full disk, no permission).
        """
        with self._writing():
            self._write(step, row)
            if texts:  # each a block of code, so that it is shown as it is
                blocks = ("\n".join(f"    {line}" for line in text.splitlines()) for text in texts)
                self._tensorboard.add_text("texts", "\n\n---\n\n".join(blocks), step)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise TrainingError(f"cannot write metrics to {self._path.parent}: {problem.strerror}.") from problem

    def _write(self, step: int, row: Mapping[str, float]) -> None:
        for name, value in row.items():
            self._tensorboard.add_scalar(name, value, step)
        again = bool(self._rows) and int(self._rows[-1]["step"]) == step  # by an evaluation that was stopped or lost
        if again:
            self._rows[-1] = {**self._rows[-1], **row}
        else:
            self._rows.append({"step": step, **row})
        new = [name for name in self._rows[-1] if name not in self._columns]
        if new or again:
            self._columns += new
            self._rewrite()
            return
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, self._columns).writerow(self._rows[-1])

    def flush(self) -> None:
        """Make TensorBoard's file current."""
        self._tensorboard.flush()

    def close(self) -> None:
        """Flush and release the files."""
        self._tensorboard.close()

    def _rewrite(self) -> None:
        part = self._path.with_name("metrics.csv.part")
        with part.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(self._rows)
        part.replace(self._path)


def read(path: Path) -> list[dict[str, float]]:
    """The rows of a metrics.csv, without the cells that are empty.

    Raises:
        UsageError: if there is no such file or it is damaged.
    """
    if not path.is_file():
        raise UsageError(f"{path.parent} is not the folder of a run: it has no {path.name}")
    return [{name: float(cell) for name, cell in row.items()} | {"step": int(row["step"])} for row in _cells(path)]


def _cells(path: Path) -> list[dict[str, str]]:
    """The cells of a metrics.csv that are not empty, as they stand there; a last line cut short is not there."""
    whole, _, _ = read_text(path).rpartition("\n")
    try:
        rows = [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(whole.splitlines())]
        for row in rows:
            if not 0 <= int(row["step"]) < 1 << 53:
                raise ValueError(f"step {row['step']}")
            tuple(map(float, row.values()))
    except (ValueError, TypeError, KeyError, csv.Error) as problem:
        raise UsageError(f"{path} is damaged: {type(problem).__name__} {problem}") from problem
    return rows


class Display:
    """Live progress of a run on a terminal; a line now and then where there is none."""

    def __init__(self, title: str, total: int, start: int, quiet: bool) -> None:
        self._console = Console(quiet=quiet, highlight=False)
        self._title, self._total, self._start = title, total, start
        self._began = monotonic()
        self._compiled = False
        self._row: dict[str, float] = {}
        self._texts: Sequence[str] = ()
        self._best: float | None = None
        self._next_line = 0.0
        live = self._console.is_terminal and not quiet
        self._live = Live(console=self._console, refresh_per_second=8) if live else None

    def __enter__(self) -> "Display":
        if self._live:
            self._live.start()
            self._live.update(self._panel(self._start, {}))
        else:
            self._console.print(self._title)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def compiled(self, step: int) -> None:
        """Say that everything is compiled at `step`, from which on the speed is measured."""
        if not self._compiled and step < self._total:
            self._start, self._began = step, monotonic()
        self._compiled = True

    def show(self, step: int, row: Mapping[str, float], shares: Mapping[str, float], texts: Sequence[str] = ()) -> None:
        """The run's latest numbers at `step`, the share of time of each phase, and `texts` that the agent wrote."""
        self._row |= row
        self._texts = texts
        if "eval/return" in row:
            self._best = row["eval/return"] if self._best is None else max(self._best, row["eval/return"])
        if self._live:
            self._live.update(self._panel(step, shares))
        elif not {"eval/return", "strength/elo"}.isdisjoint(row) or step >= self._next_line * self._total:
            self._next_line = max(self._next_line, step / self._total) + 0.1
            self._console.print(self._line(step), soft_wrap=True)

    def _speed(self, step: int) -> tuple[float, float]:
        """Steps per second of this process, and seconds left."""
        speed = (step - self._start) / max(monotonic() - self._began, 1e-9)
        return speed, (self._total - step) / speed if speed else float("inf")

    def _line(self, step: int) -> str:
        parts = [f"{step:>{len(f'{self._total:,}')},}/{self._total:,} steps"]
        parts += [f"{text} {short(self._row[key])}" for key, text in _SHOWN.items() if key in self._row]
        if step > self._start:
            speed, left = self._speed(step)
            parts += [f"{speed:,.0f} steps/s", f"{_duration(left)} left"]
        return "  ".join(parts)

    def _panel(self, step: int, shares: Mapping[str, float]) -> Panel:
        numbers = Table.grid(padding=(0, 3))
        for key, text in _SHOWN.items():
            if key in self._row:
                numbers.add_row(text, Text(short(self._row[key]), style="bold"))
        if self._best is not None:
            numbers.add_row("best evaluation", short(self._best))
        for text in self._texts[:1]:
            shown = "".join(sign if sign.isprintable() else "·" for sign in " ".join(text.split()))
            numbers.add_row("writes", Text(shown, no_wrap=True, overflow="ellipsis"))
        if self._row.get("episode/count"):
            numbers.add_row("episodes", f"{self._row['episode/count']:,.0f}")
        if not self._compiled:
            numbers.add_row("compiling", "the first steps take longer")
        elif step > self._start:
            speed, left = self._speed(step)
            numbers.add_row("speed", f"{speed:,.0f} steps/s")
            numbers.add_row("time left", _duration(left))
            numbers.add_row("time spent on", Columns([f"{k} {v:.0%}" for k, v in shares.items()], padding=(0, 2)))
        bar = Table.grid(padding=(0, 1), expand=True)
        bar.add_row(ProgressBar(self._total, step, width=None), f"{step:,} / {self._total:,}")
        phase, share = max(shares.items(), key=lambda item: item[1], default=("", 0.0))
        hint = [Text(_HINTS[phase], style="dim")] if share > _DOMINANT and phase in _HINTS else []
        return Panel(
            Group(bar, numbers, *hint), title=self._title, title_align="left", width=min(self._console.width, _WIDTH)
        )


_SHOWN = {
    "episode/return": "return",
    "episode/length": "length",
    "episode/success": "success",
    "eval/return": "evaluation",
    "eval/success": "its success",
    "eval/bits_per_byte": "bits per byte",
    "strength/elo": "Elo",
    "strength/wrong_percent": "wrong moves, %",
}


def short(value: float) -> str:
    """A figure with the digits that matter: small returns differ in the second one after the point."""
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _duration(seconds: float) -> str:
    if seconds == float("inf"):
        return "?"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours else f"{minutes}m {seconds:02}s" if minutes else f"{seconds}s"
