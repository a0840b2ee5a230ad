"""Runs as they learn: curves with intervals, grouped by configuration; what differs; evaluations; the latest video."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ...core.errors import UsageError
from ..runs.arguments import encoded
from ..runs.folder import evaluations, newest_video
from ..runs.groups import grouped, settings
from ..training.curves import AXES, curve_of, pooled, smoothed
from .found import Finder, Found
from .serve import app

_SHOWN = ("episode/return", "eval/return", "episode/length", "strength/elo", "speed/steps_per_second")


class Watch:
    """Answers to the page of runs."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._finder = Finder(roots)
        psutil.cpu_percent()  # the first call has nothing to compare with
        self._asked = monotonic()

    def routes(self) -> list[Route]:
        """Where the page asks."""
        return [
            Route("/api/runs", _answering(self.runs)),
            Route("/api/curves", _answering(self.curves)),
            Route("/api/differences", _answering(self.differences)),
            Route("/api/system", _answering(self.system)),
            Route("/video", self.video),
        ]

    def runs(self, _: Request) -> dict[str, Any]:
        """All runs with what is newest of each, and the metrics that there are."""
        found, left_out = self._finder.find()
        metrics = sorted({name for one in found for row in one.rows for name in row if "/" in name})
        return {
            "runs": [_described(one) for one in found],
            "metrics": metrics,
            "axes": list(AXES),
            "left_out": left_out,
        }

    def curves(self, request: Request) -> dict[str, Any]:
        """Curves of one metric: for each group of runs the mean with its interval, and each run's own."""
        asked = request.query_params
        metric, over, by = asked.get("metric", _SHOWN[0]), asked.get("over", "steps"), asked.get("by") or None
        if over not in AXES:
            raise UsageError(f"over is {over!r}; it must be one of {', '.join(AXES)}")
        weight = _share(asked.get("smooth", "0"))
        chosen = set(asked.getlist("run"))
        found = [one for one in self._finder.find()[0] if not chosen or one.name in chosen]
        curves = {}
        for one in found:
            try:
                curves[one.folder] = smoothed(curve_of(one.rows, metric, over, one.folder), weight)
            except UsageError:  # it has no such metric
                continue
        names = {one.folder: one.name for one in found}
        groups = grouped([(one.folder, one.run) for one in found if one.folder in curves], by)
        return {
            "metric": metric,
            "over": over,
            "groups": [
                {
                    "name": group.name,
                    "count": group.count,
                    **_listed(pooled([curves[folder] for folder in group.folders])._asdict()),
                    "runs": [
                        {
                            "name": names[folder],
                            "at": _numbers(curves[folder][0]),
                            "values": _numbers(curves[folder][1]),
                        }
                        for folder in group.folders
                    ],
                }
                for group in groups
            ],
        }

    def differences(self, request: Request) -> dict[str, Any]:
        """The settings in which the runs that are named differ."""
        found = {one.name: one for one in self._finder.find()[0]}
        chosen = [found[name] for name in request.query_params.getlist("run") if name in found]
        values = [
            {"algo": one.run.algo, "env": str(one.run.env), "seed": one.run.seed} | settings(one.run) for one in chosen
        ]
        names = dict.fromkeys(name for one in values for name in one)
        rows = [{"name": name, "values": [encoded(one.get(name)) for one in values]} for name in names]
        differ = [row for row in rows if any(value != row["values"][0] for value in row["values"])]
        return {"runs": [one.name for one in chosen], "settings": differ, "equal": len(rows) - len(differ)}

    def system(self, _: Request) -> dict[str, Any]:
        """How busy this machine is."""
        memory = psutil.virtual_memory()
        return {
            "cpu": psutil.cpu_percent(),
            "cores": os.cpu_count(),
            "memory": memory.used / 2**30,
            "memory_total": memory.total / 2**30,
        }

    async def video(self, request: Request) -> Response:
        """The newest video of a run."""
        found, _ = await run_in_threadpool(self._finder.find)
        name = request.query_params.get("run")
        path = next((newest_video(one.folder) for one in found if one.name == name), None)
        return FileResponse(path) if path else PlainTextResponse("it has no video", 404)


def watch(roots: Sequence[Path], host: str, token: str | None) -> Starlette:
    """The application that shows the runs beneath `roots`.

    Raises:
        UsageError: if one of them is no folder.
    """
    for root in roots:
        if not root.is_dir():
            raise UsageError(f"{root} is no folder of runs")
    return app("watch.html", Watch(roots).routes(), host, token)


def _answering(method: Any) -> Any:
    """A method as what answers a request with JSON, in a thread: it reads files."""

    async def answer(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(method, request))

    return answer


def _described(one: Found) -> dict[str, Any]:
    video = newest_video(one.folder)
    return {
        "name": one.name,
        "algo": one.run.algo,
        "env": str(one.run.env),
        "seed": one.run.seed,
        "status": one.status,
        "steps": one.steps,
        "total": one.run.steps,
        "latest": {metric: _number(value) for metric in _SHOWN if (value := one.latest(metric)) is not None},
        "evaluations": [_evaluated(kept) for kept in evaluations(one.folder)],
        "video": None if video is None else {"file": video.name, "changed": video.stat().st_mtime_ns},
    }


def _evaluated(kept: dict[str, Any]) -> dict[str, Any]:
    """The figures of an entry of eval.json that the table shows."""
    shown = ("checkpoint", "steps", "mean", "ci", "episodes", "success")
    return {name: kept[name] for name in shown if isinstance(kept.get(name), int | float | str | list)}


def _listed(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value if value is None else _numbers(value) for name, value in values.items()}


def _numbers(values: NDArray[Any]) -> list[Any]:
    """As JSON has them: null for what is not finite."""
    return [_number(value) for value in np.asarray(values).tolist()]


def _number(value: Any) -> Any:
    return value if isinstance(value, bool) or math.isfinite(value) else None


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1:
        raise UsageError(f"smooth is {text!r}; it must be a number from 0 to below 1")
    return value
