"""Networks: multilayer perceptrons, convolutional encoders, initialisation, the actor-critic."""

from .actor_critic import ActorCritic
from .cnn import impala_cnn, nature_cnn
from .critic import Critic
from .encoder import Encoder
from .mlp import mlp, orthogonal

__all__ = ["ActorCritic", "Critic", "Encoder", "impala_cnn", "mlp", "nature_cnn", "orthogonal"]
