"""Networks: perceptrons, convolutional encoders, initialisation, policies, values, and what describes them."""

from .action_value import ActionValue
from .actor_critic import ActorCritic
from .cnn import impala_cnn, nature_cnn, small_cnn
from .config import (
    ActionValueConfig,
    ActorCriticConfig,
    BoardConfig,
    BoxCriticsConfig,
    CriticsConfig,
    NetConfig,
    PolicyConfig,
    SharedConfig,
    TextConfig,
)
from .critic import Critic
from .critics import ActionCritics, Critics
from .encoder import Encoder
from .mlp import mlp, orthogonal
from .policy import BoxPolicy, DiscretePolicy, Policy, StateNoisePolicy, TextPolicy
from .scorer import Scorer

__all__ = [
    "ActionCritics",
    "ActionValue",
    "ActionValueConfig",
    "ActorCritic",
    "ActorCriticConfig",
    "BoardConfig",
    "BoxCriticsConfig",
    "BoxPolicy",
    "Critic",
    "Critics",
    "CriticsConfig",
    "DiscretePolicy",
    "Encoder",
    "NetConfig",
    "Policy",
    "PolicyConfig",
    "Scorer",
    "SharedConfig",
    "StateNoisePolicy",
    "TextConfig",
    "TextPolicy",
    "impala_cnn",
    "mlp",
    "nature_cnn",
    "orthogonal",
    "small_cnn",
]
