from math import sqrt

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.core.errors import UsageError
from gymnast.core.nets import (
    ActorCritic,
    ActorCriticConfig,
    Encoder,
    SharedConfig,
    impala_cnn,
    mlp,
    nature_cnn,
    orthogonal,
)
from gymnast.core.spaces.layout import Layout, add_axis

VECTOR = spaces.Box(-1, 1, (3,), np.float32)
ACTION = spaces.Discrete(2)


def image(*shape):
    return spaces.Box(0, 255, shape, np.uint8)


def stored(space, count=4):
    """Observations as the engine stores them."""
    space.seed(0)
    layout = Layout(space)
    out = layout.empty(count)
    for i in range(count):
        layout.write(out[i : i + 1], add_axis(space.sample()))
    return torch.from_numpy(out)


def gain(layer):
    """What the weights multiply the length of a vector by; for orthogonal ones it is the same in all directions."""
    weight = layer.weight.flatten(1)
    singular = torch.linalg.svdvals(weight)
    torch.testing.assert_close(singular, singular[:1].expand_as(singular), rtol=1e-4, atol=1e-5)
    return singular[0].item()


def test_an_mlp_ends_in_an_activation_of_the_last_width():
    net, width = mlp(3, (8, 5), "relu")
    assert width == 5
    assert net(torch.randn(7, 3)).shape == (7, 5)
    assert isinstance(net[-1], torch.nn.ReLU)


def test_an_mlp_without_hidden_layers_passes_features_on():
    net, width = mlp(3, ())
    x = torch.randn(2, 3)
    assert width == 3
    assert torch.equal(net(x), x)


def test_orthogonal_layers_keep_lengths_up_to_the_gain():
    net, _ = mlp(16, (16, 16))
    orthogonal(net, 3.0)
    assert [gain(layer) for layer in (net[0], net[2])] == pytest.approx([3, 3], rel=1e-4)
    assert not net[0].bias.any()


def test_hidden_layers_policy_and_value_have_their_own_gains():
    net = ActorCritic(VECTOR, ACTION, ActorCriticConfig(hidden=(8, 8), policy_gain=0.01))
    hidden = [net.policy_trunk[0], net.policy_trunk[2], net.value_trunk[0], net.value_trunk[2]]
    assert [gain(layer) for layer in hidden] == pytest.approx([sqrt(2)] * 4, rel=1e-4)
    assert gain(net.policy_head.linear) == pytest.approx(0.01, rel=1e-4)
    assert gain(net.value_head) == pytest.approx(1, rel=1e-4)


def test_convolutions_are_orthogonal_too():
    net = ActorCritic(image(36, 36, 4), ACTION, ActorCriticConfig(hidden=()))
    assert gain(net.encoder.cnns["obs"][2]) == pytest.approx(sqrt(2), rel=1e-4)


def test_without_orthogonal_initialisation_torch_decides():
    torch.manual_seed(0)
    net = ActorCritic(VECTOR, ACTION, ActorCriticConfig(hidden=(8,), orthogonal_init=False))
    torch.manual_seed(0)
    assert torch.equal(net.policy_trunk[0].weight, mlp(3, (8,))[0][0].weight)


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "silu", "elu"])
def test_normalised_layers_have_mean_0_and_deviation_1_before_the_activation(activation):
    net, width = mlp(3, (64,), activation, "layer")
    plain, _ = mlp(3, (64,), activation)
    linear, norm, last = net
    assert width == 64
    assert [type(layer) for layer in plain] == [type(linear), type(last)]
    seen = norm(linear(torch.randn(7, 3)))
    torch.testing.assert_close(seen.mean(-1), torch.zeros(7), rtol=0, atol=1e-5)
    torch.testing.assert_close(seen.var(-1, correction=0), torch.ones(7), rtol=1e-3, atol=1e-3)


BOX = spaces.Box(-1, 1, (2,), np.float32)


@pytest.mark.parametrize("kind", ["squashed", "mixture", "autoregressive"])
def test_an_orthogonal_start_leaves_every_head_ready_to_learn(kind):
    torch.manual_seed(0)
    net = ActorCritic(VECTOR, BOX, ActorCriticConfig(head=kind))
    pi, _ = net.policy(torch.randn(50, 3))
    logp = pi.log_prob(torch.zeros(50, 2))
    assert logp.std() < 0.1  # nearly the same everywhere
    logp.sum().backward()
    if kind == "mixture":  # whose components begin at different places
        assert pi.mean.std(1).min() > 0.1
    if kind == "autoregressive":  # whose own hidden layers are no smaller than others
        assert gain(net.policy_head.inputs[0]) == pytest.approx(sqrt(2), rel=1e-4)
        assert gain(net.policy_head.outputs[0]) == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize("kind", ["squashed", "mixture"])
def test_deviations_that_depend_on_the_state_start_where_they_are_told(kind):
    net = ActorCritic(VECTOR, BOX, ActorCriticConfig(head=kind, log_std_init=-1.5))
    pi, _ = net.policy(torch.randn(50, 3))
    assert pi.log_std.mean().item() == pytest.approx(-1.5, abs=0.1)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"head": "squashed", "sde": True}, "Set sde to false"),
        ({"head": "autoregressive", "log_std_init": -1.0}, "Leave out log_std_init"),
    ],
)
def test_what_a_head_cannot_do_is_refused(config, told):
    with pytest.raises(UsageError, match=told):
        ActorCritic(VECTOR, BOX, ActorCriticConfig(**config))


def test_value_and_policy_agree_with_the_joint_forward():
    for shared in (False, True):
        net = ActorCritic(VECTOR, ACTION, SharedConfig(hidden=(8,), shared=shared))
        obs = stored(VECTOR)
        pi, value = net(obs)
        torch.testing.assert_close(net.value(obs), value)
        torch.testing.assert_close(net.policy(obs)[0].logp, pi.logp)


def test_shared_layers_exist_once():
    separate, shared = (ActorCritic(VECTOR, ACTION, SharedConfig(hidden=(8,), shared=s)) for s in (False, True))
    # what is missing is one layer of 3 x 8 weights and 8 biases
    sizes = [sum(p.numel() for p in net.parameters()) for net in (separate, shared)]
    assert sizes[0] - sizes[1] == 32


SPACES = {
    "vector": (VECTOR, 3),
    "matrix": (spaces.Box(-1, 1, (2, 3), np.float64), 6),
    "bytes": (spaces.Box(0, 255, (5,), np.uint8), 5),
    "scalar": (spaces.Box(-1, 1, (), np.float32), 1),
    "discrete": (spaces.Discrete(4, start=-1), 4),
    "multidiscrete": (spaces.MultiDiscrete([2, 3], start=[1, 0]), 5),
    "multibinary": (spaces.MultiBinary((2, 2)), 4),
    "dict": (spaces.Dict(a=VECTOR, b=spaces.Discrete(4)), 7),
    "tuple": (spaces.Tuple((VECTOR, spaces.Tuple((VECTOR, spaces.MultiBinary(2))))), 8),
    "image": (image(40, 36, 3), 512),
    "image and vector": (spaces.Dict(camera=image(3, 40, 36), place=VECTOR), 515),
    "two images": (spaces.Tuple((image(40, 36, 3), image(16, 16, 1))), 512 + 256),
    "a part with a dot": (spaces.Dict({"robot.arm": VECTOR}), 3),
    "parts named like a module's own": (spaces.Dict(training=VECTOR, values=VECTOR, camera=spaces.Discrete(2)), 8),
    "masked": (spaces.Dict(action_mask=spaces.MultiBinary(2), place=VECTOR), 3),
}


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("name", SPACES)
def test_every_supported_observation_becomes_a_row_of_features(name, standardize):
    space, size = SPACES[name]
    encoder = Encoder(space, standardize=standardize)
    obs = stored(space)
    encoder.update(obs)
    assert encoder.size == size
    assert encoder(obs).shape == (4, size)
    assert encoder(obs).dtype == torch.float32


def test_discrete_observations_are_one_hot_from_their_start():
    encoder = Encoder(spaces.Discrete(3, start=5))
    assert encoder(torch.tensor([5, 7])).tolist() == [[1, 0, 0], [0, 0, 1]]


def test_multidiscrete_observations_are_one_hot_in_a_row():
    encoder = Encoder(spaces.MultiDiscrete([2, 3], start=[1, 0]))
    assert encoder(torch.tensor([[1, 2], [2, 0]])).tolist() == [[1, 0, 0, 0, 1], [0, 1, 1, 0, 0]]


def test_channels_may_come_first_or_last():
    torch.manual_seed(0)
    first = Encoder(image(4, 40, 36))
    torch.manual_seed(0)
    last = Encoder(image(40, 36, 4))
    obs = stored(image(4, 40, 36))
    torch.testing.assert_close(first(obs), last(obs.movedim(1, -1)))


def test_images_are_scaled_to_one():
    encoder = Encoder(image(36, 36, 1))
    white = torch.full((1, 36, 36, 1), 255, dtype=torch.uint8)
    torch.testing.assert_close(encoder(white), encoder.cnns["obs"](torch.ones(1, 1, 36, 36)))


@pytest.mark.parametrize(("size", "features"), [(8, 256), (35, 256), (36, 512), (84, 512)])
def test_images_too_small_for_the_nature_encoder_get_the_impala_one(size, features):
    encoder = Encoder(image(size, size, 3))
    assert encoder.size == features
    assert encoder(stored(image(size, size, 3), 2)).shape == (2, features)


def test_the_impala_encoder_can_be_asked_for():
    assert Encoder(image(84, 84, 4), "impala").size == 256


def test_the_encoders_have_the_sizes_of_their_papers():
    # DQN on 4 x 84 x 84: 8 x 8 x 4 x 32 + 32, 4 x 4 x 32 x 64 + 64, 3 x 3 x 64 x 64 + 64, 3136 x 512 + 512
    assert sum(p.numel() for p in nature_cnn(4, 84, 84).parameters()) == 8224 + 32832 + 36928 + 1606144
    # IMPALA: 3 x 3 convolutions; each stage has one from the depth before and four of its own depth
    stages = [(4, 16), (16, 32), (32, 32)]
    convolutions = sum(9 * a * b + b + 4 * (9 * b * b + b) for a, b in stages)
    # 84 -> 42 -> 21 -> 11 pixels
    assert sum(p.numel() for p in impala_cnn(4, 84, 84).parameters()) == convolutions + 11 * 11 * 32 * 256 + 256


def test_standardisation_changes_nothing_before_the_first_update():
    plain, standardized = Encoder(VECTOR), Encoder(VECTOR, standardize=True)
    assert torch.equal(plain(stored(VECTOR)), standardized(stored(VECTOR)))


def test_standardisation_covers_boxes_alone():
    space = spaces.Dict(place=VECTOR, camera=image(36, 36, 3), goal=spaces.Discrete(2), bits=spaces.MultiBinary(2))
    assert set(Encoder(space, standardize=True).standardizers) == {"obs/place", "obs/camera"}


@pytest.mark.parametrize("shape", [(40, 36, 3), (3, 40, 36)])
def test_images_lose_their_mean(shape):
    encoder = Encoder(image(*shape), standardize=True)
    obs = stored(image(*shape))
    encoder.update(obs)
    planes = (obs if shape[0] == 3 else obs.movedim(-1, 1)) / 255
    torch.testing.assert_close(encoder(obs), encoder.cnns["obs"](planes - planes.mean(0)))


def test_a_constant_background_is_nothing_to_a_centred_encoder():
    encoder = Encoder(image(36, 36, 1), standardize=True)
    white = torch.full((2, 36, 36, 1), 255, dtype=torch.uint8)
    encoder.update(white)
    torch.testing.assert_close(encoder(white), encoder.cnns["obs"](torch.zeros(2, 1, 36, 36)))


def test_each_part_is_standardised_by_its_own_moments():
    space = spaces.Dict(a=spaces.Box(-9, 9, (1,), np.float32), b=spaces.Box(-9, 9, (1,), np.float32))
    encoder = Encoder(space, standardize=True)
    layout = encoder.layout
    obs = layout.empty(2)
    layout.write(obs, {"a": np.array([[1.0], [3.0]]), "b": np.array([[0.0], [8.0]])})
    obs = torch.from_numpy(obs)
    encoder.update(obs)
    # a: mean 2, std 1; b: mean 4, std 4
    torch.testing.assert_close(encoder(obs), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), rtol=1e-5, atol=1e-5)


def test_the_mask_is_no_feature():
    space, _ = SPACES["masked"]
    obs = stored(space)
    encoder = Encoder(space)
    torch.testing.assert_close(encoder(obs), encoder.layout.view(obs)["place"])
    torch.testing.assert_close(encoder.mask(obs), encoder.layout.view(obs)["action_mask"])


def test_a_network_obeys_the_mask_it_sees():
    space, _ = SPACES["masked"]
    layout = Layout(space)
    obs = layout.empty(3)
    layout.write(obs, {"action_mask": np.array([[1, 0], [0, 1], [1, 1]]), "place": np.zeros((3, 3))})
    pi, _ = ActorCritic(space, ACTION, ActorCriticConfig())(torch.from_numpy(obs))
    assert (pi.logp.exp() > 0).tolist() == [[True, False], [False, True], [True, True]]


def test_an_observation_that_is_all_mask_is_refused():
    with pytest.raises(UsageError, match="action mask alone"):
        Encoder(spaces.Dict(action_mask=spaces.MultiBinary(2)))


@pytest.mark.parametrize("action", [spaces.Discrete(3), spaces.MultiDiscrete([2, 2]), spaces.MultiBinary(2), VECTOR])
def test_a_mask_that_does_not_fit_the_actions_is_refused(action):
    with pytest.raises(UsageError, match="does not fit the action space"):
        ActorCritic(SPACES["masked"][0], action, ActorCriticConfig())


def test_an_unsupported_observation_is_refused():
    with pytest.raises(UsageError, match="no fixed size"):
        ActorCritic(spaces.Text(3), ACTION, ActorCriticConfig())


def test_a_hook_on_all_modules_sees_the_layers_of_a_perceptron():
    layers, _ = mlp(3, (4,))
    seen = []
    handle = torch.nn.modules.module.register_module_forward_hook(lambda module, *_: seen.append(module))
    layers(torch.zeros(1, 3))
    handle.remove()
    assert seen == [*layers, layers]


def test_only_a_mask_is_no_feature():
    space = spaces.Dict(action_mask=spaces.MultiBinary(3), game_state=spaces.Box(-1, 1, (2,)))
    assert Encoder(space).size == 2
