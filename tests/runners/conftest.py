import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gymnast.runners.cli.main import main
from gymnast.runners.runs import run as runs
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
    """The command, in an empty folder, with the module `own_envs` to be found."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.chdir(tmp_path)
    return gymnast


@pytest.fixture(scope="session")
def cartpole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of 2048 steps, to be read and not written."""
    out = tmp_path_factory.mktemp("runs") / "cartpole"
    train(runs.preset("ppo", "CartPole-v1", steps=2048, evals=2, eval_episodes=4), out)
    return out
