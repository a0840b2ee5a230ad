import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gymnast.runners.cli.main import main
from gymnast.runners.runs import run as runs
from gymnast.runners.sweeps import children
from gymnast.runners.training.train import train


class Said(NamedTuple):
    code: int
    out: str
    err: str


Gymnast = Callable[..., Said]


def gymnast(line: str, *args: object) -> Said:
    """What one command line answers, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stop:
        main([*line.split(), *map(str, args)])
    assert isinstance(stop.value.code, int)
    return Said(stop.value.code, out.getvalue(), err.getvalue())


@pytest.fixture(name="gymnast")
def _gymnast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gymnast:
    """The command, in an empty folder, with the module `own_envs` to be found; no sweep gets as far as a process."""
    monkeypatch.setattr(children, "nursery", lambda: None)
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.chdir(tmp_path)
    return gymnast


@pytest.fixture(scope="session")
def cartpole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of 2048 steps, to be read and not written."""
    out = tmp_path_factory.mktemp("runs") / "cartpole"
    train(runs.preset("ppo", "CartPole-v1", steps=2048, evals=2, eval_episodes=4), out)
    return out


@pytest.fixture(scope="session")
def adder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a language model that has hardly learned to add, to be read and not written."""
    out = tmp_path_factory.mktemp("adders") / "adder"
    small = {"layers": 1, "width": 16, "heads": 2}
    train(runs.preset("lm", "gymnast/Addition-v0", agent=small, steps=4_000, evals=2, eval_episodes=8), out)
    return out


@pytest.fixture(scope="session")
def cloned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a clone of an own expert for CartPole, to be copied."""
    folder = tmp_path_factory.mktemp("clones")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        patch.chdir(folder)
        assert gymnast("collect own_experts:balance CartPole-v1 --episodes 4 --out demos --quiet").code == 0
        line = "train bc CartPole-v1 --demos demos --steps 20k --agent.hidden 16 16 --evals 0 --out clone --quiet"
        assert gymnast(line).code == 0
    return folder / "clone"


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a clone for Pendulum whose actions never leave their box, to be read and not written."""
    folder = tmp_path_factory.mktemp("drivers")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        patch.chdir(folder)
        assert gymnast("collect own_experts:brake Pendulum-v1 --episodes 2 --out demos --quiet").code == 0
        line = "train bc Pendulum-v1 --demos demos --steps 2k --agent.hidden 8 --agent.head squashed --evals 0 --quiet"
        assert gymnast(f"{line} --out clone").code == 0
    return folder / "clone"
