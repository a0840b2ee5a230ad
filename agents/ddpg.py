"""Deep deterministic policy gradient (DDPG): TD3 with one critic, and without its delay and smoothing.

Lillicrap et al. 2015, arXiv:1509.02971; exploring with independent noise, as later work found to be enough (Fujimoto et
al. 2018, arXiv:1802.09477, section 6.1).
"""

from dataclasses import dataclass

from . import td3
from .td3 import Agent

__all__ = ["Agent", "Config"]


@dataclass(frozen=True)
class Config(td3.Config):
    """Hyper-parameters of DDPG."""

    critics: int = 1
    """Critics that are learned side by side."""
    policy_delay: int = 1
    """Gradient steps of the critics for each one of the policy and the slow copies."""
    smoothing: float = 0.0
    """Standard deviation of the noise on the actions of targets, in units of the box; 0: none."""
