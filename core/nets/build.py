"""Networks of somebody's own in place of those here: what agents ask of them, and the one place where it is checked.

Such a network is a subclass of the public class of its kind, one of these with parts replaced, or any module that has
the members below.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, cast

from gymnasium import spaces
from torch import Generator, Tensor, nn

from ..errors import UsageError
from ..heads import Density
from .encoder import Encoder

Build = Callable[[spaces.Space[Any], spaces.Space[Any], Any], nn.Module]
"""From the spaces of observations and actions, and the algorithm's Config."""


class ActorCriticLike(Protocol):
    """A policy and a value function over one encoder, as `ActorCritic` is.

    `policy` and `value` are the heads of the trunks of the encoder: some algorithms learn these parts one by one.
    """

    encoder: Encoder
    policy_trunk: nn.Module
    policy_head: nn.Module
    value_trunk: nn.Module
    value_head: nn.Module
    action_shape: tuple[int, ...]
    masked: bool

    def forward(self, obs: Tensor) -> tuple[Density, Tensor]: ...
    def policy(self, obs: Tensor) -> tuple[Density, Tensor]: ...
    def value(self, obs: Tensor) -> Tensor: ...


class PolicyLike(Protocol):
    """A policy alone, as `Policy` is."""

    encoder: Encoder
    policy_trunk: nn.Module
    policy_head: nn.Module
    action_shape: tuple[int, ...]
    masked: bool

    def forward(self, obs: Tensor) -> Density: ...


class ActionValueLike(Protocol):
    """Action values, as `ActionValue` is."""

    encoder: Encoder
    masked: bool
    epsilon: Tensor
    returns: Tensor

    def forward(self, obs: Tensor) -> Tensor: ...
    def values(self, out: Tensor) -> Tensor: ...
    def greedy(self, obs: Tensor, out: Tensor) -> Tensor: ...
    def resample(self, generator: Generator) -> None: ...
    def adopt(self, weights: Mapping[str, Any]) -> None: ...


class PolicyValueLike(Protocol):
    """Logits and values of the positions of a game, as `PolicyValueNet` has them."""

    convolutional: bool

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]: ...
    def with_reply(self, planes: Tensor) -> tuple[Tensor, Tensor, Tensor]: ...
    def frozen(self) -> nn.Module: ...


N = TypeVar("N", bound=nn.Module)


def built(
    kind: type[N], like: type, obs: spaces.Space[Any], action: spaces.Space[Any], cfg: Any, build: Build | None
) -> N:
    """A network of `kind`, or what `build` makes in its place.

    Raises:
        UsageError: if that is no module, or lacks a member of `like`.
    """
    return kind(obs, action, cfg) if build is None else own(kind, like, obs, action, cfg, build)


def own(kind: type[N], like: type, obs: spaces.Space[Any], action: spaces.Space[Any], cfg: Any, build: Build) -> N:
    """The network that `build` makes in place of one of `kind`.

    Raises:
        UsageError: if that is no module, or lacks a member of `like`.
    """
    net: Any = build(obs, action, cfg)
    name = getattr(build, "__qualname__", repr(build))
    if not isinstance(net, nn.Module):
        raise UsageError(f"net {name} gave a {type(net).__name__}; it must give a torch.nn.Module")
    members = [*like.__annotations__, *(member for member in vars(like) if not member.startswith("_"))]
    missing = [member for member in members if not hasattr(net, member)]
    if missing:
        raise UsageError(
            f"net {name} gave a {type(net).__name__} without {', '.join(missing)}, which the algorithm asks of it; "
            f"inherit from {kind.__name__} and replace what you want"
        )
    if "encoder" in members and not isinstance(net.encoder, Encoder):
        raise UsageError(f"net {name}: encoder is a {type(net.encoder).__name__}; it must inherit from Encoder")
    return cast(N, net)
