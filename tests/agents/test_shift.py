"""SAC and TD3 that learn from images moved at random (DrQ)."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.agents import sac, td3
from gymnast.core.errors import UsageError
from gymnast.core.nets.shift import shifted
from gymnast.core.rollout.engine import Rollout
from playing import collect
from probes import Anything

IMAGE, BOX = spaces.Box(0, 255, (8, 8, 1), np.uint8), spaces.Box(-1, 1, (2,), np.float32)
SMALL = {"hidden": (8,), "critic_hidden": (8,), "minibatch": 8, "learning_starts": 8, "horizon": 4}
both = pytest.mark.parametrize("module", [sac, td3])


def shown(module, shift, monkeypatch):
    """Minibatches that an agent learns from, and the agent."""
    env = SyncVectorEnv([lambda: Anything(IMAGE, BOX)] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    agent, seen = module.Agent(IMAGE, BOX, module.Config(**SMALL, shift=shift), seed=1), []

    def learn(mb, *_):
        seen.append(mb)
        return torch.zeros(len(agent.logged)), torch.zeros(8)

    monkeypatch.setattr(agent, "_learn", learn)
    agent.update(collect(agent, Rollout(env, 8, 1)), 0.5)
    return seen, agent


@both
def test_each_minibatch_is_moved_by_the_agents_generator(module, monkeypatch):
    """State and next state apart; what is stored stays where it is."""
    (moved, agent), (still, _) = (shown(module, shift, monkeypatch) for shift in (2, 0))
    generator = torch.Generator().manual_seed(1)
    assert len(moved) == len(still) == 8
    for name in ("obs", "next_obs"):
        one, other = (torch.cat([mb[name] for mb in given]) for given in (moved, still))
        assert torch.equal(one, shifted(agent.critics.encoder, other, 2, generator))
        assert not torch.equal(one, other)
    assert all(torch.equal(one["action"], other["action"]) for one, other in zip(moved, still, strict=True))


@both
def test_observations_without_images_are_refused(module):
    with pytest.raises(UsageError, match="hold none"):
        module.Agent(BOX, BOX, module.Config(shift=4))
