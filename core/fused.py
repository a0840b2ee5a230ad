"""Rollouts of a small network in a native environment as one jitted loop over the whole horizon.

The loop reads the network's weights where torch keeps them and computes what `ActorCritic` computes, equal up to the
rounding of float32. Actions come from a stream of its own, so a run takes other samples than on the torch path, but
always the same ones for the same seed.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numba import njit
from numpy.typing import NDArray
from torch import nn

from . import rng
from .heads import CategoricalHead, GaussianHead
from .jit import instantiate
from .nets import ActorCritic
from .rng import Stream, normal, uniform

if TYPE_CHECKING:  # in the loop these are the environment's own functions and those of its spaces, see `instantiate`
    reset: Any = None
    step: Any = None
    observe: Any = None
    encode: Any = None
    draw: Any = None
    for_env: Any = None

_HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)


class FusedLoop:
    """The policy `net` acting in `env` for a whole horizon in one call; see `fits` for which ones it takes."""

    def __init__(self, env: Any, net: nn.Module, seed: int) -> None:
        assert isinstance(net, ActorCritic)
        self.env = env.unwrapped
        self.random = rng.stream(seed)
        self._net = net
        flat = _shared_vector(net)
        self._weights = flat.detach().numpy()
        self._policy = _places(flat, net.policy_trunk, net.policy_head)
        self._value = _places(flat, net.value_trunk, net.value_head)
        self._relu = any(isinstance(m, nn.ReLU) for m in net.policy_trunk.modules())
        self._standardize = next(iter(net.encoder.standardizers.values()), None)
        discrete = isinstance(net.policy_head, CategoricalHead)
        self.action_shape = () if discrete else tuple(env.single_action_space.shape or ())
        self.action_dtype = np.dtype(np.int64 if discrete else np.float32)
        space = env.single_action_space
        bounds = (space.low, space.high) if isinstance(space, spaces.Box) else (np.zeros(0, np.float32),) * 2
        self._low, self._high = (bound.ravel() for bound in bounds)
        n, width = env.num_envs, int(max(self._policy[:, 2:].max(), self._value[:, 2:].max(), net.encoder.size))
        self._scratch = np.zeros((5, n, width), np.float32)
        self._features = net.encoder.size
        one_hot = isinstance(env.single_observation_space, spaces.Discrete)
        kernel = self.env.kernel
        self._roll = instantiate(
            roll,
            kernel.name,
            reset=kernel.reset,
            step=kernel.step,
            observe=kernel.observe,
            encode=encode_index if one_hot else encode_row,
            draw=draw_categorical if discrete else draw_gaussian,
            for_env=as_index if discrete else clipped,
        )

    def fill(
        self,
        obs: NDArray,
        action: NDArray,
        logp: NDArray[np.float32],
        value: NDArray[np.float32],
        reward: NDArray[np.float64],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> tuple[NDArray[np.int64], NDArray]:
        """Act for T steps from obs[0], writing into all of them; returns where episodes ended, and how they ended."""
        steps, n = reward.shape
        env = self.env
        final_at = np.empty((steps * n, 2), np.int64)
        final_obs = np.empty((steps * n, *obs.shape[2:]), obs.dtype)
        shift, scale = _moments(self._standardize, self._features)
        ends = self._roll(
            obs.reshape(steps + 1, n, -1), action.reshape(steps, n, -1), logp, value, reward, terminated, truncated,
            final_at, final_obs.reshape(steps * n, -1),
            env.state, env.elapsed, env.rng, env.kernel.params, env.max_episode_steps,
            self._weights, self._policy, self._value, self._relu, shift, scale, _log_std(self._net),
            self._low, self._high, self.random, self._scratch,
        )  # fmt: skip
        return final_at[:ends].copy(), final_obs[:ends].copy()


def fits(env: Any, net: Any) -> bool:
    """Whether the loop can stand in for `net` acting in `env`: a native environment, an MLP on the CPU."""
    kernel = getattr(env, "kernel", None)
    if not isinstance(net, ActorCritic) or kernel is None or kernel.mask is not None:
        return False
    if env.metadata.get("autoreset_mode") is not AutoresetMode.SAME_STEP:
        return False
    plain = type(net.policy_head) in (CategoricalHead, GaussianHead) and not net.encoder.cnns
    return plain and next(net.parameters()).device.type == "cpu"


def _shared_vector(net: ActorCritic) -> torch.Tensor:
    """The one vector that all weights are views of (`core.optim.flatten`)."""
    first = next(net.parameters())
    size = sum(p.numel() for p in net.parameters())
    storage = first.untyped_storage()
    assert all(p.untyped_storage().data_ptr() == storage.data_ptr() for p in net.parameters())
    return torch.empty(0).set_(storage, 0, (size,), (1,))


def _places(flat: torch.Tensor, *parts: nn.Module) -> NDArray[np.int64]:
    """(L, 4) where each layer's weight and bias begin in `flat`, its inputs and its outputs."""
    layers = [module for part in parts for module in part.modules() if isinstance(module, nn.Linear)]

    def start(parameter: torch.Tensor) -> int:
        return (parameter.data_ptr() - flat.data_ptr()) // flat.element_size()

    return np.array([(start(m.weight), start(m.bias), m.in_features, m.out_features) for m in layers])


def _moments(standardize: nn.Module | None, size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shift and scale of the observations; empty where they are taken as they are."""
    if standardize is None:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    buffers = dict(standardize.named_buffers())
    return buffers["shift"].numpy().ravel(), buffers["scale"].numpy().ravel()


def _log_std(net: ActorCritic) -> NDArray[np.float32]:
    head = net.policy_head
    return head.log_std.detach().numpy() if isinstance(head, GaussianHead) else np.zeros(0, np.float32)


def roll(  # type: ignore[no-untyped-def]
    obs, action, logp, value, reward, terminated, truncated, final_at, final_obs,
    state, elapsed, streams, params, limit,
    weights, policy, critic, relu, shift, scale, log_std, low, high, random, scratch,
):  # fmt: skip
    """T steps of N environments; returns how many episodes ended."""
    steps, n = reward.shape
    ends = 0
    for t in range(steps):
        for i in range(n):
            encode(obs[t, i], shift, scale, scratch[0, i])
        pi = forward(weights, policy, relu, scratch[0], scratch[1], scratch[2])
        v = forward(weights, critic, relu, scratch[0], scratch[3], scratch[4])
        for i in range(n):
            value[t, i] = v[i, 0]
            logp[t, i] = draw(pi[i], log_std, action[t, i], policy[-1, 3], random)
            reward[t, i], terminated[t, i] = step(state[i], params, for_env(action[t, i], low, high), streams[i])
            elapsed[i] += 1
            truncated[t, i] = elapsed[i] >= limit
            if terminated[t, i] or truncated[t, i]:
                final_at[ends, 0], final_at[ends, 1] = t, i
                observe(state[i], params, final_obs[ends])
                ends += 1
                reset(state[i], params, streams[i])
                elapsed[i] = 0
            observe(state[i], params, obs[t + 1, i])
    return ends


@njit(nogil=True, fastmath=True)
def forward(weights, layers, relu, x, a, b):  # type: ignore[no-untyped-def]
    """A perceptron on N rows `x`, layer by layer into `a` and `b` in turns; returns the one that holds its outputs."""
    source, target = x, a
    for k in range(len(layers)):
        w, bias, inputs, outputs = layers[k, 0], layers[k, 1], layers[k, 2], layers[k, 3]
        target = a if k % 2 == 0 else b
        hidden = k < len(layers) - 1
        for o in range(outputs):
            row = weights[w + o * inputs : w + (o + 1) * inputs]
            for i in range(len(x)):
                total = weights[bias + o]
                for j in range(inputs):
                    total += row[j] * source[i, j]
                target[i, o] = total
        if hidden:
            for i in range(len(x)):
                activate(target[i, :outputs], relu)
        source = target
    return source


@njit(nogil=True, fastmath=True)
def activate(x, relu):  # type: ignore[no-untyped-def]
    """ReLU, or tanh by the rational function of Eigen's `ptanh_float` (within 3 units in the last place), in place."""
    if relu:
        for j in range(len(x)):
            x[j] = max(x[j], np.float32(0.0))
        return
    for j in range(len(x)):
        y = min(max(x[j], np.float32(-7.90531110763549805)), np.float32(7.90531110763549805))
        s = y * y
        p = np.float32(-2.76076847742355e-16)
        p = p * s + np.float32(2.00018790482477e-13)
        p = p * s + np.float32(-8.60467152213735e-11)
        p = p * s + np.float32(5.12229709037114e-08)
        p = p * s + np.float32(1.48572235717979e-05)
        p = p * s + np.float32(6.37261928875436e-04)
        p = p * s + np.float32(4.89352455891786e-03)
        q = np.float32(1.19825839466702e-06)
        q = q * s + np.float32(1.18534705686654e-04)
        q = q * s + np.float32(2.26843463243900e-03)
        q = q * s + np.float32(4.89352518554385e-03)
        x[j] = y * p / q


@njit(nogil=True)
def encode_row(obs, shift, scale, x):  # type: ignore[no-untyped-def]
    """A Box observation, standardised as `Standardize` does it if there are moments."""
    for j in range(len(obs)):
        x[j] = obs[j]
        if len(shift):
            x[j] = min(max((obs[j] - shift[j]) * scale[j], np.float32(-10.0)), np.float32(10.0))


@njit(nogil=True)
def encode_index(obs, shift, scale, x):  # type: ignore[no-untyped-def]
    """A Discrete observation as one-hot."""
    x[:] = 0.0
    x[obs[0]] = 1.0


@njit(nogil=True)
def draw_categorical(logits: NDArray, log_std: NDArray, action: NDArray, count: int, random: Stream) -> float:
    """Write an action drawn from softmax(logits[:count]) into `action` (1,); its log-probability."""
    top = logits[:count].max()
    total = 0.0
    for j in range(count):
        total += math.exp(logits[j] - top)
    left = uniform(random) * total
    chosen = count - 1
    for j in range(count):
        left -= math.exp(logits[j] - top)
        if left < 0.0:
            chosen = j
            break
    action[0] = chosen
    return logits[chosen] - top - math.log(total)


@njit(nogil=True)
def draw_gaussian(mean: NDArray, log_std: NDArray, action: NDArray, count: int, random: Stream) -> float:
    """Write an action drawn from N(mean[:count], exp(log_std)) into `action` (count,); its log-density."""
    logp = 0.0
    for j in range(count):
        z = normal(random)
        action[j] = mean[j] + math.exp(log_std[j]) * z
        logp -= 0.5 * z * z + log_std[j] + _HALF_LOG_TAU
    return logp


@njit(nogil=True)
def as_index(action, low, high):  # type: ignore[no-untyped-def]
    """A Discrete action as the environment takes it."""
    return action[0]


@njit(nogil=True)
def clipped(action, low, high):  # type: ignore[no-untyped-def]
    """A Box action as the environment takes it."""
    return np.minimum(np.maximum(action, low), high)
