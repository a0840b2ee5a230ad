"""PPO in few environments."""

from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.agents import ppo
from gymnast.core.rollout.engine import Rollout
from probes import SEED

COPIES = 8


def vector(make_env, copies=COPIES, mode=AutoresetMode.SAME_STEP):
    return SyncVectorEnv([make_env] * copies, autoreset_mode=mode)


def started(make_env, seed=SEED, **config):
    """An agent and a rollout of its environments."""
    env = vector(make_env)
    cfg = ppo.Config(**{"horizon": 32, "minibatch": 64, "hidden": (16,), **config})
    agent = ppo.Agent(env.single_observation_space, env.single_action_space, cfg, seed=seed)
    return agent, Rollout(env, cfg.horizon, seed)
