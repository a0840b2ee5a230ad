"""Files as a stranger may send them: damaged at random or crafted, each with the reader that it is for.

`python tests/fuzz.py 10000` tries so many, evenly of all kinds, and prints what came of them. Nothing may come out but
a UsageError, or a TrainingError of a run that goes on from a checkpoint; no second of computing time may pass over one,
and no GB of memory.
"""

import copy
import json
import resource
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from gymnast.core import checkpoint
from gymnast.core.errors import TrainingError, UsageError
from gymnast.core.rollout import demos
from gymnast.runners.evaluation.evaluate import keep
from gymnast.runners.imitation import imitate
from gymnast.runners.imitation.demonstrations import collect
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.load import left, opened
from gymnast.runners.sweeps import plan as sweeps
from gymnast.runners.training import logging
from gymnast.runners.training.train import Training, train

LIMIT = 1.0  # seconds of computing
ODD: list[Any] = [
    *(None, True, -1, 0, 7, 2**31, -(2**31), 2**40, 2**63, 10**400, 1e300, 0.5, float("nan"), float("inf")),
    *("", "x", "os:system", "../../x", "\0", "é", [], {}, [[]], {"x": 1}, [1] * 9, "9" * 5000),
]
PIECES = [b"", b"\xff\xfe", b"\0", b"{", b"]", b'"', b",", b"\n", b"-1", b"1e999", b"9" * 30, b"null", b"=", b"NaN"]
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "ppo": ("CartPole-v1", {"horizon": 16, "minibatch": 16, "epochs": 1, "hidden": (8,)}),
    "dqn": ("CartPole-v1", {"capacity": 64, "minibatch": 8, "learning_starts": 8, "hidden": (8,), "priority": 0.6}),
    "tabular": ("FrozenLake-v1", {"method": "sarsa"}),
    "alphazero": (
        "tictactoe",
        {"channels": 4, "blocks": 1, "simulations": 4, "fast_simulations": 2, "minibatch": 8}
        | {"window": 64, "window_most": 256}
        | {"gate": 0.5, "gate_games": 2, "generation": 1, "past_share": 0.5, "resign": 0.3}
        | {"reply_coef": 0.1, "fast_values": True},
    ),
}


class Kind(NamedTuple):
    """Files of one kind: how one is damaged in place, and how it is read."""

    damage: Callable[[np.random.Generator], None]
    read: Callable[[], Any]


def kinds(folder: Path) -> dict[str, Kind]:
    """Every kind of file, with a sound one of each in `folder` to begin with."""
    found: dict[str, Kind] = {}
    for algo, (env, agent) in RUNS.items():
        out = folder / algo
        run = runs.preset(algo, env, "none", steps=64, num_envs=2, evals=0, agent=agent)
        train(run, out)
        found[f"checkpoint of {algo}"] = _checkpoint(out / "checkpoints" / "last.safetensors", run)
    path = folder / "ppo" / "run.json"
    found["run.json"] = Kind(_text(path), lambda: runs.load(path))
    table = folder / "ppo" / "metrics.csv"
    found["metrics.csv"] = Kind(_text(table), lambda: logging.read(table))
    collect(lambda obs: {"action": np.zeros(len(obs), np.int64)}, "CartPole-v1", folder / "demos", 2)
    index = _text(folder / "demos" / "demos.json")
    part = _tree(folder / "demos" / "part-00000.safetensors")
    found["demos"] = Kind(
        lambda random: (index if random.random() < 0.5 else part)(random), lambda: list(demos.load(folder / "demos"))
    )
    preset = folder / "ppo.toml"
    preset.write_bytes((Path(runs.__file__).parents[2] / "configs" / "ppo.toml").read_bytes())
    found["preset"] = Kind(_text(preset), lambda: _preset(preset))
    kept, figures = folder / "eval.json", {"run": "x", "steps": 64, "returns": [9.0, 12.0]}
    keep(figures, kept)
    found["eval.json"] = Kind(_text(kept), lambda: _keep(figures | {"steps": 128}, kept))
    run = runs.preset("ppo", "CartPole-v1", "none", steps=64, evals=0)
    plan = sweeps.planned([(run, {"lr": 3e-4})], range(2), [("gymnast", "train", "ppo", "CartPole-v1")])
    sweeps.keep(plan, folder)
    found["sweep.json"] = Kind(_text(folder / sweeps.FILE), lambda: sweeps.kept(folder))
    one = folder / "comparison.json"
    one.write_text(json.dumps({"env": "CartPole-v1", "expert": "x", "episodes": 2, "returns": {"bc/1/0": 1.0}}))
    found["comparison.json"] = Kind(_text(one), lambda: imitate._read(one))
    return found


def attempt(kind: Kind, random: np.random.Generator) -> str:
    """What came of one damaged file: "read", "refused", or the exception that should not have been."""
    kind.damage(random)
    try:
        with seconds(LIMIT):
            kind.read()
    except (UsageError, TrainingError) as problem:
        return "refused" if "\n" not in str(problem) else f"an error of several lines: {problem}"
    except Exception as problem:
        return f"{type(problem).__name__}: {problem}"
    return "read"


@contextmanager
def seconds(count: float) -> Iterator[None]:
    """Raises after so much computing time of this process."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"more than {count} s of computing time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, count)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _checkpoint(path: Path, run: Any) -> Kind:
    def read() -> None:
        left(run, path.parents[1], "last")
        with Training(runs.replace(run, steps=128), None, opened(path)) as training:
            if not training.finished:
                training.iterate()

    return Kind(_tree(path), read)


def _preset(path: Path) -> None:
    for name, table in runs.tables(path).items():
        chosen = {key: value for key, value in table.items() if key not in ("envs", "source", "reference", "agent")}
        base = runs.preset("ppo", "CartPole-v1", "none")
        runs.configure(type(base), chosen, name, base)
        runs.configure(type(base.agent), table.get("agent", {}), name)


def _keep(figures: dict[str, Any], path: Path) -> None:
    if problem := keep(figures, path):
        raise UsageError(problem)


def _text(path: Path) -> Callable[[np.random.Generator], None]:
    """Damages a file of text: as JSON where it is that, or its bytes."""
    sound = path.read_bytes()

    def damage(random: np.random.Generator) -> None:
        if path.suffix == ".json" and random.random() < 0.6:
            path.write_text(json.dumps(_altered(json.loads(sound), random)))
        else:
            path.write_bytes(_bytes(sound, random))

    return damage


def _tree(path: Path) -> Callable[[np.random.Generator], None]:
    """Damages a checkpoint: its bytes, or more often what it holds, with a checksum that is right."""
    sound, tree = path.read_bytes(), checkpoint.load(path)

    def damage(random: np.random.Generator) -> None:
        if random.random() < 0.1:
            path.write_bytes(_bytes(sound, random))
            return
        while True:
            try:
                checkpoint.save(path, _altered(copy.deepcopy(tree), random))
            except (TypeError, ValueError, AttributeError, OverflowError):  # such a tree cannot even be written
                continue
            return

    return damage


def _bytes(sound: bytes, random: np.random.Generator) -> bytes:
    at, length = int(random.integers(len(sound) + 1)), int(random.integers(0, 9))
    match random.integers(4):
        case 0:
            return sound[:at]
        case 1:
            return sound[:at] + random.bytes(length) + sound[at + length :]
        case 2:
            return sound[:at] + PIECES[random.integers(len(PIECES))] + sound[at + length :]
    return sound[:at] + sound[at + 40 :]


def _altered(tree: Any, random: np.random.Generator) -> Any:
    """`tree` with one node removed or replaced."""
    node, places = tree, []
    while isinstance(node, dict | list) and len(node):
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = keys[random.integers(len(keys))]
        places.append((node, key))
        node = node[key]
    node, key = places[-1 if random.random() < 0.7 else random.integers(len(places))]
    if random.random() < 0.2:
        del node[key]
    else:
        node[key] = _replaced(node[key], random)
    return tree


def _replaced(value: Any, random: np.random.Generator) -> Any:
    if not isinstance(value, np.ndarray) or random.random() < 0.2:
        return ODD[random.integers(len(ODD))]
    match random.integers(5):
        case 0:
            return value.astype([np.float64, np.int64, np.uint8, np.bool_][random.integers(4)])
        case 1:
            return value[:-1] if value.ndim else value[None]
        case 2:
            return value[..., None]
        case 3:
            return np.concatenate([value, value]) if value.ndim else value
    info: Any = np.finfo(value.dtype) if value.dtype.kind == "f" else None
    wild = [np.nan, np.inf, info.max, -1.0] if info else [127, 2**31 - 1, -(2**30), 2**62, -1]
    changed = value.copy().reshape(-1)
    some = random.random(changed.shape) < random.random()
    with np.errstate(all="ignore"):
        changed[some] = np.array(wild[random.integers(len(wild))]).astype(value.dtype)
    return changed.reshape(value.shape)


def main(count: int) -> int:
    """Try `count` files; the number of those of which came what should not."""
    wrong = 0
    torch.set_num_threads(1)  # those that wait for each other count as computing
    with tempfile.TemporaryDirectory() as folder:
        every = kinds(Path(folder))
        for kind in every.values():
            kind.read()  # compiles, which takes its time
        limit = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (max(limit, used) + (1 << 30), resource.RLIM_INFINITY))
        for number, (name, kind) in enumerate(every.items()):
            found: Counter[str] = Counter()
            for k in range(count // len(every)):
                outcome = attempt(kind, np.random.default_rng([number, k]))
                if outcome not in ("read", "refused"):
                    print(f"{name}, number {k}: {outcome[:300]}")
                    outcome = "wrong"
                found[outcome] += 1
            wrong += found["wrong"]
            print(f"{name}: {found['read']} read, {found['refused']} refused, {found['wrong']} wrong", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(int(sys.argv[1])), 1))
