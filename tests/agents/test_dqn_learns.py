"""What DQN learns with every combination of its parts."""

from contextlib import closing

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from small_dqn import PARTS, PROBE, learned, values

from gymnast.agents import dqn
from gymnast.core.rollout.engine import Rollout
from gymnast.envs import make
from playing import act, collect, thoughts
from probes import SEED, Doors, Endless, Later, One, Opposite, Seen


@pytest.mark.learns
@pytest.mark.parametrize("parts", PARTS)
def test_every_combination_of_parts_finds_the_values_of_the_probes(parts):
    config = PARTS[parts]
    # V(0) = gamma, V(1) = 1 if nothing is added after a termination
    assert values(learned(Later, **config), 0, 1) == pytest.approx([0.5, 1], abs=0.1)
    # 1 / (1 - gamma) only if a truncation bootstraps
    steps = 5000 if "soft" in parts else 2000  # for a target that follows slowly
    assert values(learned(Endless, steps, **config), 0) == pytest.approx([2], abs=0.1)


@pytest.mark.learns
@pytest.mark.parametrize("parts", PARTS)
def test_every_combination_of_parts_finds_the_right_actions(parts):
    made = learned(Opposite, 2000, **PARTS[parts])
    assert act(made, np.arange(2), "best")["action"].tolist() == [1, 0]
    got = thoughts(made, np.arange(2))["action value"]
    np.testing.assert_allclose(got, [[-1, 1], [1, -1]], atol=0.25)


@pytest.mark.learns
def test_plain_values_are_exact():
    assert values(learned(One, 1200), 0) == pytest.approx([1], abs=0.01)
    assert values(learned(Seen, 1600), -1, 1) == pytest.approx([-1, 1], abs=0.01)


@pytest.mark.learns
@pytest.mark.parametrize("mode", list(AutoresetMode), ids=str)
def test_every_autoreset_mode_gives_the_same_values(mode):
    assert values(learned(Later, mode=mode), 0, 1) == pytest.approx([0.5, 1], abs=0.05)
    assert values(learned(Endless, mode=mode), 0) == pytest.approx([2], abs=0.05)


@pytest.mark.learns
@pytest.mark.parametrize(("parts", "observed"), [("plain", False), ("double squared", True), ("rainbow", True)])
def test_masked_actions_are_never_chosen_and_the_rest_is_learned(parts, observed):
    # a closed door raises, so collecting at all shows that none was opened
    with closing(make(Doors, 4, observed=observed)) as env:
        cfg = dqn.Config(**PROBE | PARTS[parts] | {"gamma": 0.0, "hidden": (32,), "replay_ratio": 0.5})
        made = dqn.Agent(env.single_observation_space, env.single_action_space, cfg, seed=SEED)
        rollout = Rollout(env, cfg.horizon, SEED)
        for k in range(150):
            made.update(collect(made, rollout), k / 150)
        rewards = [collect(made, rollout, "best").reward.mean() for _ in range(20)]
        assert np.mean(rewards) > 0.95


@pytest.mark.learns
def test_surprising_transitions_are_replayed_more_often():
    made = learned(Seen, 800, priority=1.0)
    weights = made.replay.tree[len(made.replay.tree) // 2 :][: made.replay.filled * 4]
    assert weights.max() > 5 * weights[weights > 0].min()
