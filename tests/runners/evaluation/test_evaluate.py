import json
import shutil

import numpy as np
import pytest

import gymnast as package
from gymnast.core.acting import Stateless
from gymnast.core.errors import UsageError
from gymnast.runners.evaluation.evaluate import Evaluation, watched
from probes import clocks


def pushed(episodes: int, num_envs: int, seed: int = 0) -> Evaluation:
    env = package.make("CartPole-v1", num_envs)
    return watched(Stateless(lambda obs: {"action": np.zeros(len(obs), np.int64)}), env, episodes, seed)


def test_exactly_the_episodes_asked_for_are_played():
    assert [len(pushed(episodes, 4).returns) for episodes in (1, 4, 7)] == [1, 4, 7]


def test_the_same_seed_gives_the_same_returns():
    assert pushed(5, 2).returns == pushed(5, 2).returns
    assert pushed(20, 2, seed=1).returns != pushed(20, 2).returns


def test_cartpole_pushed_one_way_falls_after_its_length():
    result = pushed(8, 4)
    assert result.returns == [float(length) for length in result.lengths]
    assert min(result.lengths) >= 8
    assert max(result.lengths) <= 11  # always pushing left fails after 8 to 11 steps


def test_figures_are_those_of_the_returns():
    result = Evaluation([0.0, 1.0, 2.0, 9.0], [1, 1, 1, 1])
    assert (result.mean, result.median) == (3.0, 1.5)
    assert result.iqm == 1.5  # without the lowest and the highest quarter
    assert result.ci[0] < 3.0 < result.ci[1]


def test_no_episodes_are_refused():
    with pytest.raises(UsageError, match="cannot evaluate 0 episodes"):
        pushed(0, 1)


def test_a_copy_may_take_the_limit_for_each_episode_of_its_share():
    still = Stateless(lambda obs: {"action": np.zeros(len(obs), np.int64)})
    found = watched(still, clocks("9999|", "9999|"), 4, seed=0, steps=30)
    assert (found.lengths, found.cut) == ([60, 60], 2)


def test_the_limit_of_a_run_holds_for_its_evaluations_afterwards(gymnast):
    line = "train ppo own_envs:Unending --steps 64 --num-envs 2 --agent.horizon 32 --eval-steps 40 --evals 1"
    said = "of these episodes had not ended at the limit of steps (eval_steps)"
    assert f"10 {said}" in gymnast(f"{line} --eval-episodes 10 --out run").out
    assert f"2 {said}" in gymnast("evaluate run --episodes 2 --trust").out
    shutil.copytree("run", "copy")
    assert gymnast("evaluate run copy --episodes 2 --trust").out.count(f"2 {said}") == 2
    found = json.loads(gymnast("evaluate run --episodes 3 --trust --json").out)
    assert (found["lengths"], found["cut"]) == ([40, 40, 40], 3)
    assert package.load("run", trust=True).evaluate(2).lengths == [40, 40]
