"""Action heads: distributions over actions, and the modules that make them from features."""

from .distributions import Bernoulli, Categorical, Distribution, Gaussian, MultiCategorical
from .modules import BernoulliHead, CategoricalHead, GaussianHead, MultiCategoricalHead, StateDependentNoiseHead
from .of_space import Kind, head

__all__ = [
    "Bernoulli",
    "BernoulliHead",
    "Categorical",
    "CategoricalHead",
    "Distribution",
    "Gaussian",
    "GaussianHead",
    "Kind",
    "MultiCategorical",
    "MultiCategoricalHead",
    "StateDependentNoiseHead",
    "head",
]
