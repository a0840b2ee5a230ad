"""Environments that need memory: equal to plain ones that are easy to read, and what memory is worth in them."""

from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from gymnast import envs
from gymnast.core.acting import Stateless
from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout
from gymnast.envs import native

FORWARD, UP, DOWN = range(3)


class TMaze(gymnasium.Env):
    observation_space, action_space = spaces.Box(0, 1, (3,), np.float32), spaces.Discrete(3)

    def __init__(self, length=10):
        self.length = length

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at, self.way = 0, (UP, DOWN)[self.np_random.integers(2)]
        return self.seen(), {}

    def step(self, action):
        if self.at == self.length and action != FORWARD:
            right = action == self.way
            return self.seen(), float(right), True, False, {"is_success": right}
        walks = self.at < self.length and action == FORWARD
        self.at += walks
        return self.seen(), 0.0 if walks else -0.1, False, False, {"is_success": False}

    def seen(self):
        bits = {0: {UP: "011", DOWN: "110"}[self.way], self.length: "010"}.get(self.at, "101")
        return np.array([int(bit) for bit in bits], np.float32)


class Cards(gymnasium.Env):
    """Both games, as POPGym words them; `k` = None asks for the first card."""

    observation_space = action_space = spaces.Discrete(4)

    def __init__(self, k=4, decks=1):
        self.k, self.decks = k, decks

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left, self.dealt = [suit for suit in range(4) for _ in range(13 * self.decks)], []
        self.deal()
        return self.dealt[-1], {}

    def step(self, action):
        reward = 0.0
        if self.k is None or len(self.dealt) >= self.k:
            wanted = self.dealt[0 if self.k is None else -self.k]
            reward = (1 if action == wanted else -1) / (52 * self.decks - (self.k or 1))
        self.deal()
        return self.dealt[-1], reward, not self.left, False, {}

    def deal(self):
        self.dealt.append(self.left.pop(self.np_random.integers(len(self.left))))


SAME = {
    "maze": ("gymnast/TMaze-v0", {}, lambda: TimeLimit(TMaze(), 30)),
    "short maze": ("gymnast/TMaze-v0", {"length": 1}, lambda: TimeLimit(TMaze(1), 21)),
    "first": ("gymnast/RepeatFirst-v0", {}, partial(Cards, None)),
    "first of two decks": ("gymnast/RepeatFirst-v0", {"decks": 2}, partial(Cards, None, 2)),
    "previous": ("gymnast/RepeatPrevious-v0", {}, Cards),
    "the one in view": ("gymnast/RepeatPrevious-v0", {"k": 1}, partial(Cards, 1)),
    "long ago": ("gymnast/RepeatPrevious-v0", {"k": 64, "decks": 3}, partial(Cards, 64, 3)),
}
each = pytest.mark.parametrize("name", ["gymnast/TMaze-v0", "gymnast/RepeatFirst-v0", "gymnast/RepeatPrevious-v0"])


def steps_of(env, plain, name, count):
    """What both return for `count` random steps: those in the maze are mostly forward."""
    rng = np.random.default_rng(0)
    chances = [0.6, 0.2, 0.2] if "TMaze" in name else None
    for _ in range(count):
        action = rng.choice(env.single_action_space.n, env.num_envs, p=chances)
        yield env.step(action), plain.step(action)


def success(info):
    return info.get("final_info", info)["is_success"]


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=str)
@pytest.mark.parametrize(("name", "kwargs", "make"), SAME.values(), ids=SAME)
def test_it_is_the_plain_one_step_for_step(name, kwargs, make, mode):
    env, plain = native.make(name, 8, mode, **kwargs), SyncVectorEnv([make] * 8, autoreset_mode=mode)
    np.testing.assert_array_equal(env.reset(seed=5)[0], plain.reset(seed=5)[0])
    ended = 0
    for ours, theirs in steps_of(env, plain, name, 320):
        for mine, other in zip(ours[:4], theirs[:4], strict=True):
            np.testing.assert_array_equal(mine, other)
        over = ours[2] | ours[3]
        ended += over.sum()
        if over.any() and name == "gymnast/TMaze-v0":
            np.testing.assert_array_equal(*(success(step[4])[over] for step in (ours, theirs)))
        if over.any() and mode is AutoresetMode.SAME_STEP:
            np.testing.assert_array_equal(ours[4]["final_obs"][over], np.stack(theirs[4]["final_obs"][over]))
        if over.any() and mode is AutoresetMode.DISABLED:
            again, other = (x.reset(options={"reset_mask": over.copy()})[0] for x in (env, plain))
            np.testing.assert_array_equal(again, other)
    assert ended >= 8


@each
@pytest.mark.parametrize("mode", list(AutoresetMode), ids=str)
def test_one_copy_is_what_many_are(name, mode):
    env, single = native.make(name, 4, mode), SyncVectorEnv([partial(gymnasium.make, name)] * 4, autoreset_mode=mode)
    np.testing.assert_array_equal(env.reset(seed=3)[0], single.reset(seed=3)[0])
    for ours, theirs in steps_of(env, single, name, 60):
        for mine, other in zip(ours[:4], theirs[:4], strict=True):
            np.testing.assert_array_equal(mine, other)
        if mode is AutoresetMode.DISABLED and (over := ours[2] | ours[3]).any():
            for x in (env, single):
                x.reset(options={"reset_mask": over.copy()})


@pytest.mark.parametrize("length", [1, 7, 100])
def test_a_memory_of_the_sign_is_worth_all_and_none_is_worth_half(length):
    copies = 200
    env = envs.make("gymnast/TMaze-v0", copies, length=length)
    sign = np.zeros(copies, int)

    def remembers(obs):
        first = (obs[:, 1] == 1) & (obs.sum(1) == 2)
        sign[first] = np.where(obs[first, 2] == 1, UP, DOWN)
        return {"action": np.where(obs.sum(1) == 1, sign, FORWARD)}

    def forgets(obs):
        return {"action": np.where(obs.sum(1) == 1, UP, FORWARD)}

    for act, least, most in ((remembers, 1.0, 1.0), (forgets, 0.35, 0.65)):
        episodes = Rollout(env, 2 * (length + 1), 0).collect(Stateless(act)).episodes
        assert set(episodes.lengths.tolist()) == {length + 1}
        np.testing.assert_array_equal(episodes.returns, episodes.success)
        assert least <= episodes.success.mean() <= most


def test_walls_cost_a_tenth_until_the_time_is_over():
    env = native.make("gymnast/TMaze-v0", 2, length=5)
    assert env.spec.max_episode_steps == 25
    env.reset(seed=0)
    steps = [env.step(np.array([UP, FORWARD])) for _ in range(25)]
    assert [tuple(reward) for _, reward, *_ in steps] == [(-0.1, 0.0)] * 5 + [(-0.1, -0.1)] * 20
    assert [bool(truncated.any()) for *_, truncated, _ in steps] == [False] * 24 + [True]
    assert not steps[-1][4]["final_info"]["is_success"].any()


def test_a_single_maze_has_the_time_limit_of_its_length():
    env = gymnasium.make("gymnast/TMaze-v0", length=4)
    env.reset(seed=0)
    assert [env.step(UP)[3] for _ in range(24)] == [False] * 23 + [True]


@pytest.mark.parametrize(("name", "kwargs", "count"), [
    ("gymnast/RepeatFirst-v0", {}, 51),
    ("gymnast/RepeatPrevious-v0", {}, 51),
    ("gymnast/RepeatPrevious-v0", {"k": 32, "decks": 2}, 103),
])  # fmt: skip
def test_to_know_the_cards_is_worth_one_and_to_guess_costs_a_half(name, kwargs, count):
    copies = 500
    env = native.make(name, copies, **kwargs)
    obs, _ = env.reset(seed=0)
    seen, known, guessed = [obs], np.zeros(copies), np.zeros(copies)
    guesses = native.make(name, copies, **kwargs)
    guesses.reset(seed=0)
    rng = np.random.default_rng(0)
    back = kwargs.get("k", 4)
    for t in range(count):
        wanted = seen[0] if "First" in name else seen[max(t + 1 - back, 0)]
        obs, reward, ended, *_ = env.step(wanted)
        known += reward
        guessed += guesses.step(rng.integers(4, size=copies))[1]
        seen.append(obs)
        assert ended.all() == ended.any() == (t + 1 == count)
    np.testing.assert_allclose(known, 1.0)
    assert guessed.mean() == pytest.approx(-0.5, abs=0.03)  # the standard error is below 0.006


@pytest.mark.parametrize("name", ["gymnast/RepeatFirst-v0", "gymnast/RepeatPrevious-v0"])
def test_a_deck_holds_as_many_cards_of_each_suit(name):
    env = native.make(name, 50, AutoresetMode.NEXT_STEP)
    rows = [env.reset(seed=1)[0], *(env.step(np.zeros(50, np.int64))[0] for _ in range(51))]
    assert (np.sort(np.stack(rows), 0) == np.repeat(np.arange(4), 13)[:, None]).all()


@pytest.mark.parametrize(("name", "kwargs", "told"), [
    ("gymnast/TMaze-v0", {"length": 0}, "length is 0; the corridor must have 1 cell or more"),
    ("gymnast/RepeatFirst-v0", {"decks": 0}, "decks is 0; it must be between 1 and 1000"),
    ("gymnast/RepeatPrevious-v0", {"k": 0}, "k is 0; it must be between 1 and 51"),
    ("gymnast/RepeatPrevious-v0", {"k": 52}, "k is 52; it must be"),
    ("gymnast/RepeatPrevious-v0", {"decks": -1}, "decks is -1; it must be"),
])  # fmt: skip
def test_arguments_without_meaning_are_refused(name, kwargs, told):
    with pytest.raises(UsageError, match=told):
        native.make(name, 1, **kwargs)


def shown(env):
    """The colours of the picture, and how many pixels have each."""
    colors, counts = np.unique(env.render()[0].reshape(-1, 3), axis=0, return_counts=True)
    return {tuple(color.tolist()): count for color, count in zip(colors, counts, strict=True)}


@pytest.mark.parametrize("length", [1, 10, 5000])
def test_the_picture_of_the_maze_shows_agent_sign_and_goal(length):
    env = native.make("gymnast/TMaze-v0", 1, AutoresetMode.DISABLED, render_mode="rgb_array", length=length)
    env.reset(seed=0)
    before = env.render()[0]
    assert before.shape == (144, 640, 3)
    assert {(66, 133, 244), (129, 199, 132)} <= shown(env).keys()
    for _ in range(length):
        env.step(np.array([FORWARD]))
    assert (env.render()[0] != before).any()
    env.step(env.state[:, 1].astype(np.int64))
    goal = env.render()[0][:48] if env.state[0, 1] == UP else env.render()[0][96:]
    assert (goal == (66, 133, 244)).all(-1).any()


def test_the_picture_of_the_cards_says_whether_the_answer_was_right():
    env = native.make("gymnast/RepeatFirst-v0", 1, render_mode="rgb_array")
    right, wrong = (129, 199, 132), (236, 112, 84)
    obs, _ = env.reset(seed=0)
    assert not {right, wrong} & shown(env).keys()
    env.step(obs)
    assert right in shown(env)
    env.step((obs + 1) % 4)
    assert wrong in shown(env)


def test_no_loop_that_hands_out_no_infos_takes_the_maze():
    assert native.make("gymnast/TMaze-v0").looped is None
    assert native.make("gymnast/RepeatFirst-v0").looped is not None
