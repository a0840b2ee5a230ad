"""Action heads: distributions over actions, and the modules that make them from features."""

from .distributions import Bernoulli, Categorical, Density, Gaussian, MultiCategorical, Natural, Samples
from .modules import (
    BernoulliHead,
    Boxed,
    CategoricalHead,
    GaussianHead,
    Head,
    MultiCategoricalHead,
    StateDependentNoiseHead,
)
from .of_space import Kind, head

__all__ = [
    "Bernoulli",
    "BernoulliHead",
    "Boxed",
    "Categorical",
    "CategoricalHead",
    "Density",
    "Gaussian",
    "GaussianHead",
    "Head",
    "Kind",
    "MultiCategorical",
    "MultiCategoricalHead",
    "Natural",
    "Samples",
    "StateDependentNoiseHead",
    "head",
]
