"""From an expert to a clone on the command line."""

import json

import numpy as np
import pytest

from gymnast import envs
from gymnast.core.rollout import demos
from gymnast.runners.imitation.demonstrations import collect
from gymnast.runners.runs import run as runs
from gymnast.runners.screen.human import Keyboard
from gymnast.runners.training.train import Training
from probes import SEED


@pytest.fixture(name="walked")
def _walked(gymnast, tmp_path):
    """Four episodes of the own expert in the own environment."""
    assert gymnast("collect own_experts:right own_envs:Corridor --episodes 4 --out demos --quiet").code == 0
    return tmp_path / "demos"


def test_a_function_is_recorded_and_cloned(gymnast, walked):
    found = demos.load(walked)
    assert (found.env, found.episodes, found.steps) == ("own_envs:Corridor", 4, 20)
    assert all((trajectory.action == 1).all() for trajectory in found)
    assert {trajectory.about["actor"] for trajectory in found} == {"own_experts:right"}
    assert gymnast("train bc own_envs:Corridor --demos demos --steps 2k --out clone --quiet").code == 0
    said = gymnast("evaluate clone --episodes 4 --json")
    assert json.loads(said.out)["mean"] == 5.0
    assert "4 episodes of own_envs:Corridor" in gymnast("demos demos").out


def test_a_run_is_recorded_with_its_probabilities(gymnast, cartpole):
    assert gymnast("collect --episodes 3 --out demos --quiet", cartpole, "CartPole-v1").code == 0
    from pathlib import Path

    for trajectory in demos.load(Path("demos")):
        probability = trajectory.extras["probability"]
        np.testing.assert_allclose(probability.sum(1), 1, rtol=1e-5)
        assert (probability.argmax(1) == trajectory.action).all()
    line = "train bc CartPole-v1 --demos demos --steps 600 --agent.divergence reverse_kl --evals 0 --out clone --quiet"
    assert gymnast(line).code == 0


def test_a_stable_baselines_model_is_recorded(gymnast, tmp_path):
    from stable_baselines3 import A2C, DQN, PPO

    models = {
        "ppo": PPO("MlpPolicy", "CartPole-v1", n_steps=8, batch_size=8, seed=0),
        "a2c": A2C("MlpPolicy", "CartPole-v1", seed=0),
        "dqn": DQN("MlpPolicy", "CartPole-v1", buffer_size=10, seed=0),
    }
    for name, model in models.items():
        model.save(tmp_path / name)
        assert gymnast(f"collect {name}.zip CartPole-v1 --episodes 2 --out demos-{name} --quiet").code == 0
        for trajectory in demos.load(tmp_path / f"demos-{name}"):
            expected, _ = model.predict(trajectory.obs[:-1], deterministic=True)
            np.testing.assert_array_equal(trajectory.action, expected)


def test_recording_is_repeatable_and_every_copy_gives_its_share(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(__import__("pathlib").Path(__file__).parents[1]))
    one, two, other = (
        list(collect("own_experts:either", "CartPole-v1", tmp_path / str(k), 10, seed))
        for k, seed in enumerate((3, 3, 4))
    )
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.action, b.action)
        np.testing.assert_array_equal(a.obs, b.obs)
    assert any(not np.array_equal(a.obs[0], b.obs[0]) for a, b in zip(one, other, strict=True))
    assert sorted(t.about["seed"] for t in one) == [3, 3, 4, 4, 5, 6, 7, 8, 9, 10]


def test_noise_changes_what_is_executed_and_not_what_is_recorded(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(__import__("pathlib").Path(__file__).parents[1]))
    noisy = list(collect("own_experts:right", "own_envs:Corridor", tmp_path / "demos", 20, noise=0.5))
    assert all((trajectory.action == 1).all() for trajectory in noisy)
    places = np.concatenate([np.diff(trajectory.obs[:, 0]) for trajectory in noisy])
    assert 0.5 < (places > 0).mean() < 0.95  # half of the random actions are the expert's


def test_a_run_on_demonstrations_resumes_bit_for_bit(gymnast, walked, tmp_path):
    line = "train bc own_envs:Corridor --demos demos --evals 0 --agent.lr-schedule constant --quiet --out"
    assert gymnast(f"{line} whole --steps 300").code == 0
    assert gymnast(f"{line} half --steps 140").code == 0
    assert gymnast("train --resume half --steps 300 --quiet").code == 0
    from gymnast.core import checkpoint

    nets = [
        checkpoint.load(tmp_path / name / "checkpoints/last.safetensors")["agent"]["net"] for name in ("whole", "half")
    ]
    for name in nets[0]:
        np.testing.assert_array_equal(nets[0][name], nets[1][name])


def test_early_stopping_ends_the_run_and_says_so_on_resuming(gymnast, walked):
    line = "train bc own_envs:Corridor --demos demos --steps 1M --agent.patience 2 --agent.lr 0.1 --out clone --quiet"
    assert gymnast(line).code == 0
    said = gymnast("train --resume clone")
    assert said.code == 2
    assert "has stopped by itself" in said.err


def test_history_is_part_of_the_run(gymnast, walked):
    assert gymnast("train bc own_envs:Corridor --demos demos --steps 2k --history 3 --out clone --quiet").code == 0
    assert json.loads(gymnast("evaluate clone --episodes 4 --json").out)["mean"] == 5.0
    run = runs.preset("bc", "own_envs:Corridor", demos=str(walked), history=3)
    with Training(run) as training:
        assert training.env.single_observation_space.shape == (3,)


def test_appending_adds_episodes(gymnast, walked):
    line = "collect own_experts:right own_envs:Corridor --episodes 2 --out demos --quiet"
    assert "--append" in gymnast(line).err
    assert gymnast(f"{line} --append --seed 9").code == 0
    assert demos.load(walked).episodes == 6


WRONG = {
    "train bc own_envs:Corridor": "bc learns from demonstrations; give --demos DIR",
    "train bc own_envs:Corridor --demos nowhere": "nowhere holds no demonstrations",
    "train bc CartPole-v1 --demos demos": "are of own_envs:Corridor, not of CartPole-v1",
    "train bc own_envs:Corridor --demos demos --demo-episodes 5": "cannot learn from 5 episodes: demos holds 4",
    "train bc own_envs:Corridor --demos demos --history 0": "history is 0; it must be at least 1",
    "train ppo own_envs:Corridor --demos demos": "ppo does not learn from demonstrations",
    "train ppo own_envs:Corridor --expert own_experts:right": "ppo asks no expert",
    "collect own_experts:single own_envs:Corridor --out new": "gave actions of shape (); Discrete(2) needs (8,) here",
    "collect own_experts:beyond own_envs:Corridor --out new": "gave the action 2 (int64), which is not in Discrete(2)",
    "collect own_experts:half own_envs:Corridor --out new": "gave the action 0.5 (float64), which is not in Discrete",
    "collect own_experts:rigth own_envs:Corridor --out new": "has no function 'rigth'. Did you mean 'right'?",
    "collect no_such_module:f own_envs:Corridor --out new": "No module named 'no_such_module'",
    "collect nobody own_envs:Corridor --out new": "no expert 'nobody'",
    "collect demos own_envs:Corridor --out new": "demos is not the folder of a run",
    "collect none.zip CartPole-v1 --out new": "there is no file none.zip",
    "collect own_experts:right own_envs:Corridor --out new --episodes 0": "episodes is 0; it must be at least 1",
    "collect own_experts:right own_envs:Corridor --out new --noise 2": "noise is 2.0; it must be between 0 and 1",
    "collect own_experts:right CartPole-v1 --out demos --append": "are of own_envs:Corridor, not of CartPole-v1",
    "collect human own_envs:Corridor --out new": "draws no pictures",
    "collect human BipedalWalker-v3x --out new": "unknown environment",
    "train dagger CartPole-v1": "dagger asks an expert; give --expert EXPERT",
    "train dagger CartPole-v1 --expert human": "a person can demonstrate",
    "train dagger CartPole-v1 --expert own_experts:right --demos demos": "dagger does not learn from demonstrations",
    "demos nowhere": "nowhere holds no demonstrations",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_input_gets_one_line_and_exit_code_2(gymnast, walked, tmp_path, monkeypatch, line):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    before = sorted(tmp_path.iterdir())
    said = gymnast(line)
    assert said.code == 2, said
    assert said.err.count("\n") == 1
    assert WRONG[line] in said.err
    assert sorted(tmp_path.iterdir()) == before, "wrong input leaves nothing behind"


def test_a_run_for_other_observations_is_no_expert(gymnast, cartpole):
    said = gymnast("collect --out demos", cartpole, "Acrobot-v1")
    assert said.code == 2
    assert "was trained on CartPole-v1; it does not fit" in said.err


@pytest.fixture(name="pygame")
def _pygame(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    import pygame

    yield pygame
    pygame.quit()


def press(pygame, key, kind="KEYDOWN"):
    pygame.event.post(pygame.event.Event(getattr(pygame, kind), key=getattr(pygame, key)))


def test_a_person_steers_with_the_arrows(pygame):
    env = envs.make("CartPole-v1", 1, render_mode="rgb_array")
    env.reset(seed=0)
    with Keyboard(env, fps=1000) as act:
        obs = np.zeros((1, 4), np.float32)
        assert act(obs)["action"].tolist() == [0]
        press(pygame, "K_RIGHT")
        assert act(obs)["action"].tolist() == [1]
        press(pygame, "K_RIGHT", "KEYUP")
        assert act(obs)["action"].tolist() == [1], "the pole waits for nobody: the last push goes on"
        press(pygame, "K_0")
        assert act(obs)["action"].tolist() == [0]
        press(pygame, "K_ESCAPE")
        act(obs)
        assert act.stopped


def test_keys_push_continuous_actions_and_let_go(pygame):
    env = envs.make("Pendulum-v1", 1, render_mode="rgb_array")
    env.reset(seed=0)
    with Keyboard(env, fps=1000) as act:
        obs = np.zeros((1, 3), np.float32)
        press(pygame, "K_LEFT")
        assert act(obs)["action"].tolist() == [[-2.0]]
        press(pygame, "K_LEFT", "KEYUP")
        assert act(obs)["action"].tolist() == [[0.0]]


def test_what_a_person_did_is_recorded_up_to_the_last_whole_episode(pygame, tmp_path, monkeypatch):
    steps = []

    def show(self):
        steps.append(len(steps))
        if len(steps) == 1:
            press(pygame, "K_RIGHT")
        if len(steps) == 30:  # the pole has fallen twice by then, and is under way once more
            press(pygame, "K_ESCAPE")

    monkeypatch.setattr(Keyboard, "_show", show)
    monkeypatch.setattr(Keyboard, "_wait", lambda self: None)
    found = collect("human", "CartPole-v1", tmp_path / "demos", 10)
    assert found.episodes in (2, 3)
    assert all((trajectory.action == 1).all() for trajectory in found)
    assert {trajectory.about["actor"] for trajectory in found} == {"human"}


@pytest.mark.learns
def test_the_interface_in_python_collects_clones_and_predicts(tmp_path):
    import gymnast

    def balance(obs):
        return {"action": (obs[:, 2] + 0.5 * obs[:, 3] > 0).astype(np.int64)}

    gymnast.collect(balance, "CartPole-v1", tmp_path / "demos", episodes=8, seed=SEED)
    clone = gymnast.BC("CartPole-v1", demos=str(tmp_path / "demos"), seed=SEED).learn(20_000)
    assert clone.evaluate(4).mean > 100
    action, thoughts = clone.predict(np.array([0, 0, 0.1, 0.5], np.float32))
    assert action == 1
    assert thoughts["action probability"].shape == (2,)


@pytest.mark.learns
def test_dagger_learns_from_the_command_line_and_resumes_bit_for_bit(gymnast, tmp_path):
    from gymnast.core import checkpoint

    line = "train dagger CartPole-v1 --expert own_experts:balance --evals 0 --quiet --agent.horizon 50 --num-envs 4"
    line += f" --seed {SEED}"
    assert gymnast(f"{line} --steps 2k --out whole").code == 0
    assert gymnast(f"{line} --steps 1k --out half").code == 0
    assert gymnast("train --resume half --trust --steps 2k --quiet").code == 0
    ends = [checkpoint.load(tmp_path / name / "checkpoints/last.safetensors")["agent"] for name in ("whole", "half")]
    assert (ends[0]["own"]["round"], ends[0]["own"]["asked"]) == (10, 2000)
    for a, b in zip(ends[0]["learners"]["0"]["net"].values(), ends[1]["learners"]["0"]["net"].values(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert json.loads(gymnast("evaluate whole --episodes 8 --json").out)["mean"] > 150


def test_dagger_ends_when_its_queries_are_spent(gymnast):
    line = (
        "train dagger CartPole-v1 --expert own_experts:balance --agent.queries 300 --agent.horizon 50 --quiet --out run"
    )
    assert gymnast(line).code == 0
    assert "has stopped by itself at 400 steps" in gymnast("train --resume run").err
