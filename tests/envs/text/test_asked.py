"""Questions of a person's own are those that the task itself would ask."""

import numpy as np
import pytest

from gymnast.core.errors import UsageError
from gymnast.envs import text
from gymnast.envs.text.calculator import Calculator
from gymnast.envs.text.vector import TextVectorEnv
from probes import SEED

POSED = ["Addition", "Sorting", "Copy", "Parity", "Countdown", "Calculator", "Words"]


def answered(env, asked, answer):
    """What is shown of an answer, which comes to an END."""
    vocabulary = env.task.vocabulary
    return asked.shown([*vocabulary.encode(answer).tolist(), vocabulary.end])


@pytest.mark.parametrize("name", POSED)
def test_what_a_task_asks_it_also_understands_from_a_person(name):
    task = text.load(f"gymnast/{name}-v0")
    questions = task.ask(np.random.default_rng(SEED), 300, "train")
    answers = task.example(questions, np.random.default_rng(SEED))
    length = np.array([len(answer) for answer in answers])
    response = np.full((300, task.longest[1]), task.vocabulary.pad, np.int32)
    for row, answer in zip(response, answers, strict=True):
        row[: len(answer)] = answer
    shown = [task.vocabulary.decode(prompt) for prompt in questions.prompt]
    posed = [task.pose(prompt) for prompt in shown]
    assert [task.vocabulary.decode(one.prompt[0]) for one in posed] == shown
    assert {one.prompt.dtype for one in posed} == {np.dtype(np.int32)}
    shifted = np.roll(response, 1, 0), np.roll(length, 1)  # answers to other questions
    for given, size in ((response, length), shifted):
        scores = task.score(questions, given, size)
        alone = [task.score(one, given[i : i + 1], size[i : i + 1]) for i, one in enumerate(posed)]
        assert [float(one.reward[0]) for one in alone] == scores.reward.tolist()


@pytest.mark.parametrize(
    ("name", "prompts"),
    [
        ("Addition", ["12+34", "123+4=", "1+2+3=", "+2=", ""]),
        ("Sorting", ["12345=", "1234567=", "123456"]),
        ("Copy", ["=", "abcd=", "abc", "a=b="]),
        ("Parity", ["=", "010101010=", "01"]),
        ("Countdown", ["1,2:3=", "1,2,21:3=", "1,2,0:3=", "1,2,3:100=", "1,2,3:0=", "1,2,3,4:5="]),
        ("Calculator", ["1*22:", "01*22:", "11*22", "111*22:"]),
        ("Words", ["", "..", "a"]),
    ],
)
def test_what_a_task_never_asks_gets_no_verdict(name, prompts):
    env = text.make(f"gymnast/{name}-v0")
    for prompt in prompts:
        assert env.task.pose(prompt) is None, prompt
        if len(prompt) <= env.task.longest[0]:
            assert answered(env, env.pose(prompt), "").verdict == ""


def test_the_verdict_is_that_of_the_environment():
    env = text.make("gymnast/Addition-v0")
    right, wrong = (answered(env, env.pose("12+34="), answer) for answer in ("46", "47"))
    assert right == ("12+34=", "46", "right", True)
    assert wrong == ("12+34=", "47", "wrong", False)
    assert env.pose("12+34=").shown(env.task.vocabulary.encode("46").tolist())[2:] == ("unfinished", False)
    assert env.pose("12+34=").shown([]) == ("12+34=", "", "", False)
    words = text.make("gymnast/Words-v0")
    assert answered(words, words.pose("."), "banana").verdict.startswith("reward ")


def test_the_question_of_a_row_is_the_one_that_the_environment_asked():
    env = text.make("gymnast/Addition-v0", 3, render_mode="ansi")
    obs, _ = env.reset(seed=4)
    asked = env.asked(2)
    assert asked.prompt.tolist() == obs[2][obs[2] != env.task.vocabulary.pad].tolist()
    a, b = map(int, env.task.vocabulary.decode(asked.prompt)[:-1].split("+"))
    assert answered(env, asked, str(a + b)).good
    env.step([1, 1, env.task.vocabulary.end])
    assert env.render()[2].endswith("= [wrong]")


def test_a_calculator_replies_as_it_does_in_the_environment():
    env = TextVectorEnv(Calculator(), 1)
    vocabulary = env.task.vocabulary
    asked = env.pose("47*38:")
    assert vocabulary.decode(asked.reply(vocabulary.encode("8*47=").tolist())) == "376;"
    assert asked.reply(vocabulary.encode("8*47").tolist()) == []
    full = vocabulary.encode("1" * 45 + "+2=").tolist()  # as many as fit
    assert len(full) == asked.longest == 48
    assert asked.reply(full) == []
    assert len(asked.reply(full[3:])) == 2  # "?;" where three fit
    assert len(asked.reply(full[1:])) == 1
    assert env.pose("1:").reply(full[3:]) == []  # which is no question


def test_texts_that_go_on_have_no_limit_and_no_verdict():
    env = text.make("gymnast/Source-v0")
    env.reset(seed=0)
    for asked in (env.asked(), env.pose("ab")):
        assert asked.longest is None
        assert answered(env, asked, "a").verdict == ""


def test_what_the_network_could_not_read_is_refused():
    with pytest.raises(UsageError, match="the vocabulary has no 'x'"):
        text.make("gymnast/Addition-v0").pose("1+x=")
    with pytest.raises(UsageError, match="this has 7 tokens; questions of the task have at most 6"):
        text.make("gymnast/Addition-v0").pose("123+45=")
    assert len(text.make("gymnast/Source-v0").pose("abc" * 40).prompt) == 120
