"""What SB3 trains with: its vector environments and models for the same ids and settings."""

from collections.abc import Callable
from typing import Any

import stable_baselines3 as sb3
from stable_baselines3.common.env_util import make_atari_env, make_vec_env
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack

from ...agents import ppo

NAME = f"Stable-Baselines3 {sb3.__version__}"


def vec_env(env: str, copies: int, seed: int) -> VecEnv:
    """As SB3's documentation makes it, with Monitor; Atari with its wrappers and a stack of four frames."""
    if not env.startswith("ALE/"):
        return make_vec_env(env, copies, seed=seed)
    game = env.removeprefix("ALE/").removesuffix("-v5")
    return VecFrameStack(make_atari_env(f"{game}NoFrameskip-v4", copies, seed=seed), 4)


def model(env: str, copies: int, config: ppo.Config, seed: int) -> sb3.PPO:
    """PPO with the settings of `config`, on the CPU."""
    return sb3.PPO(
        "CnnPolicy" if env.startswith("ALE/") else "MlpPolicy",
        vec_env(env, copies, seed),
        learning_rate=_schedule(config.lr, config.lr_schedule),
        n_steps=config.horizon,
        batch_size=config.minibatch,
        n_epochs=config.epochs,
        gamma=config.gamma,
        gae_lambda=config.lam,
        clip_range=_schedule(config.clip, config.clip_schedule),
        ent_coef=config.entropy_coef,
        vf_coef=config.value_coef,
        max_grad_norm=config.max_grad_norm,
        device="cpu",
        seed=seed,
    )


def collector(model: sb3.PPO) -> Callable[[], int]:
    """Work for `rate`: one rollout of `model`."""
    env = model.get_env()
    assert env is not None
    _, callback = model._setup_learn(model.n_steps)

    def work() -> int:
        model.collect_rollouts(env, callback, model.rollout_buffer, model.n_steps)
        return model.n_steps * env.num_envs

    return work


def _schedule(value: float, kind: str) -> Any:
    return value if kind == "constant" else lambda remaining: remaining * value
