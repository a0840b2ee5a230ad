"""Self-play small enough for tests."""

import torch

import gymnast
from gymnast.agents import alphazero
from gymnast.core import checkpoint
from gymnast.core.rollout.engine import Rollout
from playing import Both, collect, go_on, saved
from probes import SEED

SMALL = {
    "simulations": 16,
    "fast_simulations": 4,
    "full_share": 0.5,
    "minibatch": 64,
    "hidden": (32,),
    "window": 500,
    "window_most": 4000,
    "horizon": 4,
}


def made(name="tictactoe", copies=16, seed=SEED, **config):
    env = gymnast.make(name, copies)
    cfg = alphazero.Config(**{**SMALL, **config})
    agent = alphazero.Agent(env.single_observation_space, env.single_action_space, cfg, seed=seed)
    return agent, Rollout(env, agent.horizon, seed)


def learned(agent, rollout, updates):
    return [agent.update(collect(agent, rollout), k / 100) for k in range(updates)]


def weights(agent):
    return torch.cat([p.detach().flatten() for p in agent.net.parameters()])


def go_on_alike(agent, rollout, config, folder, updates):
    """Restore another agent from what `agent` saved, and see both do the same, move by move and update by update."""
    checkpoint.save(folder / "agent.safetensors", saved(agent, 12))
    other, _ = made("connect4", 12, seed=9, **config)
    go_on(other, 12, checkpoint.load(folder / "agent.safetensors"))
    both = Both(agent, other, 12)
    for k in range(updates):
        batch = rollout.collect(both)
        one, two = agent.update(batch, k / updates), other.update(batch, k / updates)
        assert {k: v for k, v in one.items() if "speed" not in k} == {k: v for k, v in two.items() if "speed" not in k}
        assert torch.equal(weights(agent), weights(other))
