"""Networks: perceptrons, convolutional encoders, initialisation, the actor-critic, action values."""

from .action_value import ActionValue
from .actor_critic import ActorCritic
from .cnn import impala_cnn, nature_cnn, small_cnn
from .critic import Critic
from .encoder import Encoder
from .mlp import mlp, orthogonal
from .policy import Policy

__all__ = [
    "ActionValue",
    "ActorCritic",
    "Critic",
    "Encoder",
    "Policy",
    "impala_cnn",
    "mlp",
    "nature_cnn",
    "orthogonal",
    "small_cnn",
]
