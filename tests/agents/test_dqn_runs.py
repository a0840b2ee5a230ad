"""Runs of DQN on the disk: resumed, with a replay in a file, and what a checkpoint holds."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.agents import dqn
from gymnast.core import checkpoint
from gymnast.runners.runs.folder import describe
from gymnast.runners.runs.run import preset
from gymnast.runners.training.train import Training, resume, train
from playing import act

RESUMED = {
    "plain": {},
    "rainbow": {
        "double": True,
        "dueling": True,
        "noisy": True,
        "n_step": 3,
        "priority": 0.5,
        "distribution": "categorical",
    },
}


@pytest.mark.parametrize(("parts", "twins"), [("plain", "auto"), ("plain", "none"), ("rainbow", "auto")])
def test_a_run_stopped_and_resumed_is_the_run_that_never_stopped(parts, twins, tmp_path):
    changes = {"learning_starts": 100, "horizon": 8, "target_interval": 7, "capacity": 300} | RESUMED[parts]
    run = preset("dqn", "CartPole-v1", steps=500, evals=0, agent={"hidden": [16], "twins": twins, **changes})
    whole = train(run).agent
    describe(run, tmp_path, {})
    with Training(run, tmp_path) as training:
        while training.steps < 300:
            training.iterate()
        checkpoint.save(tmp_path / "checkpoints" / "last.safetensors", training.state())
    resumed = resume(tmp_path).agent
    assert torch.equal(whole.optimizer.flat, resumed.optimizer.flat)
    assert torch.equal(whole._target, resumed._target)
    for name, field in whole.replay.fields.items():
        np.testing.assert_array_equal(field, resumed.replay.fields[name])
    assert whole.pace.updates == resumed.pace.updates


def test_a_replay_on_the_disk_learns_the_same_and_stays_out_of_checkpoints(tmp_path):
    def run(**changes):
        return preset("dqn", "CartPole-v1", steps=600, evals=1, eval_episodes=1, agent={"hidden": [16], **changes})

    where = str(tmp_path / "replay")
    disk = train(run(replay_dir=where, learning_starts=100), tmp_path / "run").agent
    memory = train(run(learning_starts=100)).agent
    assert torch.equal(disk.optimizer.flat, memory.optimizer.flat)
    assert "field/obs" not in checkpoint.load(tmp_path / "run" / "checkpoints" / "last.safetensors")["agent"]["replay"]


def test_the_best_checkpoint_acts_and_has_no_replay(tmp_path):
    run = preset("dqn", "CartPole-v1", steps=600, evals=1, eval_episodes=1, agent={"hidden": [16]})
    train(run, tmp_path / "run")
    best = checkpoint.load(tmp_path / "run" / "checkpoints" / "best.safetensors")["agent"]
    assert "replay" not in best
    made = dqn.Agent(spaces.Box(-1, 1, (4,), np.float32), spaces.Discrete(2), run.agent)
    checkpoint.restore({"net": made.net}, best)
    assert act(made, np.zeros((2, 4), np.float32))["action"].shape == (2,)
