"""Self-play small enough for tests."""

import torch

import gymnast
from gymnast.agents import alphazero
from gymnast.core.rollout import Rollout

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


def made(name="tictactoe", copies=16, seed=0, **config):
    env = gymnast.make(name, copies)
    cfg = alphazero.Config(**{**SMALL, **config})
    agent = alphazero.Agent(env.single_observation_space, env.single_action_space, cfg, seed=seed)
    return agent, Rollout(env, agent.horizon, seed)


def learned(agent, rollout, updates):
    return [agent.update(rollout.collect(agent.act), k / 100) for k in range(updates)]


def weights(agent):
    return torch.cat([p.detach().flatten() for p in agent.net.parameters()])
