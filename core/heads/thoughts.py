"""Numbers by which people can see a distribution over actions."""

from torch import Tensor

from .distributions import Categorical, Gaussian, Samples
from .multimodal import Autoregressive, Mixture
from .squashed import Squashed


def thoughts_of(pi: Samples) -> dict[str, Tensor]:
    """Probabilities (N, A) of Discrete actions, or the middle (N, D) of Box actions and its deviation.

    That of a Gaussian squashed into a box is half the width of what lies within one standard deviation of its middle.
    """
    match pi:
        case Categorical():
            return {"action probability": pi.logp.exp()}
        case Gaussian():
            return {"mean action": pi.mean, "std": pi.log_std.exp().expand_as(pi.mean)}
        case Squashed():
            return {"mean action": pi.mode(), "std": pi.spread()}
        case Mixture() | Autoregressive():
            return {"mean action": pi.mode()}
    return {}
