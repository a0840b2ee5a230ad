"""The peer's side: SB3's vector environments and models for the same ids and settings."""

from collections.abc import Callable
from typing import Any

import ale_py
import gymnasium as gym
import sb3_contrib
import stable_baselines3 as sb3
from stable_baselines3.common.env_util import make_atari_env, make_vec_env
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack

from ...agents import a2c, dqn, ppo, sac, td3, trpo

_KINDS = (sb3.A2C, sb3.DDPG, sb3.DQN, sb3.PPO, sb3.SAC, sb3.TD3)
_CONTRIB = (sb3_contrib.CrossQ, sb3_contrib.QRDQN, sb3_contrib.TQC, sb3_contrib.TRPO)
ALGORITHMS: dict[str, Any] = {kind.__name__.lower(): kind for kind in (*_KINDS, *_CONTRIB)}
"""Algorithms of the peers by name."""

NAME = f"Stable-Baselines3 {sb3.__version__}"


def vec_env(env: str, copies: int, seed: int) -> VecEnv:
    """As SB3's documentation makes it, with Monitor; Atari with its wrappers and a stack of four frames."""
    if not env.startswith("ALE/"):
        return make_vec_env(env, copies, seed=seed)
    gym.register_envs(ale_py)
    game = env.removeprefix("ALE/").removesuffix("-v5")
    return VecFrameStack(make_atari_env(f"{game}NoFrameskip-v4", copies, seed=seed), 4)


def name(config: Any) -> str:
    """The library that has the algorithm of `config`, with its version."""
    contrib = isinstance(config, trpo.Config) or _remembers(config)
    return f"sb3-contrib {sb3_contrib.__version__}" if contrib else NAME


def model(env: str, copies: int, config: Any, seed: int) -> Any:
    """The algorithm of `config` with its settings, on the CPU."""
    kind, settings = _PEERS[type(config)](config)
    made = kind(
        "MlpLstmPolicy" if _remembers(config) else "CnnPolicy" if env.startswith("ALE/") else "MlpPolicy",
        vec_env(env, copies, seed),
        gamma=config.gamma,
        device="cpu",
        seed=seed,
        **settings,
    )
    return silent(made)


def silent(model: Any) -> Any:
    """`model` without logs, for which it would make a folder among the temporary files."""
    model.set_logger(Logger(None, []))
    return model


def _remembers(config: Any) -> bool:
    return isinstance(config, ppo.Config) and config.memory != "none"


def _ppo(config: ppo.Config) -> tuple[Any, dict[str, Any]]:
    kind: Any = sb3.PPO
    settings: dict[str, Any] = {}
    if _remembers(config):  # one LSTM for policy and values, as ours is
        lstm = {"lstm_hidden_size": config.memory_size, "shared_lstm": True, "enable_critic_lstm": False}
        kind, settings = sb3_contrib.RecurrentPPO, {"policy_kwargs": lstm | {"net_arch": list(config.hidden)}}
    return kind, settings | {
        **_rollouts(config),
        "learning_rate": _schedule(config.lr, config.lr_schedule),
        "batch_size": config.minibatch,
        "n_epochs": config.epochs,
        "clip_range": _schedule(config.clip, config.clip_schedule),
        "ent_coef": config.entropy_coef,
        "vf_coef": config.value_coef,
        "max_grad_norm": config.max_grad_norm,
    }


def _a2c(config: a2c.Config) -> tuple[Any, dict[str, Any]]:
    return sb3.A2C, {
        **_rollouts(config),
        "learning_rate": _schedule(config.lr, config.lr_schedule),
        "rms_prop_eps": config.optimizer_eps,
        "ent_coef": config.entropy_coef,
        "vf_coef": config.value_coef,
        "max_grad_norm": config.max_grad_norm,
    }


def _trpo(config: trpo.Config) -> tuple[Any, dict[str, Any]]:
    return sb3_contrib.TRPO, {
        **_rollouts(config),
        "learning_rate": _schedule(config.critic_lr, config.critic_lr_schedule),
        "batch_size": config.critic_minibatch,
        "n_critic_updates": config.critic_epochs,
        "target_kl": config.delta,
        "cg_max_steps": config.cg_iterations,
        "cg_damping": config.damping,
        "line_search_shrinking_factor": config.backtrack,
        "line_search_max_iter": config.line_search_steps,
    }


def _dqn(config: dqn.Config) -> tuple[Any, dict[str, Any]]:
    return sb3.DQN, {
        "learning_rate": _schedule(config.lr, config.lr_schedule),
        "buffer_size": config.capacity,
        "learning_starts": config.learning_starts,
        "batch_size": config.minibatch,
        "tau": config.tau,
        "train_freq": config.horizon,
        "gradient_steps": round(config.horizon * config.replay_ratio),
        "target_update_interval": round(config.target_interval / config.replay_ratio),  # theirs is in steps
        "exploration_fraction": config.epsilon_fraction,
        "exploration_initial_eps": config.epsilon_start,
        "exploration_final_eps": config.epsilon,
        "max_grad_norm": config.max_grad_norm,
        "policy_kwargs": {"net_arch": list(config.hidden)},
    }


def _sac(config: sac.Config) -> tuple[Any, dict[str, Any]]:
    return sb3.SAC, {**_off_policy(config), "ent_coef": _temperature(config)}


def _td3(config: td3.Config) -> tuple[Any, dict[str, Any]]:
    return sb3.TD3, {
        **_off_policy(config),
        "policy_delay": config.policy_delay,
        "target_policy_noise": config.smoothing,
        "target_noise_clip": config.smoothing_clip,
    }


def _off_policy(config: sac.Config | td3.Config) -> dict[str, Any]:
    return {
        "learning_rate": config.lr,
        "buffer_size": config.capacity,
        "learning_starts": config.learning_starts,
        "batch_size": config.minibatch,
        "tau": config.tau,
        "train_freq": config.horizon,
        "gradient_steps": round(config.horizon * config.replay_ratio),
        "policy_kwargs": {"net_arch": {"pi": list(config.hidden), "qf": list(config.critic_hidden)}},
    }


def _temperature(config: sac.Config) -> Any:
    return f"auto_{config.alpha_init}" if config.alpha is None else config.alpha


def settings(config: Any) -> dict[str, Any]:
    """Arguments of a peer that follows SB3's interface."""
    return {"gamma": config.gamma, **_PEERS[type(config)](config)[1]}


def _rollouts(config: Any) -> dict[str, Any]:
    return {"n_steps": config.horizon, "gae_lambda": config.lam}


_PEERS: dict[type, Callable[[Any], tuple[Any, dict[str, Any]]]]
_PEERS = {
    ppo.Config: _ppo,
    a2c.Config: _a2c,
    trpo.Config: _trpo,
    dqn.Config: _dqn,
    sac.Config: _sac,
    td3.Config: _td3,
}


def collector(model: OnPolicyAlgorithm) -> Callable[[], int]:
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
