"""Networks: multilayer perceptrons, convolutional encoders, initialisation, the actor-critic, action values."""

from .action_value import ActionValue
from .actor_critic import ActorCritic
from .cnn import impala_cnn, nature_cnn, small_cnn
from .encoder import Encoder
from .mlp import mlp, orthogonal

__all__ = ["ActionValue", "ActorCritic", "Encoder", "impala_cnn", "mlp", "nature_cnn", "orthogonal", "small_cnn"]
