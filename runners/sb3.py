"""Models of Stable-Baselines3 as learners, and learners as models of Stable-Baselines3: weights go over both ways."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from ..core.errors import UsageError
from ..core.nets.mlp import ACTIVATIONS
from .api import Learner, learner
from .training.experts import fits, moments_beside, stable_baselines, unpickled

_PLAIN = {"norm": "none", "normalize_obs": False}
_ACTOR_CRITIC = _PLAIN | {"head": "plain", "sde": False, "memory": "none"}
_CRITICS = _PLAIN | {
    "critic_norm": "none",
    "blocks": 0,
    "critic_blocks": 0,
    "dropout": 0.0,
    "quantiles": 1,
    "memory": "none",
}
# The settings that Stable-Baselines3's classes have no other values of.
_ONLY: dict[str, dict[str, Any]] = {
    "PPO": _ACTOR_CRITIC,
    "A2C": _ACTOR_CRITIC,
    "DQN": _PLAIN | {"dueling": False, "noisy": False, "distribution": "none", "memory": "none"},
    "SAC": _CRITICS | {"target": "slow"},
    "TD3": _CRITICS | {"target": "slow"},
}


def to_sb3(one: Learner) -> Any:
    """A model of Stable-Baselines3 with the weights of a learner, whose `predict` gives the same likeliest actions.

    Its optimiser and its replay are new; of the settings, it takes over those of the network, the step size and gamma.

    Raises:
        UsageError: if Stable-Baselines3 has no such algorithm or network.
    """
    family, cfg, agent = one.algo.upper(), one.run.agent, one.agent
    if family not in _ONLY:
        raise UsageError(f"{one.algo} cannot become a model of Stable-Baselines3; {', '.join(_ONLY)} can")
    for name, only in _ONLY[family].items():
        if getattr(cfg, name) != only:
            raise UsageError(f"Stable-Baselines3's {family} has no {name} {getattr(cfg, name)!r}, only {only!r}")
    if one.run.net is not None:
        raise UsageError("a network of your own has no place in Stable-Baselines3")
    if not _flat(one.spaces.observation):
        raise UsageError(f"weights for {one.spaces.observation} do not go over; those for numbers in a Box do")
    model = _sb3(family)("MlpPolicy", None, _init_setup_model=False, **_constructor(family, one))
    model.observation_space, model.action_space, model.n_envs = *one.spaces, 1
    model._setup_model()
    _copy(_ours(family, agent), _theirs(family, model))
    if family in ("PPO", "A2C") and isinstance(one.spaces.action, spaces.Box):
        _place(model.policy, agent.net.policy_head)
    return model


def from_sb3(source: Any, env: Any, trust: bool = False, **settings: Any) -> Learner:
    """A learner with the weights of a model of Stable-Baselines3, or of the zip of one, that goes on learning in `env`.

    It takes over the network, the step size and gamma; `settings` are others of the constructor's. A zip is unpickled,
    which runs whatever it holds: say `trust` if you trust it.

    Raises:
        UsageError: if gymnast has no such algorithm or network, or the model is for other spaces.
    """
    family, model, normalizer = _opened(source, trust)
    if family not in _ONLY:
        raise UsageError(f"a {family} of Stable-Baselines3 cannot become a learner; {', '.join(_ONLY)} can")
    policy = model.policy
    extractors = {type(x).__name__ for name, x in policy.named_modules() if name.endswith("features_extractor")}
    if not _flat(model.observation_space) or not extractors <= {"FlattenExtractor"}:
        raise UsageError(f"weights of {', '.join(sorted(extractors))} do not go over; those for numbers in a Box do")
    if getattr(model, "use_sde", False):
        raise UsageError("weights of state-dependent exploration (use_sde) do not go over")
    network = _described(family, model)
    if normalized := normalizer is not None and normalizer.norm_obs:
        if (normalizer.clip_obs, normalizer.epsilon) != (10.0, 1e-8):
            raise UsageError("a VecNormalize goes over if its clip_obs is 10 and its epsilon 1e-8")
        network["normalize_obs"] = True
    made = {"preset": "none", "lr": float(model.lr_schedule(1.0)), "gamma": model.gamma, **network, **settings}
    one = learner(family)(env, **made)
    if not fits(model.observation_space, one.spaces.observation) or not fits(model.action_space, one.spaces.action):
        raise UsageError(
            f"the model is for {model.observation_space} and {model.action_space}, not {tuple(one.spaces)}"
        )
    agent: Any = one.agent
    _copy(_theirs(family, model), _ours(family, agent))
    if normalized:
        _standardize(family, agent, normalizer.obs_rms)
    if family in ("DQN", "SAC", "TD3"):
        agent.adopted = True  # so it does not begin at random
    return one


def _constructor(family: str, one: Learner) -> dict[str, Any]:
    """Arguments of Stable-Baselines3's class for the network of a learner."""
    cfg = one.run.agent
    made: dict[str, Any] = {"learning_rate": cfg.lr, "gamma": cfg.gamma, "seed": one.run.seed, "device": "cpu"}
    net: dict[str, Any] = {"activation_fn": ACTIVATIONS[cfg.activation], "net_arch": list(cfg.hidden)}
    if family not in ("PPO", "A2C"):
        made["buffer_size"] = cfg.capacity
    if family in ("SAC", "TD3"):
        net |= {"net_arch": {"pi": list(cfg.hidden), "qf": list(cfg.critic_hidden)}, "n_critics": cfg.critics}
    if family == "PPO":
        made |= {"n_steps": cfg.horizon, "batch_size": cfg.minibatch}
    if family == "SAC":  # which asks an environment for its target, if there is none
        entropy = {"target_entropy": float(one.agent.target_entropy)}  # type: ignore[attr-defined]
        made |= entropy if cfg.alpha is None else {**entropy, "ent_coef": cfg.alpha}
    return made | {"policy_kwargs": net}


def _described(family: str, model: Any) -> dict[str, Any]:
    """Settings of a learner for the network of a model.

    Raises:
        UsageError: if it has none like it.
    """
    policy, names = model.policy, {kind: name for name, kind in ACTIVATIONS.items()}
    activation = names.get(policy.activation_fn)
    if activation is None:
        known = ", ".join(ACTIVATIONS)
        raise UsageError(f"layers with {policy.activation_fn.__name__} do not go over; those with {known} do")
    actor, critic = (policy.net_arch, policy.net_arch)
    if isinstance(policy.net_arch, dict):
        actor, critic = policy.net_arch.get("pi", []), policy.net_arch.get("qf", policy.net_arch.get("vf", []))
    made: dict[str, Any] = {"activation": activation, "hidden": tuple(actor)}
    if family in ("SAC", "TD3"):
        made |= {"critic_hidden": tuple(critic), "critics": policy.critic.n_critics}
    elif actor != critic:
        raise UsageError(f"the policy's layers {actor} and those of its values {critic} must be alike to go over")
    if family in ("PPO", "A2C"):
        made["scale_actions"] = False
    if family == "SAC" and model.log_ent_coef is None:
        made["alpha"] = float(model.ent_coef_tensor)
    return made


def _ours(family: str, agent: Any) -> list[Tensor]:
    """The weights of a learner, as views, in the order of `_theirs`."""
    net = agent.net
    if family == "DQN":
        return [x for one in (net, agent.target_net) for x in _weights(one.trunk, one.advantage)]
    if family in ("PPO", "A2C"):
        found = _weights(net.policy_trunk, net.policy_head.linear, net.value_trunk, net.value_head)
        return [*found, net.policy_head.log_std.data] if hasattr(net.policy_head, "log_std") else found
    if family == "TD3":
        actors = [_halves(one)[:-2] for one in (net, agent.slow_net)]
        return [*actors[0], *actors[1], *_critics(agent.critics), *_critics(agent.slow)]
    alpha = [agent.log_alpha.data] if agent.cfg.alpha is None else []
    return [*_halves(net), *_critics(agent.critics), *_critics(agent.slow), *alpha]


def _theirs(family: str, model: Any) -> list[Tensor]:
    """The weights of a model of Stable-Baselines3, as views."""
    policy = model.policy
    if family == "DQN":
        return _weights(policy.q_net.q_net, policy.q_net_target.q_net)
    if family in ("PPO", "A2C"):
        layers = policy.mlp_extractor
        found = _weights(layers.policy_net, policy.action_net, layers.value_net, policy.value_net)
        return [*found, policy.log_std.data] if isinstance(model.action_space, spaces.Box) else found
    critics = _weights(*policy.critic.q_networks, *policy.critic_target.q_networks)
    if family == "TD3":
        return [*_weights(policy.actor.mu, policy.actor_target.mu), *critics]
    actor = policy.actor
    alpha = [] if model.log_ent_coef is None else [model.log_ent_coef.data]
    return [*_weights(actor.latent_pi, actor.mu, actor.log_std), *critics, *alpha]


def _weights(*modules: nn.Module) -> list[Tensor]:
    return [parameter.data for module in modules for parameter in module.parameters()]


def _halves(net: Any) -> list[Tensor]:
    """The weights of a squashed policy: those of its means before those of its deviations."""
    head = net.policy_head.linear
    (mean, log_std), (mean_bias, log_std_bias) = head.weight.data.chunk(2), head.bias.data.chunk(2)
    return [*_weights(net.policy_trunk), mean, mean_bias, log_std, log_std_bias]


def _critics(critics: Any) -> list[Tensor]:
    """The weights of critics that lie side by side, one critic after the other."""
    layers = [*critics.layers[::2], critics.head]
    count = range(len(critics.head.weight))
    return [x for k in count for layer in layers for x in (layer.weight.data[k], layer.bias.data[k, 0])]


def _copy(source: list[Tensor], target: list[Tensor]) -> None:
    for a, b in zip(source, target, strict=True):
        assert a.shape == b.shape
        b.copy_(a)


@torch.no_grad()
def _place(policy: Any, head: Any) -> None:
    """Let the last layer of a policy give actions in the environment's units, where ours scales what it gives."""
    policy.action_net.weight.mul_(head.scale[:, None])
    policy.action_net.bias.mul_(head.scale).add_(head.shift)
    policy.log_std.add_(head.scale.log())


def _standardize(family: str, agent: Any, moments: Any) -> None:
    """Let a learner standardise observations by the running `moments` of a VecNormalize, as it does with its own."""
    if family in ("SAC", "TD3"):
        encoders = agent.encoders()
    else:
        encoders = [agent.net.encoder, agent.target_net.encoder] if family == "DQN" else [agent.net.encoder]
    mean, var = (torch.as_tensor(x) for x in (moments.mean, moments.var))
    for encoder in encoders:
        own = encoder.standardizers["obs"]
        own.count.fill_(moments.count)
        own.mean.copy_(mean)
        own.m2.copy_(var * moments.count)
        own.shift.copy_(mean)
        own.scale.copy_((var + 1e-8).rsqrt())


def _flat(space: spaces.Space[Any]) -> bool:
    """Whether observations are numbers in a Box, which both libraries take as they are."""
    return isinstance(space, spaces.Box) and space.dtype != np.uint8


def _opened(source: Any, trust: bool) -> tuple[str, Any, Any]:
    """The class, the model, and the VecNormalize of what it observes, if there is one."""
    if not isinstance(source, str | Path):
        return type(source).__name__, source, source.get_vec_normalize_env()
    if not trust:
        raise UsageError(f"{source} would be unpickled, which runs whatever it holds: if you trust it, say trust=True")
    moments = moments_beside(Path(source))
    return *stable_baselines(Path(source)), unpickled(moments) if moments else None


def _sb3(family: str) -> Any:
    try:
        import stable_baselines3
    except ImportError as problem:
        raise UsageError('Stable-Baselines3 is not installed; run: pip install "gymnast[bench]"') from problem
    return getattr(stable_baselines3, family)
