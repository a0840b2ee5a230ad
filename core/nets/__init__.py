"""Networks: perceptrons, convolutional encoders, initialisation, the actor-critic, action values, the net of a game."""

from .action_value import ActionValue
from .actor_critic import ActorCritic
from .cnn import impala_cnn, nature_cnn, small_cnn
from .critic import Critic
from .encoder import Encoder
from .inference import Inference, inference
from .mlp import mlp, orthogonal
from .policy import Policy
from .policy_value import PolicyValueNet

__all__ = [
    "ActionValue",
    "ActorCritic",
    "Critic",
    "Encoder",
    "Inference",
    "Policy",
    "PolicyValueNet",
    "impala_cnn",
    "inference",
    "mlp",
    "nature_cnn",
    "orthogonal",
    "small_cnn",
]
