"""Networks: multilayer perceptrons, convolutional encoders, initialisation, the actor-critic, the net of a game."""

from .actor_critic import ActorCritic
from .cnn import impala_cnn, nature_cnn
from .encoder import Encoder
from .mlp import mlp, orthogonal
from .policy import Policy
from .policy_value import PolicyValueNet

__all__ = [
    "ActorCritic",
    "Encoder",
    "Policy",
    "PolicyValueNet",
    "impala_cnn",
    "mlp",
    "nature_cnn",
    "orthogonal",
]
