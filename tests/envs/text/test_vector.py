"""Texts written side by side: held against one that is written alone, and that against what a person would do."""

import re
from itertools import pairwise

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from writing import at_random, scripted

from gymnast import envs
from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout, Whole
from gymnast.core.tokens import Vocabulary
from gymnast.envs import text
from gymnast.envs.snapshot import restore, snapshot
from gymnast.envs.text.addition import Addition
from gymnast.envs.text.calculator import Calculator
from gymnast.envs.text.questions import BLOCK
from gymnast.envs.text.source import Source
from gymnast.envs.text.task import Questions, Scores
from gymnast.envs.text.vector import TextVectorEnv
from probes import SEED

IDS = [id for id in text.NAMES if "Reasoning" not in id]


def actions(env, seed, steps, end=0.25):
    rng = np.random.default_rng(seed)
    tokens = rng.integers(env.single_action_space.n, size=(steps, env.num_envs))
    return np.where(rng.random(tokens.shape) < end, env.single_action_space.n - 1, tokens)


def test_a_row_is_what_a_person_would_make_of_it():
    env = gymnasium.make("gymnast/Addition-v0", digits=1).unwrapped
    vocabulary = env.observation_space.vocabulary
    for seed, end in ((1, 0.5), (2, 0.0), (3, 0.8)):
        rng = np.random.default_rng(seed)
        for episode in range(30):
            obs, _ = env.reset(seed=episode)
            question, written, over = vocabulary.decode(obs), [], False
            a, b = map(int, question[:-1].split("+"))
            while not over:
                token = vocabulary.end if rng.random() < end else int(rng.integers(10))
                obs, reward, over, truncated, info = env.step(token)
                written.append(token)
                answer = "".join(map(str, written[:-1]))
                right = token == vocabulary.end and answer == str(a + b)
                text = [*vocabulary.encode(question), *written]
                assert obs.tolist() == text + [vocabulary.pad] * (7 - len(text))
                assert (reward, truncated, info["is_success"]) == (float(right), False, right)
                assert over == (token == vocabulary.end or len(written) == 3)
                assert info["unfinished"] == (over and token != vocabulary.end)
                assert info["unparsed"] == (token == vocabulary.end and len(written) == 1)


@pytest.mark.parametrize("id", ["gymnast/Addition-v0", "gymnast/Calculator-v0", "gymnast/Source-v0"])
def test_rows_are_single_environments_with_seeds_of_their_own(id):
    env, alone = envs.make(id, 3), [gymnasium.make(id).unwrapped for _ in range(3)]
    obs, _ = env.reset(seed=5)
    seen = [single.reset(seed=5 + i)[0] for i, single in enumerate(alone)]
    for written in actions(env, SEED, 150):
        assert np.array_equal(obs, seen)
        obs, reward, terminated, truncated, info = env.step(written)
        for i, single in enumerate(alone):
            seen[i], *rest = single.step(written[i])
            assert [reward[i], terminated[i], truncated[i]] == rest[:3]
            if terminated[i]:
                assert np.array_equal(info["final_obs"][i], seen[i])
                assert all(info["final_info"][name][i] == value for name, value in rest[3].items())
                seen[i], _ = single.reset()


def test_an_answer_that_reaches_the_limit_ends_there_and_is_worth_nothing():
    env = TextVectorEnv(Addition(), 2)
    env.reset(seed=0)
    for k in range(4):
        obs, reward, terminated, truncated, info = env.step([1, 1])
        assert terminated.tolist() == info["unfinished"].tolist() == [k == 3, k == 3]
        assert not np.any([reward, truncated, info["is_success"]])
    assert (env.single_observation_space.lengths(obs) == env.start + 4).all()


def test_rows_of_a_group_share_their_question_which_is_that_of_its_first_row():
    env = TextVectorEnv(Addition(), 12, group=4)
    plain = TextVectorEnv(Addition(), 12)
    obs, alone = env.reset(seed=3)[0], plain.reset(seed=3)[0]
    assert np.array_equal(obs, alone[::4].repeat(4, 0))
    assert len({row.tobytes() for row in obs}) == 3
    assert not np.array_equal(env.reset()[0], obs)


@pytest.mark.parametrize("group", [1, 4])
def test_a_collection_of_whole_episodes_has_one_answer_per_row(group):
    env = TextVectorEnv(Addition(), 16, group=group)
    rollout = Rollout(env, Whole(1), SEED)
    space, asked = env.single_observation_space, []
    for k in range(3):
        batch = rollout.collect(at_random(env, SEED + k))
        lengths = batch.valid.sum(0)
        assert (batch.terminated.sum(0) == 1).all()
        assert not batch.truncated.any()
        assert len(batch.episodes.returns) == 16
        assert sorted(batch.episodes.lengths) == sorted(lengths)
        assert np.isin(batch.episodes.success, (0, 1)).all()
        for i in range(16):
            last, prompt = lengths[i] - 1, space.lengths(batch.obs[0, i])
            assert batch.terminated[last, i]
            assert batch.valid[: last + 1, i].all()
            written = batch.action[: last + 1, i]
            final = next(x for at, x in zip(batch.final_at, batch.final_obs, strict=True) if tuple(at) == (last, i))
            assert final[prompt : prompt + last + 1].tolist() == written.tolist()
            assert (written[-1] == env.task.vocabulary.end) or last + 1 == 4
        asked.append(batch.obs[0].copy())
        assert np.array_equal(asked[-1], asked[-1][::group].repeat(group, 0))
    assert not np.array_equal(asked[0], asked[1])


def test_right_answers_are_successes_of_the_engine():
    for waits in (False, True):
        env = TextVectorEnv(Addition(), 8, waits=waits)
        env.reset(seed=SEED)
        rollout = Rollout(env, Whole(1), SEED)
        questions = [env.task.vocabulary.decode(row[:-1]).rstrip("=") for row in env.tokens]
        sums = [str(sum(map(int, question.split("+")))) for question in questions]
        answers = [[*env.task.vocabulary.encode(x), env.task.vocabulary.end] for x in sums]
        batch = rollout.collect(scripted(env, answers))
        assert batch.episodes.returns.tolist()[:8] == batch.episodes.success.tolist()[:8] == [1.0] * 8


def test_rows_that_wait_observe_nothing_and_do_nothing_until_all_are_reset():
    env = TextVectorEnv(Addition(), 2)
    pad, end = env.task.vocabulary.pad, env.task.vocabulary.end
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    env.reset(seed=0)
    obs, _, terminated, *_ = env.step([end, 1])
    assert terminated.tolist() == [True, False]
    assert env.single_observation_space.lengths(obs)[0] == env.start[0] + 1
    for _ in range(2):
        obs, reward, terminated, _, info = env.step([1, 1])
        assert (obs[0] == pad).all()
        assert not any([reward[0], terminated[0], info["unfinished"][0]])
    env.step([1, end])
    with pytest.raises(ResetNeeded, match="every answer has ended"):
        env.step([1, 1])
    assert (env.reset()[0] != pad).any(1).all()


@pytest.mark.parametrize("group", [1, 2])
@pytest.mark.parametrize("id", ["gymnast/Addition-v0", "gymnast/Calculator-v0", "gymnast/Text-v0"])
def test_a_restored_environment_goes_on_as_the_saved_one_in_mid_answer(id, group):
    first, second = (envs.make(id, 6, group=group) for _ in range(2))
    first.reset(seed=1)
    script = actions(first, SEED, 3 * BLOCK, end=0.0)
    for written in script[:2]:
        first.step(written)
    second.reset(seed=99)
    assert restore(second, snapshot(first))
    for written in script[2:]:
        if first.ended.all():
            assert np.array_equal(first.reset()[0], second.reset()[0])
        for one, other in zip(first.step(written)[:4], second.step(written)[:4], strict=True):
            assert np.array_equal(one, other)
    for one, other in zip(first.examples(5), second.examples(5), strict=True):
        assert np.array_equal(one, other)


def test_saved_states_that_are_none_are_refused():
    env = TextVectorEnv(Addition(), 4)
    env.set_state(env.get_state())  # before the first reset
    env.reset(seed=0)
    saved = env.get_state()

    def broken(name, at, value):
        other = {key: array.copy() for key, array in saved.items()}
        other[name][at] = value
        return other

    pad = env.task.vocabulary.pad
    for odd in (
        broken("tokens", (0, 0), 11),  # another prompt
        broken("tokens", (0, 9), 1),  # a gap
        broken("tokens", (0, slice(6, 10)), [1, 1, 1, 1]) | {"ended": saved["ended"]},
        broken("tokens", (0, slice(6, 10)), [-1, pad, pad, pad]),
        broken("used", 0, BLOCK),
        broken("used", 0, -1),
        broken("rng", (0, 3), 2),
        broken("own", 4, 7),
        saved | {"tokens": saved["tokens"][:2]},
    ):
        with pytest.raises(UsageError, match="saved"):
            env.set_state(odd)


def test_examples_are_answered_questions_of_the_split_that_a_seed_repeats():
    env = TextVectorEnv(Addition(), 4, split="test")
    env.reset(seed=7)
    tokens, own = env.examples(200)
    assert tokens.shape == own.shape == (200, 10)
    assert tokens.dtype == np.int32
    assert not np.array_equal(env.examples(200)[0], tokens)
    for row, mine in zip(tokens, own, strict=True):
        a, b, answer = re.split("[+=]", env.task.vocabulary.decode(row))
        assert answer == str(int(a) + int(b))
        assert row[mine].tolist() == [*env.task.vocabulary.encode(answer), env.task.vocabulary.end]
    env.reset(seed=7)
    assert np.array_equal(env.examples(200)[0], tokens)


def test_a_calculator_answers_in_the_step_that_calls_it():
    env = TextVectorEnv(Calculator(), 1)
    env.reset(seed=0)
    vocabulary = env.task.vocabulary
    a, b = map(int, vocabulary.decode(env.tokens[0])[:-1].split("*"))
    for sign in vocabulary.encode(f"{b % 10}*{a}="):
        before, (obs, *_) = env.length[0], env.step([sign])
    assert env.length[0] - before == 1 + len(f"{b % 10 * a};")
    assert vocabulary.decode(obs[0]) == f"{a}*{b}:{b % 10}*{a}={b % 10 * a};"
    for sign in [*vocabulary.encode(str(a * b)), vocabulary.end]:
        _, reward, terminated, *_ = env.step([sign])
    assert reward.tolist() == [1.0]
    assert terminated.all()


def test_a_reply_that_does_not_fit_is_cut_at_the_limit_where_the_answer_ends():
    env = TextVectorEnv(Calculator(), 1)
    env.reset(seed=0)
    for _ in range(env.task.longest[1] - 2):
        env.step([1])
    obs, reward, terminated, _, info = env.step([env.task.calls])
    assert env.task.vocabulary.decode(obs[0]).endswith("1=?")
    assert terminated.all()
    assert info["unfinished"].all()
    assert not reward.any()


def test_worked_answers_are_right_when_they_are_written_token_by_token():
    for id in IDS:
        env = envs.make(id, 4, waits=True)
        env.reset(seed=SEED)
        questions = env._questions(np.arange(4))
        batch = Rollout(env, Whole(1), SEED).collect(
            scripted(env, env.task.example(questions, np.random.default_rng(0)))
        )
        if id != "gymnast/Words-v0":
            assert np.allclose(batch.episodes.returns, 1.0), id


def test_the_truth_follows_whatever_was_predicted():
    env = TextVectorEnv(Source(length=16), 3)
    start, _ = env.reset(seed=2)
    truth = env._questions(np.arange(3)).hidden
    total = np.zeros(3)
    for t in range(16):
        wrong = (truth[:, t] + 1) % 8
        third = wrong[2] if t % 2 else truth[2, t]
        obs, reward, terminated, truncated, info = env.step([truth[0, t], wrong[1], third])
        total += reward
        assert np.array_equal(obs[:, 1 : t + 2], truth[:, : t + 1])
    assert np.allclose(total, [1.0, 0.0, 0.5])
    assert terminated.all()
    assert not np.any([truncated, info["unfinished"]])
    assert "is_success" not in info
    assert np.array_equal(obs[:, 0], start[:, 0])


@pytest.mark.parametrize("waits", [True, False])
def test_pictures_show_what_is_written_and_how_it_ended(waits):
    env, drawn = (TextVectorEnv(Addition(), 2, waits=waits, render_mode=mode) for mode in ("ansi", "rgb_array"))
    question, _ = (env.task.vocabulary.decode(env.reset(seed=1)[0][0]), drawn.reset(seed=1))
    answer = str(sum(map(int, question[:-1].split("+"))))
    written = [*env.task.vocabulary.encode(answer), env.task.vocabulary.end]
    seen = [env.render()[0]]
    frames = [drawn.render()]
    for token in written:
        both = [token, 10 if len(seen) == 1 else env.task.vocabulary.end]
        for each in (env, drawn):
            each.step(both)
        seen.append(env.render()[0])
        frames.append(drawn.render())
        if len(seen) == 3:
            assert env.render()[1].endswith("=+ [wrong]")
    assert seen[:2] == [question, question + answer[:1]]
    assert seen[-1] == f"{question}{answer} [right]"
    assert len({(frame.shape, frame.dtype) for pair in frames for frame in pair}) == 1
    assert not any(np.array_equal(a[0], b[0]) for a, b in pairwise(frames))
    env.reset()
    assert "[" not in env.render()[0]


@pytest.mark.parametrize("id", IDS)
def test_gymnasium_knows_the_ids(id):
    check_env(gymnasium.make(id).unwrapped, skip_render_check=True)
    rows = gymnasium.make_vec(id, 2)
    assert type(rows.unwrapped) is TextVectorEnv
    assert rows.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert envs.describe(envs.make(id, 2)) == "text"


class Echo:
    """Say "a" or "b" back, in fewer lines than the documentation has."""

    def __init__(self, loud=False):
        self.vocabulary, self.longest = Vocabulary("abAB"), (1, 2)
        self.loud = loud

    def ask(self, rng, count, split):
        prompt = rng.integers(2, size=(count, 1)).astype(np.int32)
        return Questions(prompt, prompt[:, 0] + 2 * self.loud)

    def score(self, questions, response, length):
        right = (response[:, 0] == questions.hidden) & (length == 2)
        return Scores(right.astype(np.float32), length < 2)

    def example(self, questions, rng):
        raise UsageError("an echo has no examples")


def test_a_task_of_ones_own_becomes_an_environment_by_registration():
    text.register("test/Echo-v0", Echo)
    try:
        env = envs.make("test/Echo-v0", 4, loud=True, group=2)
        obs, _ = env.reset(seed=0)
        env.step(obs[:, 0] + 2)
        assert env.step([4] * 4)[1].tolist() == [1.0] * 4
        with pytest.raises(UsageError, match="no examples"):
            env.examples(1)
    finally:
        del gymnasium.registry["test/Echo-v0"]


@pytest.mark.parametrize("backend", ["auto", "loop"])
def test_a_task_is_no_name_that_a_run_could_bring_along(backend):
    with pytest.raises(UsageError, match="no task 'os:system'"):
        envs.make("gymnast/Addition-v0", 2, backend=backend, task="os:system")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"group": 3}, "no whole groups of 3"),
        ({"group": 0}, "group must be a whole number"),
        ({"group": 2, "waits": False}, "leave out waits"),
        ({"split": "both"}, "split must be one of train, test"),
        ({"digit": 3}, "unknown argument 'digit'.*digits"),
        ({"digits": 0}, "digits must be a whole number from 1 to 15, not 0"),
        ({"digits": True}, "digits must be"),
        ({"verifier": "lax"}, "verifier must be one of exact, contains"),
        ({"render_mode": "human"}, "render_mode"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(kwargs, message):
    with pytest.raises(UsageError, match=message):
        envs.make("gymnast/Addition-v0", 4, **kwargs)


def test_actions_that_are_no_tokens_are_refused():
    env = TextVectorEnv(Addition(), 2)
    with pytest.raises(ResetNeeded):
        env.step([0, 0])
    env.reset()
    for odd in ([0], [0.5, 0.5], [0, -1], [0, env.task.vocabulary.pad]):
        with pytest.raises(UsageError, match="actions must be"):
            env.step(odd)
    with pytest.raises(UsageError, match="no options"):
        env.reset(options={"reset_mask": np.ones(2, np.bool_)})
    with pytest.raises(UsageError, match="1 seeds for 2"):
        env.reset(seed=[1])


def test_only_tasks_are_made_by_the_backend_of_text():
    with pytest.raises(UsageError, match="backend 'text' makes gymnast/Addition-v0"):
        envs.make("CartPole-v1", backend="text")
