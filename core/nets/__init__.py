"""Networks: multilayer perceptrons, convolutional encoders, initialisation, the actor-critic."""

from .actor_critic import ActorCritic
from .cnn import impala_cnn, nature_cnn
from .encoder import Encoder
from .mlp import mlp, orthogonal
from .policy import Policy

__all__ = ["ActorCritic", "Encoder", "Policy", "impala_cnn", "mlp", "nature_cnn", "orthogonal"]
