"""Gradients of SAC and TD3 written out against the losses of their files, and autograd."""

import pytest
import twins
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.agents import sac, td3
from gymnast.core.learn import optim
from gymnast.core.nets import BoxPolicy, Critics
from gymnast.core.rollout.engine import Rollout
from playing import collect
from probes import Slide

SMALL = {"hidden": (8,), "critic_hidden": (8,), "minibatch": 16, "learning_starts": 16, "capacity": 200}
OPTIONS = [
    {},
    {"critics": 1, "activation": "tanh", "critic_hidden": (8,)},
    {"critics": 4, "subset": 2, "reduce": "mean"},
    {"policy_delay": 3, "normalize_obs": True, "reduce": "min"},
    {"value_warmup": 4, "hidden": ()},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("module", [sac, td3])
def test_the_gradient_is_that_of_autograd(module, options):
    twins.written_out_are_the_steps_of(module, **options)


@pytest.mark.parametrize("options", [{"alpha": 0.2}, {"alpha": 0.0}, {"critics": 3, "subset": 1}], ids=str)
def test_the_gradient_is_that_of_autograd_with_any_temperature(options):
    twins.written_out_are_the_steps_of(sac, **options)


@pytest.mark.parametrize("options", [{"smoothing": 0.0}, {"smoothing": 2.0, "smoothing_clip": 3.0}], ids=str)
def test_the_gradient_is_that_of_autograd_with_any_smoothing(options):
    twins.written_out_are_the_steps_of(td3, **options)


@pytest.mark.parametrize("module", [sac, td3])
def test_a_jitted_loop_explores_alike(module):
    twins.jitted_actor_explores_as(module, normalize_obs=True)
    twins.jitted_actor_explores_as(module, activation="tanh", hidden=())


@pytest.mark.parametrize(
    "options",
    [
        *({"quantiles": 3}, {"dropout": 0.1}, {"critic_norm": "layer"}, {"norm": "layer"}, {"activation": "gelu"}),
        *({"critic_norm": "batch", "target": "none"}, {"norm": "batch", "target": "none"}, {"target": "none"}),
        *({"blocks": 1, "hidden": (8,)}, {"critic_blocks": 2, "critic_hidden": (8,)}),
        *({"adam_beta1": 0.5}, {"weight_decay": 0.1}),
    ],
    ids=str,
)
@pytest.mark.parametrize("module", [sac, td3])
def test_what_no_twin_knows_is_left_to_autograd(module, options):
    assert module.Agent(twins.OBS, twins.BOX, module.Config(**options)).paths["gradient"] == "autograd"


class AskedError(Exception):
    """By whom a readable function was replaced."""


def asked(*_, **__):
    raise AskedError


def begun(module, **options):
    """An agent, and a function that lets it learn from some steps of its own."""
    env = SyncVectorEnv([Slide] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    config = module.Config(**{**SMALL, **options})
    agent = module.Agent(env.single_observation_space, env.single_action_space, config, seed=1)
    rollout = Rollout(env, 20, 1)

    def learn():
        agent.update(collect(agent, rollout), 0.5)

    learn()
    return agent, learn


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        *((sac, name) for name in ("targets", "backed_up", "critic_loss", "policy_loss", "_drawn")),
        *((td3, name) for name in ("targets", "backed_up", "critic_loss", "policy_loss", "_smoothed")),
        *((module, name) for module in (sac, td3) for name in ("pooled", "regression")),
        *((sac.Agent, name) for name in ("_learn", "_regress", "_improve", "_alpha")),
        *((td3.Agent, name) for name in ("_learn", "_regress", "_climb")),
        *((Critics, "forward"), (Critics, "numbers"), (BoxPolicy, "forward"), (optim.Adam, "step")),
    ],
)
def test_what_is_replaced_is_asked(owner, name, monkeypatch):
    module = td3 if owner in (td3, td3.Agent) else sac
    _, learn = begun(module)
    monkeypatch.setattr(owner, name, asked)
    with pytest.raises(AskedError):
        learn()


class MyCritics(Critics):
    def forward(self, obs, action, generator=None):
        raise AskedError


def hook(agent):
    agent.critics.layers[0].register_forward_hook(asked)


def subclass(agent):
    agent.critics.__class__ = MyCritics


def step_in_another_way(agent):
    agent.critic_optimizer.step = asked


def learn_in_another_way(agent):
    agent._learn = asked


class MyAgent(sac.Agent):
    _learn = asked


class MyOther(td3.Agent):
    _learn = asked


def be_another(agent):
    agent.__class__ = MyAgent if isinstance(agent, sac.Agent) else MyOther


@pytest.mark.parametrize("change", [hook, subclass, step_in_another_way, learn_in_another_way, be_another])
@pytest.mark.parametrize("module", [sac, td3])
def test_critics_and_steps_of_ones_own_are_asked(module, change):
    agent, learn = begun(module)
    change(agent)
    with pytest.raises(AskedError):
        learn()


@pytest.mark.parametrize("module", [sac, td3])
def test_a_layer_that_is_frozen_is_no_longer_written_out(module):
    agent, _ = begun(module)
    layer = agent.critics.layers[0]
    layer.requires_grad_(False)
    assert agent.paths["gradient"] == "autograd"
