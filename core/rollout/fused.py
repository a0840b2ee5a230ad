"""Small networks as jitted loops that read their weights where torch keeps them.

They compute what `ActorCritic` and `ActionValue` compute, equal up to the rounding of float32, at a tenth of the cost.
Actions come from a stream of their own, so a run takes other samples than on the torch path, but always the same ones
for the same seed. In a native environment the whole horizon is one call: forward, sample, step, record.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numba import njit
from numpy.typing import NDArray
from torch import nn

from ..acting import Memoryless
from ..heads import CategoricalHead, GaussianHead
from ..heads.squashed import SquashedHead
from ..jitted import rng
from ..jitted.greedy import choose
from ..jitted.instantiate import instantiate
from ..mirror import Mirror
from ..nets import ActionValue, ActorCritic, BoxPolicy
from ..nets.encoder import Encoder
from ..nets.normalize import Standardize
from ..written_out.actor_critics import policy as box_policy
from ..written_out.perceptron import places, shared_vector
from ..written_out.regression import VALUES
from ..written_out.structure import (
    ACTOR_CRITIC,
    ENCODER,
    LAYERS,
    Structure,
    bare,
    perceptron,
    policy,
    rectified,
    weightless,
)
from .policies import (
    Acted,
    Layers,
    Moments,
    act,
    act_greedily,
    act_inside,
    draw_around,
    draw_categorical,
    draw_gaussian,
    draw_squashed,
    encode_index,
    encode_row,
)

if TYPE_CHECKING:  # in the loop these are the environment's own functions, see `instantiate`
    reset: Any = None
    step: Any = None
    observe: Any = None
    act_all: Any = None
    for_env: Any = None

# Products of weights and features per step, above which torch's matrix products make up for the cost of calling them:
# 85 us a step, while the loops do 11 GFLOP/s and torch 50.
_SMALL = 600_000
_NOTHING = np.empty(0, np.float32)

_SEEN = Mirror(Standardize.__module__, {"Standardize.forward": "3145125c"}, ENCODER)
SAMPLED = Mirror(
    CategoricalHead.__module__, {"Categorical.sample": "af8a6292", "Gaussian.sample": "a9acdf0d"}, ACTOR_CRITIC, _SEEN
)
INSIDE = Mirror(
    SquashedHead.__module__,
    {
        "SquashedHead.forward": "4f7ea32a",
        "Squashed.sample": "0029bd60",
        "Squashed.mode": "6fe454bf",
        "Squashed._inner": "8f2f68c2",
        "Gaussian.sample": "a9acdf0d",
    },
    Mirror(BoxPolicy.__module__, {"BoxPolicy.forward": "55fe049f"}, LAYERS),
    _SEEN,
)
GREEDY = Mirror(choose.__module__, {"choose": "1d03f8d8", "choose_all": "2e295517"}, VALUES, _SEEN)

_MIRRORS: dict[type[nn.Module], Mirror] = {ActionValue: GREEDY, ActorCritic: SAMPLED, BoxPolicy: INSIDE}


class Columns(NamedTuple):
    """Columns that a rollout of T steps writes."""

    obs: NDArray[Any]
    """(T + 1, N, F), the first row is there already."""
    acted: Acted
    reward: NDArray[np.float64]
    """(T, N)"""
    terminated: NDArray[np.bool_]
    """(T, N)"""
    truncated: NDArray[np.bool_]
    """(T, N)"""
    final_at: NDArray[np.int64]
    """(T * N, 2), as many rows as episodes end."""
    final_obs: NDArray[Any]
    """(T * N, F), likewise."""


class Simulators(NamedTuple):
    """N native environments."""

    state: NDArray[Any]
    elapsed: NDArray[np.int64]
    streams: NDArray[np.uint64]
    params: Any
    limit: int
    """Steps after which an episode is cut off."""
    low: NDArray[Any]
    high: NDArray[Any]
    """Bounds of the actions."""


class FusedActor(Memoryless):
    """The policy `net` acting in `envs` environments; see `fits` for which ones it takes.

    It remembers nothing from step to step: its state is its stream of random numbers.
    """

    def __init__(self, net: nn.Module, envs: int, seed: int, noise: float | None = None) -> None:
        """`noise` is the deviation of what a `BoxPolicy` adds to the middle, in half widths; none: it draws."""
        found = layers(net)
        assert isinstance(net, ActorCritic | ActionValue | BoxPolicy)
        assert found is not None
        self.random = rng.stream(seed)
        self._net, self._structure = net, Structure(net)
        flat = shared_vector(net)
        self._weights = flat.detach().numpy()
        self._standardize = next(iter(net.encoder.standardizers.values()), None)
        self._policy, self._value = (places(flat, modules) for modules in found)
        self._relu = rectified(found[0])
        one_hot = isinstance(net.encoder.layout.space, spaces.Discrete)
        encoding = {"encode": encode_index if one_hot else encode_row}
        name = "one_hot" if one_hot else "row"
        if isinstance(net, ActionValue):
            self.discrete = True
            self.extras: tuple[str, ...] = ()
            self.jitted = instantiate(act_greedily, name, **encoding)
        elif isinstance(net, BoxPolicy):
            self.discrete, self.extras = False, ()
            name += "_squashed" if noise is None else "_around"
            inside = draw_squashed if noise is None else draw_around
            self.jitted = instantiate(act_inside, name, **encoding, draw=inside)
        else:
            self.discrete = isinstance(net.policy_head, CategoricalHead)
            self.extras = ("logp", "value")
            draws = draw_categorical if self.discrete else draw_gaussian
            name += "_categorical" if self.discrete else "_gaussian"
            self.jitted = instantiate(act, name, **encoding, draw=draws)
        self.action_shape: tuple[int, ...] = () if isinstance(net, ActionValue) else net.action_shape
        self._noise = np.array([noise or 0.0])
        self.action_dtype = np.dtype(np.int64 if self.discrete else np.float32)
        width = int(max(self._policy[:, 2:].max(), self._value[:, 2:].max(), net.encoder.size))
        self.scratch = np.zeros((5, envs, width), np.float32)

    def __call__(self, obs: NDArray[Any], first: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """Outputs of the readable acting for stored observations (N, *obs): "action" and the `extras`."""
        n = len(obs)
        action = np.empty((n, *self.action_shape), self.action_dtype)
        extras = {name: np.empty(n, np.float32) for name in self.extras}
        logp, value = (extras.get(name, _NOTHING) for name in ("logp", "value"))
        *layers, moments, exploration = self.layers()
        network = (*layers, *moments, exploration)
        self.jitted(obs.reshape(n, -1), action.reshape(n, -1), logp, value, *network, self.random, self.scratch)
        return {"action": action, **extras}

    def holds(self) -> bool:
        """Whether the network still has the layers that the loop computes; whether their functions, a mirror tells."""
        return self._structure.stands()

    def parts(self) -> dict[str, Any]:
        """The stream of random numbers."""
        return {"random": self.random}

    def layers(self) -> Layers:
        """The network as it is now."""
        moments, exploration = _moments(self._standardize), _exploration(self._net, self._noise)
        return Layers(self._weights, self._policy, self._value, self._relu, moments, exploration)


class FusedLoop:
    """An actor in a native environment for a whole horizon in one call."""

    def __init__(self, env: Any, actor: FusedActor) -> None:
        self.env, self.actor = env.unwrapped, actor
        space = env.single_action_space
        bounds = (space.low, space.high) if isinstance(space, spaces.Box) else (np.zeros(0, np.float32),) * 2
        self._low, self._high = (bound.ravel() for bound in bounds)
        kernel = self.env.kernel
        self._roll = instantiate(
            roll,
            kernel.name,
            reset=kernel.reset,
            step=kernel.step,
            observe=kernel.observe,
            act_all=actor.jitted,
            for_env=as_index if actor.discrete else clipped,
        )

    def fill(
        self,
        obs: NDArray[Any],
        columns: dict[str, NDArray[Any]],
        reward: NDArray[np.float64],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Act for T steps from obs[0], writing into all of them; returns where episodes ended, and how they ended.

        `columns` are "action" (T, N, *act) and the actor's extras (T, N).
        """
        steps, n = reward.shape
        action = columns["action"]
        logp, value = (columns.get(name, np.empty((steps, 0), np.float32)) for name in ("logp", "value"))
        env = self.env
        final_at = np.empty((steps * n, 2), np.int64)
        final_obs = np.empty((steps * n, *obs.shape[2:]), obs.dtype)
        acted = Acted(action.reshape(steps, n, -1), logp, value)
        rows, final_rows = obs.reshape(steps + 1, n, -1), final_obs.reshape(steps * n, -1)
        recorded = Columns(rows, acted, reward, terminated, truncated, final_at, final_rows)
        params, limit = env.kernel.params, env.max_episode_steps
        simulators = Simulators(env.state, env.elapsed, env.rng, params, limit, self._low, self._high)
        actor = self.actor
        # as plain tuples, which Numba takes apart in a third of the time
        ends = self._roll(tuple(recorded), tuple(simulators), tuple(actor.layers()), actor.random, actor.scratch)
        return final_at[:ends].copy(), final_obs[:ends].copy()


def fused(net: nn.Module, envs: int, seed: int, noise: float | None = None) -> FusedActor | None:
    """The jitted actor for `net` in `envs` environments, or None where the network acts by itself."""
    return FusedActor(net, envs, seed, noise) if fits(net, envs) else None


def fits(net: nn.Module, envs: int) -> bool:
    """Whether a jitted loop should compute `net`: a small MLP on the CPU that sees one Box or Discrete, unmasked."""
    small = envs * sum(p.numel() for p in net.parameters()) <= _SMALL
    return small and layers(net) is not None and _shown(net)


def layers(net: nn.Module) -> tuple[list[Any], list[Any]] | None:
    """The `perceptron`s of policy and value (for action values the same) if the loops know `net`."""
    if type(net) not in (ActorCritic, ActionValue, BoxPolicy) or not _sees(net._modules["encoder"]):
        return None
    parts = net._modules
    if type(net) is ActionValue:
        pi = value = perceptron(parts["trunk"], parts["advantage"]) if net.plain and bare(net) else None
    elif type(net) is BoxPolicy:
        pi = value = box_policy(net)
    else:
        pi, value = policy(net), perceptron(parts["value_trunk"], parts["value_head"])
    if pi is None or value is None or rectified(pi) != rectified(value):
        return None
    return pi, value


def _shown(net: nn.Module) -> bool:
    return _MIRRORS[type(net)].shows()


def _sees(encoder: Any) -> bool:
    """Whether the loops know what `encoder` makes of observations."""
    if type(encoder) is not Encoder or not (bare(encoder) and weightless(encoder)):
        return False
    for standardize in encoder.standardizers.values():
        if type(standardize) is not Standardize or not bare(standardize):
            return False
    space = encoder.layout.space
    return isinstance(space, spaces.Box) or (isinstance(space, spaces.Discrete) and space.start == 0)


def is_native(env: Any) -> bool:
    """Whether `FusedLoop` does what `env.step` does: what a wrapper, a subclass or a patch adds it would leave out."""
    kernel = getattr(env, "looped", None) if env.unwrapped is env else None
    same_step = env.metadata.get("autoreset_mode") is AutoresetMode.SAME_STEP
    return same_step and kernel is not None and kernel.mask is None


def _moments(standardize: nn.Module | None) -> Moments:
    if standardize is None:
        return Moments(np.zeros(0, np.float32), np.zeros(0, np.float32))
    buffers = dict(standardize.named_buffers())
    return Moments(buffers["shift"].numpy().ravel(), buffers["scale"].numpy().ravel())


def _exploration(net: ActorCritic | ActionValue | BoxPolicy, noise: NDArray[np.float64]) -> Any:
    if isinstance(net, ActionValue):
        return net.epsilon.numpy()
    if isinstance(net, BoxPolicy):
        box: Any = net.policy_head
        return box.shift.numpy(), box.scale.numpy(), noise
    head = net.policy_head
    if not isinstance(head, GaussianHead):
        return _NOTHING
    return head.log_std.detach().numpy(), head.shift.numpy(), head.scale.numpy()


def roll(columns, envs, layers, random, scratch):  # type: ignore[no-untyped-def]
    """T steps of N environments; returns how many episodes ended."""
    obs, acted, reward, terminated, truncated, final_at, final_obs = columns
    action, logp, value = acted  # taken apart once: each look into a tuple counts references to an array
    weights, policy, critic, relu, (shift, scale), exploration = layers
    state, elapsed, streams, params, limit, low, high = envs
    steps, n = reward.shape
    ends = 0
    for t in range(steps):
        act_all(
            obs[t], action[t], logp[t], value[t], weights, policy, critic, relu, shift, scale, exploration, random,
            scratch,
        )  # fmt: skip
        for i in range(n):
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


@njit(nogil=True)
def as_index(action, low, high):  # type: ignore[no-untyped-def]
    """A Discrete action as the environment takes it."""
    return action[0]


@njit(nogil=True)
def clipped(action, low, high):  # type: ignore[no-untyped-def]
    """A Box action as the environment takes it."""
    return np.minimum(np.maximum(action, low), high)
