import gymnasium as gym
import pytest
from goal_envs import Arm, Ball, Bonus, Falls, Mixed, Single, Whole, Without

from gymnast.runners.cli.goal_contract import agreement, has_goals
from probes import Match


@pytest.mark.parametrize("kind", [Arm, Ball, Single])
def test_what_steps_give_and_what_is_asked_of_goals_agree(kind):
    works, said = agreement(kind(), 64)
    assert works
    assert said.startswith("compute_reward gives the rewards of 64 steps, one by one and together")
    assert ("compute_terminated their ends" in said) == (kind is not Single)


SAID = {
    Bonus: "a step gives -0.75, and compute_reward -1 for the same goals",
    Mixed: "compute_reward gives .* for one pair of goals, and .* for it among others",
    Falls: "and compute_terminated 0 for the same goals: an episode that ends for another reason goes on in hindsight",
    Whole: "compute_reward of one pair of goals gives array.*; it must be one number",
}


@pytest.mark.parametrize("kind", SAID)
def test_an_environment_that_contradicts_itself_is_told(kind):
    with pytest.raises(AssertionError, match=SAID[kind]):
        agreement(kind(), 64)


def test_goals_without_a_reward_for_others_are_no_fault():
    works, said = agreement(Without(), 64)
    assert not works
    assert "no compute_reward" in said


def test_goals_are_seen_by_their_names():
    assert has_goals(Arm.observation_space)
    assert not has_goals(Match.SPACES["box"])
    assert not has_goals(gym.spaces.Dict(achieved_goal=gym.spaces.Discrete(2)))
