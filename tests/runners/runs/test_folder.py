"""The folder of a run: one process at a time, whole files."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from gymnast.core.errors import UsageError
from gymnast.runners.api import learner
from gymnast.runners.runs.folder import default_out, held, within
from gymnast.runners.runs.run import preset, save
from gymnast.runners.training.train import resume


def refuses(out):
    """What another process is told that wants to train in the folder `out`."""
    code = (
        "import sys, pathlib as p; from gymnast.runners.runs.folder import held; held(p.Path(sys.argv[1])).__enter__()"
    )
    return subprocess.run([sys.executable, "-c", code, str(out)], capture_output=True, text=True, check=False).stderr


def test_a_folder_is_held_until_its_process_is_done(tmp_path):
    with held(tmp_path / "run"):
        assert f"process {os.getpid()} is training there" in refuses(tmp_path / "run")
        with pytest.raises(UsageError, match="is in use"):
            resume(started(tmp_path / "run"))
    assert not refuses(tmp_path / "run")  # and that process ended without letting go
    with held(tmp_path / "run"):
        pass


def test_a_program_that_learns_in_the_folder_holds_it_too(tmp_path):
    agent = learner("PPO")("CartPole-v1", preset="none", evals=0, num_envs=2)
    with held(tmp_path / "run"), pytest.raises(UsageError, match="is in use"):
        agent.learn(64, out=tmp_path / "run")


def started(out):
    save(preset("ppo", "CartPole-v1"), out / "run.json")
    return out


def test_runs_that_begin_in_the_same_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = preset("ppo", "CartPole-v1")
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: default_out(run), range(8)))
    assert len(set(folders)) == 8
    assert all(folder.is_dir() for folder in folders)


def test_a_full_disk_leaves_the_old_run_file(tmp_path, monkeypatch):
    started(tmp_path)
    before = (tmp_path / "run.json").read_text()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save(preset("a2c", "CartPole-v1"), tmp_path / "run.json")
    assert (tmp_path / "run.json").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("name", [".lock", "checkpoints", "metrics.csv.part"])
def test_nothing_is_written_through_a_symlink_in_the_folder_of_a_run(name, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    out = tmp_path / "run"
    out.mkdir()
    (out / name).symlink_to(elsewhere)
    with pytest.raises(UsageError, match="is a symlink"), held(out):
        pass
    with pytest.raises(UsageError, match="is a symlink"):
        learner("PPO")("CartPole-v1", preset="none").save(out)
    assert elsewhere.read_text() == "precious"


def test_a_folder_of_runs_stands_for_them_in_the_order_in_which_one_counts(tmp_path):
    for name in ("five/s10", "five/s2", "five/lr=1e-3_s1", "alone"):
        save(preset("ppo", "CartPole-v1"), tmp_path / name / "run.json")
    (tmp_path / "five/logs").mkdir()
    inner = [tmp_path / "five" / name for name in ("lr=1e-3_s1", "s2", "s10")]
    given = [tmp_path / "alone", tmp_path / "five", tmp_path / "five/s2", tmp_path / "nothing"]
    assert within(given) == [tmp_path / "alone", *inner, tmp_path / "nothing"]
