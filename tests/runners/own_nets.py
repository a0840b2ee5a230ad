"""Networks such as a user builds in a module of their own; some that are broken."""

from dataclasses import replace

import torch
from torch import nn

from gymnast.core.games.net import PolicyValueNet
from gymnast.core.nets import ActionValue, ActorCritic, Policy

calls = []
"""Names of the functions here, as they are called."""


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, x):
        return x + self.layer(x).sin()


class Widened(ActorCritic):
    """An actor-critic with one layer more before its heads."""

    def __init__(self, obs, action, cfg):
        super().__init__(obs, action, cfg)
        self.policy_trunk = nn.Sequential(*self.policy_trunk, Residual(cfg.hidden[-1]))


def widened(obs, action, cfg):
    calls.append("widened")
    return Widened(obs, action, cfg)


def clone(obs, action, cfg):
    calls.append("clone")
    net = Policy(obs, action, cfg)
    net.policy_trunk.append(Residual(cfg.hidden[-1]))
    return net


def values(obs, action, cfg):
    calls.append("values")
    net = ActionValue(obs, action, replace(cfg, hidden=(8,)))
    net.register_buffer("random", torch.randn(3))
    return net


class Board(PolicyValueNet):
    """A network of a game whose answers are not those of its layers one after another."""

    def forward(self, planes):
        logits, value = super().forward(planes)
        return 2 * logits, value


def board(obs, action, cfg):
    calls.append("board")
    return Board(obs.game.shape, obs.game.actions, cfg)


def number(obs, action, cfg):
    return 3


def bare(obs, action, cfg):
    return nn.Linear(4, 2)


def blind(obs, action, cfg):
    net = ActorCritic(obs, action, cfg)
    net.encoder = nn.Identity()
    return net
