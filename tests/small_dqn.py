"""DQN with its parts, in small environments."""

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.agents import dqn
from gymnast.core.rollout.engine import Rollout
from playing import collect, thoughts
from probes import SEED

BOX = spaces.Box(-1e6, 1e6, (3,), np.float32)
PROBE = {"horizon": 4, "replay_ratio": 0.25, "minibatch": 32, "capacity": 4000, "learning_starts": 64} | {
    "lr": 1e-2,
    "lr_schedule": "linear",
    "gamma": 0.5,
    "target_interval": 10,
    "epsilon": 0.2,
    "hidden": (16,),
    "limits": (-3.0, 3.0),
    "atoms": 31,
}
PARTS = {  # every pair of parts occurs together somewhere
    "plain": {},
    "double squared": {"double": True, "loss": "squared"},
    "dueling priority n-step": {"dueling": True, "priority": 0.6, "n_step": 3},
    "double noisy soft": {"double": True, "noisy": True, "epsilon_start": 0.0, "epsilon": 0.0, "tau": 0.2},
    "categorical double n-step": {"distribution": "categorical", "double": True, "n_step": 3},
    "quantile dueling noisy": {"distribution": "quantile", "dueling": True, "noisy": True},
    "quantile double priority": {"distribution": "quantile", "double": True, "priority": 0.6},
    "rainbow": {"double": True, "dueling": True, "noisy": True, "n_step": 3, "priority": 0.5}
    | {"distribution": "categorical"},
}


def vector(make_env, copies=4, mode=AutoresetMode.SAME_STEP):
    return SyncVectorEnv([make_env] * copies, autoreset_mode=mode)


def agent(obs=BOX, action=None, **config):
    return dqn.Agent(obs, action or spaces.Discrete(2), dqn.Config(**config), seed=SEED)


def learned(make_env, steps=2000, mode=AutoresetMode.SAME_STEP, **config):
    """An agent that has learned on a probe environment."""
    env = vector(make_env, mode=mode)
    cfg = dqn.Config(**PROBE | config)
    made = dqn.Agent(env.single_observation_space, env.single_action_space, cfg, seed=SEED)
    rollout, done = Rollout(env, cfg.horizon, SEED), 0
    while done < steps:
        batch = collect(made, rollout)
        made.update(batch, done / steps)
        done += batch.steps
    return made


def values(made, *obs):
    return thoughts(made, np.array([[x] for x in obs], np.float32))["value"]
