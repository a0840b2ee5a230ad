"""Experiment trackers, without any server."""

import sys

import pytest

import gymnast
from gymnast.core.errors import UsageError

SMALL = {"evals": 0, "num_envs": 4, "horizon": 32, "minibatch": 64, "epochs": 1, "hidden": (8,), "preset": "none"}


class Client:
    """Stands in for `wandb` and for a run of its."""

    def __init__(self):
        self.begun, self.rows, self.finished = [], [], 0

    def init(self, **how):
        self.begun.append(how)
        return self

    def log(self, row, step):
        self.rows.append((step, row))

    def finish(self):
        self.finished += 1


def test_every_row_is_logged_at_its_step_and_the_run_with_its_settings(monkeypatch):
    client = Client()
    monkeypatch.setitem(sys.modules, "wandb", client)
    learner = gymnast.PPO("CartPole-v1", **SMALL)
    with gymnast.Wandb(project="mine", mode="offline") as track:
        learner.learn(256, callback=track).learn(128, callback=track)
    (begun,) = client.begun
    assert (begun["project"], begun["mode"], begun["name"]) == ("mine", "offline", "ppo CartPole-v1 seed 0")
    assert (begun["config"]["env"], begun["config"]["hidden"], begun["config"]["seed"]) == ("CartPole-v1", (8,), 0)
    assert [step for step, _ in client.rows] == [128, 256, 384]
    assert all("loss/policy" in row for _, row in client.rows)
    assert client.finished == 1


def test_wandb_writes_its_files_offline(tmp_path):
    pytest.importorskip("wandb")
    with gymnast.Wandb(mode="offline", dir=str(tmp_path), project="gymnast") as track:
        gymnast.PPO("CartPole-v1", **SMALL).learn(128, callback=track)
    (run,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    assert b"episode/count" in run.read_bytes()


def test_mlflow_writes_its_files(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    with gymnast.Mlflow(run_name="mine") as track:
        gymnast.PPO("CartPole-v1", **SMALL).learn(256, callback=track)
    client = mlflow.MlflowClient()
    (run,) = client.search_runs(["0"])
    assert (run.info.run_name, run.data.params["lr"], run.info.status) == ("mine", "0.0003", "FINISHED")
    assert [x.step for x in client.get_metric_history(run.info.run_id, "loss/policy")] == [128, 256]


def test_a_tracker_that_is_not_installed_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(UsageError, match=r'mlflow is not installed; run: pip install "gymnast\[mlflow\]"'):
        gymnast.Mlflow()


TRAIN = "train ppo CartPole-v1 --preset none --num-envs 4 --agent.horizon 32 --evals 0 --quiet --out run"


def test_the_command_line_logs_each_row_and_goes_on_with_it_only_if_asked(gymnast, monkeypatch):
    client = Client()
    monkeypatch.setitem(sys.modules, "wandb", client)
    assert gymnast(f"{TRAIN} --steps 256 --track wandb").code == 0
    assert gymnast("train --resume run --steps 384 --quiet").code == 0
    assert gymnast("train --resume run --steps 512 --quiet --track wandb").code == 0
    assert [begun["name"] for begun in client.begun] == ["ppo CartPole-v1 seed 0"] * 2
    assert [step for step, _ in client.rows] == [128, 256, 512]
    assert client.finished == 2


def test_the_command_line_asks_for_a_tracker_that_is_not_installed_before_it_trains(gymnast, monkeypatch, tmp_path):
    client = Client()
    monkeypatch.setitem(sys.modules, "wandb", client)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    said = gymnast(f"{TRAIN} --steps 256 --track wandb --track mlflow")
    assert (said.code, said.err) == (2, 'gymnast: mlflow is not installed; run: pip install "gymnast[mlflow]"\n')
    assert not client.begun
    assert not (tmp_path / "run").exists()


def test_an_unknown_tracker_is_refused(gymnast):
    said = gymnast(f"{TRAIN} --steps 256 --track tensorboard")
    assert said.code == 2
    assert "wandb" in said.err
