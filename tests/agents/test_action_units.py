"""What is learned does not depend on the units of a Box's actions."""

import json
from contextlib import closing
from functools import partial

import numpy as np
import pytest
import torch
from gymnasium import spaces

import gymnast
from gymnast.agents import bc, ppo
from gymnast.core.spaces.actions import action_adapter
from gymnast.envs import make
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.run import preset
from playing import act
from probes import SEED, Aim, recorded

BOXES = [(300.0, 500.0), (0.0, 1e-3), (-1e4, 1e4)]
STEPS = {"PPO": 8 * 32, "A2C": 8 * 10, "TRPO": 8 * 16, "REINFORCE": 8 * 8 * 4}
SHORT = {"PPO": {"horizon": 16}, "TRPO": {"horizon": 16}, "REINFORCE": {"episodes": 4}}
CONFIGS = {
    "plain": {},
    "readable": {"twins": "none"},
    "state-dependent noise": {"sde": True},
    "squashed": {"head": "squashed"},
    "mixture": {"head": "mixture"},
    "control variate": {"control_variate": True},
    "replay": {"replay": 80, "replay_batch": 32},
}


def learner(algo, box, seed=SEED, **config):
    config = {"gamma": 0.0, "hidden": (8,), **SHORT.get(algo, {}), **config}
    face, env = getattr(gymnast, algo), partial(Aim, *box)
    return face(env, preset="none", backend="loop", evals=0, seed=seed, num_envs=8, agent=config)


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


CASES = [
    (algo, name)
    for algo in STEPS
    for name in CONFIGS
    if (algo == "A2C" or name not in ("control variate", "replay")) and (algo, name) != ("TRPO", "mixture")
]


@pytest.mark.parametrize(("algo", "name"), CASES)
def test_what_is_learned_is_the_same_whatever_the_box(algo, name):
    ends = []
    for box in [(-1.0, 1.0), *(BOXES if name == "plain" else BOXES[:1])]:
        made = learner(algo, box, 0, **CONFIGS[name])
        start = weights(made.agent.net)
        ends.append(weights(made.learn(STEPS[algo]).agent.net))
        assert not torch.equal(start, ends[-1])
        torch.testing.assert_close(ends[-1], ends[0], rtol=1e-4, atol=1e-5)


@pytest.mark.learns
@pytest.mark.parametrize("box", BOXES, ids=str)
def test_ppo_learns_where_in_a_box_the_best_action_is(box):
    made = learner("PPO", box, lr=3e-3, minibatch=64, log_std_init=-1.0, horizon=32).learn(6000)
    # uniform actions earn 1/3 of the most, the middle of the box 1/2
    assert made.evaluate(20).mean > 8 * 0.9


@pytest.mark.learns
@pytest.mark.parametrize("head", ["plain", "mixture"])
@pytest.mark.parametrize("box", BOXES, ids=str)
def test_an_expert_in_any_box_is_cloned(box, head):
    low, high = box

    def expert(obs):
        return {"action": ((low + high) / 2 + (high - low) / 2 * obs).astype(np.float32)}

    with closing(make(partial(Aim, *box), 4, backend="loop")) as env:
        batch = recorded(env, expert, 100).collect(None)
        agent = bc.Agent(env.single_observation_space, env.single_action_space, bc.Config(head=head), seed=SEED)
    for k in range(10):
        agent.update(batch, k / 10)
    seen = np.linspace(-0.9, 0.9, 5, dtype=np.float32)[:, None]
    off = act(agent, seen, "best")["action"] - expert(seen)["action"]
    assert np.abs(off).max() < 0.1 * (high - low) / 2


def test_whole_numbers_of_a_box_are_reached_from_the_least_to_the_greatest():
    space = spaces.Box(0, 255, (1,), np.uint8)
    agent = ppo.Agent(Aim.observation_space, space, ppo.Config())
    action = action_adapter(space)(act(agent, np.zeros((500, 1), np.float32))["action"])
    assert action.dtype == np.uint8
    assert action.min() == 0
    assert action.max() == 255
    assert 20 < np.median(action) < 235


def test_without_scaling_a_policy_begins_at_0_with_a_deviation_of_1():
    agents = [learner("PPO", box, 0, scale_actions=False).agent for box in ((-1.0, 1.0), (300.0, 500.0))]
    one, other = (act(agent, np.zeros((8, 1), np.float32))["action"] for agent in agents)
    assert np.array_equal(one, other)
    assert np.abs(one).max() < 4


def test_a_run_that_says_nothing_of_scaling_is_older_and_scaled_nothing(tmp_path):
    path = tmp_path / "run.json"
    runs.save(preset("ppo", "Pendulum-v1", "none"), path)
    assert runs.load(path).agent.scale_actions
    content = json.loads(path.read_text())
    del content["run"]["agent"]["scale_actions"]
    path.write_text(json.dumps(content))
    assert not runs.load(path).agent.scale_actions


def test_a_clone_and_what_goes_on_from_it_have_the_same_units(tmp_path):
    runs.save(preset("bc", "Pendulum-v1", "none", agent={"scale_actions": False}), tmp_path / "run.json")
    assert not preset("ppo", "Pendulum-v1", "none", init_from=str(tmp_path)).agent.scale_actions
