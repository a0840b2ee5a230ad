"""A report of runs as one file of HTML, fit to attach to a paper or an issue: it asks nobody for anything."""

import base64
import html
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt

from ... import __version__
from ...core.errors import UsageError
from ...core.files import read_json, write_whole
from ..runs import run as runs
from ..runs.folder import evaluations, newest_video, within
from ..runs.groups import Group, grouped, settings, written
from ..runs.run import Run
from ..training.curves import Curve, curve
from .plot import draw, label

_LARGEST = 20 << 20  # bytes of a video that is put into the file
_KINDS = {".mp4": "video/mp4", ".gif": "image/gif"}
_EVALUATED = {"checkpoint": "checkpoint", "steps": "steps", "mean": "mean return", "ci": "95 % interval",
              "episodes": "episodes", "success": "success"}  # fmt: skip
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #22252b; }
h2 { margin-top: 2.2rem; border-bottom: 1px solid #dcdfe4; }
.scrolled { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid #e6e8ec; }
svg, video, img { max-width: 100%; height: auto; }
.faint { color: #5d6470; }
"""


def report(folders: Sequence[Path], out: Path, by: str | None = None) -> list[str]:
    """Write what there is to know about runs into the file `out`; remarks about what is missing.

    Curves of returns, evaluations, the settings that differ and those that agree, the newest video of each, versions
    and commands.

    Raises:
        UsageError: if none of the folders is a run, or the file cannot be written.
    """
    if not folders:
        raise UsageError("which runs? For example: gymnast report runs/*")
    found, remarks = _found(folders)
    groups = grouped(found, by)
    algorithms: dict[str, list[tuple[Path, Run]]] = {}
    for folder, run in found:
        algorithms.setdefault(run.algo, []).append((folder, run))
    parts = [
        _heading(groups),
        _section("Learning curves", _curves(groups)),
        _section("Evaluations", _evaluations(found)),
        *(_section(f"Settings of {algo} that differ", _settings(of, differ=True)) for algo, of in algorithms.items()),
        *(_section(f"Video: {folder}", video) for folder, _ in found if (video := _video(folder, remarks))),
        _section("How these runs were made", _made(found)),
        *(_section(f"Settings of {algo} that agree", _settings(of, differ=False)) for algo, of in algorithms.items()),
    ]
    title = html.escape(", ".join(group.name for group in groups))
    page = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{''.join(parts)}</body>\n</html>\n"
    )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(out, page)
    except OSError as problem:
        raise UsageError(f"cannot write {out}: {problem.strerror}") from problem
    return remarks + [remark for group in groups for remark in group.remarks()]


def _found(folders: Iterable[Path]) -> tuple[list[tuple[Path, Run]], list[str]]:
    found, remarks = [], []
    for folder in within(folders):
        try:
            found.append((folder, runs.load(folder / "run.json")))
        except UsageError as refusal:
            remarks.append(f"left out: {refusal}")
    if not found:
        raise UsageError(remarks[0].removeprefix("left out: "))
    return found, remarks


def _heading(groups: Sequence[Group]) -> str:
    listed = "".join(f"<li>{html.escape(f'{group.name} ({group.count})')}</li>" for group in groups)
    about = f"Written by gymnast {__version__} on {datetime.now():%Y-%m-%d %H:%M}."
    return f'<h1>Report</h1>\n<ul>{listed}</ul>\n<p class="faint">{about}</p>\n'


def _section(title: str, content: str) -> str:
    return f"<h2>{html.escape(title)}</h2>\n{content}\n" if content else ""


def _curves(groups: Sequence[Group]) -> str:
    """Returns in training and in evaluations, each as a picture, with what it shows in words."""
    drawn = []
    for metric in ("episode/return", "eval/return", "strength/elo"):
        curves = [[one for folder in group.folders for one in _curve(folder, metric)] for group in groups]
        if not any(curves):
            continue
        figure, axes = plt.subplots(figsize=(9, 4.5), constrained_layout=True)
        for group, found in zip(groups, curves, strict=True):
            if found:
                draw(axes, f"{group.name} ({group.count})", found)
        label(axes, metric, "steps")
        axes.legend(frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        plt.close(figure)
        drawn.append(f'<figure role="img" aria-label="{metric} over steps">{_svg(text.getvalue())}</figure>')
    if drawn:
        drawn.append(
            '<p class="faint">Lines are means over seeds; a band is the 95 % interval of the mean (Student\'s t).</p>'
        )
    return "\n".join(drawn)


def _svg(text: str) -> str:
    """The picture alone, without what makes a file of it."""
    return text[text.index("<svg") :]


def _curve(folder: Path, metric: str) -> list[Curve]:
    try:
        return [curve(folder, metric)]
    except UsageError:
        return []


def _evaluations(found: Sequence[tuple[Path, Run]]) -> str:
    rows = [
        [str(folder), *(_figure(one.get(name)) for name in _EVALUATED)]
        for folder, _ in found
        for one in evaluations(folder)
    ]
    return _table(["run", *_EVALUATED.values()], rows) if rows else ""


def _settings(found: Sequence[tuple[Path, Run]], differ: bool) -> str:
    values = [{"env": str(run.env), "seed": run.seed} | settings(run) for _, run in found]
    names = dict.fromkeys(name for one in values for name in one)
    rows = []
    for name in names:
        told = [written(one[name]) if name in one else "-" for one in values]
        if (len(set(told)) > 1) == differ:
            rows.append([name, *told] if differ else [name, told[0]])
    heads = ["setting", *(str(folder) for folder, _ in found)] if differ else ["setting", "value"]
    return _table(heads, rows) if rows else ""


def _made(found: Sequence[tuple[Path, Run]]) -> str:
    rows = []
    for folder, _ in found:
        about = read_json(folder / "run.json")
        versions, command = about.get("versions"), about.get("command")
        told = (
            ", ".join(f"{name} {version}" for name, version in versions.items()) if isinstance(versions, dict) else ""
        )
        line = " ".join(map(str, command)) if isinstance(command, list) else ""
        rows.append([str(folder), line, told, str(about.get("git") or "")])
    return _table(["run", "command", "versions", "commit"], rows)


def _video(folder: Path, remarks: list[str]) -> str:
    """The newest video of a run as part of the page."""
    newest = newest_video(folder)
    if newest is None:
        return ""
    if newest.stat().st_size > _LARGEST:
        remarks.append(f"left out: {newest}, which is larger than {_LARGEST >> 20} MiB")
        return ""
    address = f"data:{_KINDS[newest.suffix]};base64,{base64.b64encode(newest.read_bytes()).decode()}"
    if newest.suffix == ".gif":
        return f'<img src="{address}" alt="an episode">'
    return f'<video src="{address}" controls loop muted></video>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in heads)
    lines = ("".join(f"<td>{html.escape(text)}</td>" for text in row) for row in rows)
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scrolled"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _figure(value: Any) -> str:
    """A figure of an evaluation, or several."""
    if value is None:
        return "-"
    if isinstance(value, list):
        return " to ".join(map(_figure, value))
    return f"{value:,.4g}" if isinstance(value, float) else str(value) if isinstance(value, str) else f"{value:,}"
