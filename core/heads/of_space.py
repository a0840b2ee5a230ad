"""The head for an action space."""

from typing import Any, Literal

from gymnasium import spaces
from torch import nn

from ..errors import UsageError
from . import multimodal, squashed
from .modules import BernoulliHead, CategoricalHead, GaussianHead, MultiCategoricalHead, StateDependentNoiseHead

Kind = Literal["plain", "squashed", "mixture", "autoregressive"]
"""Kinds of head for Box actions: one Gaussian, one inside the bounds, several, or bins, one component after another."""


def head(
    features: int,
    space: spaces.Space[Any],
    log_std_init: float = 0.0,
    sde: bool = False,
    kind: Kind = "plain",
    components: int = 5,
    bins: int = 21,
    scaled: bool = True,
) -> nn.Module:
    """The `Head` from features (B, `features`) to a distribution over `space`; `scaled` as in `Boxed`.

    Raises:
        UsageError: for an action space without a head, `sde` or another `kind` on one that is not a Box, or both.
    """
    if sde and kind != "plain":
        raise UsageError(f"state-dependent exploration (sde) needs a plain head, not {kind}. Set sde to false.")
    if (sde or kind != "plain") and not isinstance(space, spaces.Box):
        asked = f"a {kind} head" if kind != "plain" else "state-dependent exploration (sde)"
        remedy = "Use head plain." if kind != "plain" else "Set sde to false."
        raise UsageError(f"{asked} needs a Box action space, not {space}. {remedy}")
    match space:
        case spaces.Discrete():
            return CategoricalHead(features, space)
        case spaces.MultiDiscrete() if space.nvec.ndim == 1:
            return MultiCategoricalHead(features, space)
        case spaces.MultiBinary() if len(space.shape) == 1:
            return BernoulliHead(features, space)
        case spaces.Box() if sde:
            return StateDependentNoiseHead(features, space, log_std_init, scaled)
        case spaces.Box():
            return _box_head(features, space, kind, components, bins, log_std_init, scaled)
    raise UsageError(
        f"no policy head for the action space {space}; supported are Discrete, Box, and MultiDiscrete and "
        "MultiBinary of one dimension. Wrap the environment so that it takes one of them."
    )


def _box_head(
    features: int, space: spaces.Box, kind: Kind, components: int, bins: int, log_std_init: float, scaled: bool
) -> nn.Module:
    match kind:
        case "plain":
            return GaussianHead(features, space, log_std_init, scaled)
        case "squashed":
            return squashed.SquashedHead(features, space, log_std_init)
        case "mixture":
            return multimodal.MixtureHead(features, space, components, log_std_init, scaled)
        case "autoregressive":
            if log_std_init:
                raise UsageError("an autoregressive head has bins, not a standard deviation. Leave out log_std_init.")
            return multimodal.AutoregressiveHead(features, space, bins)
