"""DQN by hand, piece by piece."""

from contextlib import closing

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from small_dqn import PROBE, agent, values

from gymnast import DQN
from gymnast.agents import dqn
from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout
from gymnast.runners.runs.run import Run
from gymnast.runners.training.train import train
from playing import act, collect
from probes import SEED, Later, Match, clocks


class Stacks(gym.Env):
    """Four frames, oldest first, each filled with its time; episodes of six steps."""

    observation_space = spaces.Box(0, 255, (4, 20, 20), np.uint8)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self._obs(), {}

    def step(self, action):
        self.time += 1
        return self._obs(), 1.0, self.time == 6, False, {}

    def _obs(self):
        times = np.maximum(np.arange(self.time - 3, self.time + 1), 0)
        return np.broadcast_to(times[:, None, None], (4, 20, 20)).astype(np.uint8)


SCRIPTS = ("3| 2~ 4!", "2~ 5|", "9~", "1| 1~")
LENGTHS = {i: [(int(word[:-1]), word[-1]) for word in script.split()] for i, script in enumerate(SCRIPTS)}


@pytest.mark.learns
@pytest.mark.parametrize("n", [1, 3, 5])
@pytest.mark.parametrize("double", [False, True])
def test_targets_are_those_of_brute_force_at_every_kind_of_end(n, double):
    made = agent(gamma=0.9, n_step=n, double=double, minibatch=32, learning_starts=10**6, hidden=(8,))
    with torch.no_grad():
        made.target_net.advantage[-1].bias.copy_(torch.tensor([1.0, -2.0]))  # so that both nets disagree
    with closing(clocks(*SCRIPTS)) as env:
        rollout = Rollout(env, 7)
        for _ in range(3):
            made.update(collect(made, rollout), 0.0)
    collected = 21
    drawn = {name: np.concatenate(x) for name, x in made.replay.sample(64, 8).items()}
    got = dqn.targets(made.net, made.target_net, {k: torch.as_tensor(x) for k, x in drawn.items()}, made.cfg)

    def value(copy, episode, time):
        state = torch.tensor([[copy, episode, time]], dtype=torch.float32)
        with torch.no_grad():
            judged = made.target_net.values(made.target_net(state))[0]
            return judged[made.net.values(made.net(state))[0].argmax()].item() if double else judged.max().item()

    cases = set()
    for obs, target in zip(drawn["obs"].astype(int), got.tolist(), strict=True):
        copy, episode, time = obs.tolist()
        script = LENGTHS[copy]
        before = sum(script[k % len(script)][0] for k in range(episode))
        length, end = script[episode % len(script)]
        steps = min(n, length - time, collected - before - time)
        expected = sum(0.9**k * (time + 1 + k) for k in range(steps))
        ended = time + steps == length
        if not (ended and end in "|!"):
            expected += 0.9**steps * value(copy, episode, time + steps)
        assert target == pytest.approx(expected, rel=1e-4), (copy, episode, time)
        cases.add((ended and end, steps))
    assert {end for end, _ in cases} == {False, "|", "~", "!"}
    assert {steps for _, steps in cases} == set(range(1, n + 1))


def test_the_loss_by_hand():
    made = agent(hidden=(), dueling=False)
    with torch.no_grad():
        made.net.advantage[0].weight.zero_()
        made.net.advantage[0].bias.copy_(torch.tensor([2.0, -1.0]))
    mb = {
        "obs": torch.zeros(2, 3),
        "action": torch.tensor([0, 1]),
        "target": torch.tensor([1.5, 2.0]),
        "weights": torch.tensor([1.0, 0.5]),
    }
    # errors 0.5 and -3: Huber 0.125 and 2.5, squared 0.25 and 9
    total, logs = dqn.loss(made.net, mb, made.cfg)
    assert total.item() == pytest.approx((0.125 + 0.5 * 2.5) / 2)
    assert logs["error"].tolist() == [0.5, -3]
    assert logs["value/q"].item() == 0.5
    total, _ = dqn.loss(made.net, mb, dqn.Config(loss="squared"))
    assert total.item() == pytest.approx((0.25 + 0.5 * 9) / 2)


@pytest.mark.parametrize("distribution", ["categorical", "quantile"])
def test_a_distributions_target_has_the_scalar_targets_mean(distribution):
    made = agent(distribution=distribution, hidden=(8,), limits=(-20.0, 20.0), double=True)
    torch.manual_seed(SEED)
    mb = {"next_obs": torch.randn(16, 3), "reward": torch.randn(16), "discount": torch.tensor([0.9, 0.0] * 8)}
    got = dqn.targets(made.net, made.target_net, mb, made.cfg)
    mean = got @ made.net.returns if distribution == "categorical" else got.mean(-1)
    with torch.no_grad():
        best = made.net.values(made.net(mb["next_obs"])).argmax(-1)
        following = made.target_net.values(made.target_net(mb["next_obs"]))[torch.arange(16), best]
    torch.testing.assert_close(mean, mb["reward"] + mb["discount"] * following, rtol=1e-4, atol=1e-4)


def test_advantages_of_dueling_streams_are_centred():
    made = agent(dueling=True, hidden=(8, 6), distribution="quantile", atoms=5)
    obs = torch.randn(4, 3)
    out = made.net(obs)
    torch.testing.assert_close(out.mean(1), made.net.state_value(made.net.trunk(obs)))


@pytest.mark.parametrize(("tau", "interval"), [(1.0, 3), (0.25, 2), (0.1, 1)])
def test_the_target_network_follows_tau_exactly(tau, interval):
    made = agent(tau=tau, target_interval=interval, learning_starts=0, minibatch=4, replay_ratio=1.0, horizon=1)
    expected = made.optimizer.flat.detach().clone()
    with closing(clocks("3|")) as env:
        rollout = Rollout(env, 1)
        for _ in range(12):
            before = made.pace.updates
            made.update(collect(made, rollout), 0.0)
            if made.pace.updates == before + 1 and made.pace.updates % interval == 0:
                expected += tau * (made.optimizer.flat.detach() - expected)
            elif before == 0:  # the first four steps of the network are taken at once
                expected = made._target.clone()
            torch.testing.assert_close(made._target, expected, rtol=1e-5, atol=1e-6)
    assert made.pace.updates == 12


@pytest.mark.parametrize(("copies", "horizon", "ratio"), [(1, 4, 0.25), (3, 5, 0.1), (4, 1, 2.0), (2, 3, 0.35)])
def test_the_ratio_of_gradient_steps_is_exact_whatever_the_number_of_environments(copies, horizon, ratio):
    made = agent(learning_starts=20, minibatch=8, replay_ratio=ratio, horizon=horizon)
    with closing(clocks(*["5|"] * copies)) as env:
        rollout, steps = Rollout(env, horizon), 0
        while steps < 200:
            batch = collect(made, rollout)
            made.update(batch, 0.0)
            steps += batch.steps
            assert made.pace.updates == max(int((steps - 20) * ratio + 1e-9), 0)


def test_epsilon_is_exact_at_both_ends_of_its_schedule_and_halfway():
    made = agent(epsilon_start=0.9, epsilon=0.1, epsilon_fraction=0.4, learning_starts=0)
    with closing(clocks("3|")) as env:
        rollout = Rollout(env, 4)
        for progress, expected in ((0.0, 0.9), (0.2, 0.5), (0.4, 0.1), (0.9, 0.1)):
            assert made.update(collect(made, rollout), progress)["policy/epsilon"] == pytest.approx(expected)


@pytest.mark.learns
def test_actions_are_random_until_learning_starts_and_never_without_exploring():
    made = agent(epsilon_start=0.0, epsilon=0.0, learning_starts=8, hidden=())
    obs = np.zeros((400, 3), np.float32)
    assert 120 < act(made, obs)["action"].sum() < 280
    assert len(set(act(made, obs, "best")["action"].tolist())) == 1
    with closing(clocks("3|")) as env:
        rollout = Rollout(env, 4)
        for _ in range(2):
            made.update(collect(made, rollout), 0.0)
    assert len(set(act(made, obs)["action"].tolist())) == 1


@pytest.mark.learns
def test_noise_alone_explores():
    made = agent(noisy=True, epsilon_start=0.0, epsilon=0.0, learning_starts=0, hidden=(8,))
    obs = np.zeros((1, 3), np.float32)
    assert {act(made, obs)["action"].item() for _ in range(60)} == {0, 1}
    assert len({act(made, obs, "best")["action"].item() for _ in range(20)}) == 1


@pytest.mark.learns
def test_the_maximum_over_noisy_estimates_is_biased_and_double_is_not():
    # ten actions worth 0, and two networks that err by N(0, 1) each on its own: E max of ten normals = 1.539
    states = 2000
    made = agent(spaces.Discrete(states), spaces.Discrete(10), hidden=())
    torch.manual_seed(SEED)
    with torch.no_grad():
        for net in (made.net, made.target_net):
            net.advantage[0].weight.normal_()
            net.advantage[0].bias.zero_()
    mb = {"next_obs": torch.arange(states), "reward": torch.zeros(states), "discount": torch.ones(states)}
    plain, double = (dqn.targets(made.net, made.target_net, mb, dqn.Config(double=d)).mean() for d in (False, True))
    assert plain.item() == pytest.approx(1.539, abs=0.05)
    assert double.item() == pytest.approx(0.0, abs=0.08)  # three standard errors


def test_bootstrapping_never_looks_at_masked_actions():
    space = spaces.Dict(action_mask=spaces.MultiBinary(3), seen=spaces.Box(-1, 1, (1,), np.float32))
    made = agent(space, spaces.Discrete(3), hidden=())
    with torch.no_grad():
        for net in (made.net, made.target_net):
            net.advantage[0].weight.zero_()
            net.advantage[0].bias.copy_(torch.tensor([5.0, 1.0, 2.0]))
    layout = made.net.encoder.layout
    rows = layout.empty(2)
    masks = np.array([[0, 1, 1], [0, 1, 0]], np.int8)
    layout.write(rows, {"action_mask": masks, "seen": np.zeros((2, 1), np.float32)})
    mb = {"next_obs": torch.as_tensor(rows), "reward": torch.zeros(2), "discount": torch.ones(2)}
    for double in (False, True):
        got = dqn.targets(made.net, made.target_net, mb, dqn.Config(double=double))
        assert got.tolist() == [2, 1]


def test_beta_rises_to_one_with_the_run():
    made = agent(priority=0.6, beta=0.4, learning_starts=0, minibatch=4)
    seen = []
    sample = made.replay.sample
    made.replay.sample = lambda size, count, beta: seen.append(beta) or sample(size, count, beta)
    with closing(clocks("3|")) as env:
        rollout = Rollout(env, 4)
        for progress in (0.0, 0.5, 1.0):
            made.update(collect(made, rollout), progress)
    assert seen == pytest.approx([0.4, 0.7, 1.0])


def test_frames_are_stored_once_and_learned_from_as_stacks():
    space = spaces.Box(0, 255, (4, 20, 20), np.uint8)
    cfg = dqn.Config(frames=4, cnn="small", hidden=(), minibatch=8, learning_starts=8, capacity=64)
    made = dqn.Agent(space, spaces.Discrete(2), cfg)
    with closing(SyncVectorEnv([Stacks], autoreset_mode=AutoresetMode.SAME_STEP)) as env:
        rollout = Rollout(env, 16)
        metrics = made.update(collect(made, rollout), 0.0)
    assert np.isfinite(list(metrics.values())).all()
    assert made.replay.fields["obs"].shape == (64, 1, 20, 20)
    drawn = made.replay.sample(16)
    newest = drawn["obs"][:, -1, 0, 0].astype(int)
    np.testing.assert_array_equal(drawn["next_obs"][:, -1, 0, 0], newest + 1)
    np.testing.assert_array_equal(drawn["obs"][:, -2, 0, 0], np.maximum(newest - 1, 0))


def test_both_networks_lose_the_mean_of_the_images_that_were_seen():
    cfg = dqn.Config(frames=4, cnn="small", hidden=(), normalize_obs=True)
    made = dqn.Agent(Stacks.observation_space, Stacks.action_space, cfg)
    with closing(SyncVectorEnv([Stacks] * 2, autoreset_mode=AutoresetMode.SAME_STEP)) as env:
        rollout = Rollout(env, 6)
        made.update(collect(made, rollout), 0.0)
    # an episode's observations but for the final one: frame k of the stack at time t shows max(t + k - 3, 0)
    mean = np.maximum(np.arange(6)[:, None] + np.arange(4) - 3, 0).mean(0) / 255
    for net in (made.net, made.target_net):
        np.testing.assert_allclose(net.encoder.standardizers["obs"].mean, np.broadcast_to(mean, (20, 20, 4)))


def test_rewards_may_be_reduced_to_their_signs():
    made = agent(reward_sign=True, learning_starts=0, minibatch=4)
    with closing(clocks("3|")) as env:
        batch = collect(made, Rollout(env, 6))
        made.update(batch, 0.0)
    assert made.replay.fields["reward"][:6].ravel().tolist() == [1] * 6
    assert batch.reward.max() == 3


def test_what_does_not_fit_is_refused_in_one_line():
    with pytest.raises(UsageError, match="needs a Discrete action space, not Box"):
        agent(action=spaces.Box(-1, 1, (1,), np.float32))
    with pytest.raises(UsageError, match="limits is"):
        dqn.Config(limits=(1.0, -1.0))
    with pytest.raises(UsageError, match="at least 2"):
        dqn.Config(distribution="quantile", atoms=1)


@pytest.mark.learns
def test_the_import_interface_learns_and_thinks_in_action_values():
    learner = DQN(
        Match, preset="none", num_envs=4, seed=SEED, evals=0, agent=PROBE | {"hidden": [16], "limits": [-3, 3]}
    )
    learner.learn(4000)
    action, thoughts = learner.predict(2)
    assert action == 2
    assert thoughts["action value"].argmax() == 2
    assert learner.evaluate(4).mean == 8


@pytest.mark.learns
def test_training_reaches_the_value_through_the_runner():
    result = train(Run("dqn", Later, dqn.Config(**PROBE), steps=4000, num_envs=4, seed=SEED, evals=1, eval_episodes=4))
    assert result.steps == 4000
    assert values(result.agent, 0, 1) == pytest.approx([0.5, 1], abs=0.05)
