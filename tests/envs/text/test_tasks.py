"""Tasks of text: their splits, their worked answers, their arguments, and what is known of each exactly."""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from writing import padded, prompts, responses

from gymnast import envs
from gymnast.core.errors import UsageError
from gymnast.envs import text
from gymnast.envs.text.task import Questions, held_out, of_split
from gymnast.envs.text.vector import TextVectorEnv
from probes import SEED

IDS = [id for id in text.NAMES if "Reasoning" not in id]
SPLIT_BY_QUESTION = [id for id in IDS if id not in ("gymnast/Text-v0", "gymnast/Words-v0", "gymnast/Source-v0")]


def task_of(id, **kwargs):
    return text.load(id, **kwargs)


def asked(task, count, split="train", seed=SEED):
    return task.ask(np.random.default_rng(seed), count, split)


@pytest.mark.parametrize("id", IDS)
def test_worked_answers_are_right_and_fit_for_a_thousand_questions(id):
    task = task_of(id)
    for split in ("train", "test"):
        questions = asked(task, 1000, split)
        examples = task.example(questions, np.random.default_rng(SEED))
        assert len(questions.prompt) == len(questions.hidden) == len(examples) == 1000
        assert questions.prompt.dtype == np.int32
        assert questions.prompt.shape[1] <= task.longest[0]
        response, length = padded(examples, task.longest[1], task.vocabulary.pad)
        scores = task.score(questions, response, length)
        assert not scores.unparsed.any()
        assert id == "gymnast/Words-v0" or (scores.reward == 1).all()
        if not hasattr(task, "correct"):
            assert (response[np.arange(1000), length - 1] == task.vocabulary.end).all()


@pytest.mark.parametrize("id", SPLIT_BY_QUESTION)
def test_questions_of_tests_are_never_asked_in_training(id):
    train, test = (set(prompts(task_of(id), asked(task_of(id), 4000, split))) for split in ("train", "test"))
    assert train
    assert test
    assert not train & test


@pytest.mark.parametrize(
    ("id", "parts"),
    [
        ("gymnast/Addition-v0", lambda prompt: sorted(prompt[:-1].split("+"))),
        ("gymnast/Calculator-v0", lambda prompt: sorted(prompt[:-1].split("*"))),
        ("gymnast/Countdown-v0", lambda prompt: [*sorted(prompt.split(":")[0].split(",")), prompt.split(":")[1]]),
    ],
)
def test_questions_of_tests_are_not_asked_in_another_order_in_training_either(id, parts):
    task = task_of(id)
    train, test = ({tuple(parts(x)) for x in prompts(task, asked(task, 10_000, split))} for split in ("train", "test"))
    assert train
    assert test
    assert not train & test


def test_words_of_tests_are_never_shown_in_training():
    task = task_of("gymnast/Words-v0")
    train, test = ({row.tobytes() for row in asked(task, 4000, split).hidden} for split in ("train", "test"))
    assert train
    assert test
    assert not train & test


def test_windows_of_tests_are_the_end_of_the_text():
    task = task_of("gymnast/Text-v0")
    train, test = (asked(task, 2000, split).hidden for split in ("train", "test"))
    assert (train >= 0).all()
    assert train.max() + 64 < len(task.train)
    assert (test < 0).all()
    assert (-1 - test).max() + 64 < len(task.test)
    assert abs(len(task.test) / len(task.train) - 1 / 9) < 0.001


def test_one_question_in_ten_is_held_out_by_nothing_but_its_tokens():
    tokens = np.arange(30000).reshape(10000, 3) % 997
    out = held_out(tokens, 999)
    assert 0.08 < out.mean() < 0.12
    wider = np.append(tokens, np.full((10000, 4), 1234), 1)
    assert np.array_equal(held_out(wider, 1234), out)
    assert np.flatnonzero(out)[:5].tolist() == [8, 17, 37, 41, 70]  # on every machine and by every version


def test_a_task_without_questions_for_a_split_is_refused():
    with pytest.raises(UsageError, match="too few different questions"):
        asked(task_of("gymnast/Copy-v0", length=1, symbols=1), 1, "test" if _train_only() else "train")


def _train_only():
    return not held_out(np.array([[0, 1]], np.int32), 3)[0]


def test_questions_are_drawn_until_there_are_enough_of_a_split():
    drawn = []

    def draw(rng, count):
        drawn.append(count)
        return Questions(rng.integers(100, size=(3, 2)).astype(np.int32), np.arange(3))

    questions = of_split(draw, np.random.default_rng(SEED), 50, "test", 100)
    assert len(questions.prompt) == len(questions.hidden) == 50
    assert held_out(questions.prompt, 100).all()
    assert len(drawn) > 50 // 3


@pytest.mark.parametrize(
    ("id", "kwargs", "message"),
    [
        ("Sorting", {"digits": 0}, "digits"),
        ("Countdown", {"numbers": 1}, "numbers must be a whole number from 2 to 6"),
        ("Countdown", {"target": 1.5}, "target"),
        ("Parity", {"bits": "8"}, "bits"),
        ("Copy", {"symbols": 27}, "symbols"),
        ("Source", {"chain": -1}, "chain"),
        ("Text", {"vocabulary": "words"}, "vocabulary must be one of characters, bytes, pairs"),
        ("Text", {"file": "/nowhere"}, "^there is no file '/nowhere'; set file to a text$"),
        ("Text", {"context": 1 << 16}, "too few for windows of 65536"),
        ("Text", {"file": "/dev/zero"}, "there is no file"),
        ("Words", {"file": "/nowhere"}, "set file to a list of words"),
        ("ReasoningGym", {}, "give dataset"),
        ("ReasoningGym", {"dataset": "x"}, "pip install 'gymnast.reasoning"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(id, kwargs, message):
    with pytest.raises(UsageError, match=message):
        task_of(f"gymnast/{id}-v0", **kwargs)


@pytest.mark.parametrize(
    ("id", "kwargs", "prompt", "answer"),
    [
        ("Addition", {"digits": 4}, r"\d{1,4}\+\d{1,4}=", r"\d{1,5}"),
        ("Sorting", {"digits": 3}, r"\d{3}=", r"\d{3}"),
        ("Copy", {"length": 2, "symbols": 2}, r"[ab]{1,2}=", r"[ab]{1,2}"),
        ("Parity", {"bits": 3}, r"[01]{1,3}=", r"[01]{1,3}"),
        ("Countdown", {"numbers": 4, "target": 10}, r"(\d+,){3}\d+:(\d|10)=", r"[\d()*+-]+"),
        ("Calculator", {}, r"\d\d\*\d\d:", r"(\d+[*+]\d+=\d+;){3}\d+"),
        ("Words", {}, r"\.", r"[a-z]{3,12}"),
    ],
)
def test_questions_and_answers_look_as_described(id, kwargs, prompt, answer):
    task = task_of(f"gymnast/{id}-v0", **kwargs)
    questions = asked(task, 300)
    for shown, example in zip(prompts(task, questions), task.example(questions, np.random.default_rng(0)), strict=True):
        assert re.fullmatch(prompt, shown)
        assert re.fullmatch(answer, task.vocabulary.decode(example))


def test_a_lax_verifier_takes_answers_that_a_strict_one_does_not():
    strict, lax = (task_of("gymnast/Addition-v0", verifier=verifier, room=4) for verifier in ("exact", "contains"))
    questions = Questions(strict.ask(np.random.default_rng(0), 1, "train").prompt, np.array([[4, 6, 12, 13]], np.int32))
    found = []
    for answer in ("46", "046", "4646", "12463", "4", "64", "4+6", "416"):
        response, length = responses(strict, [answer])
        found.append([task.score(questions, response, length).reward[0] for task in (strict, lax)])
    assert found == [[1, 1], [0, 1], [0, 1], [0, 1], [0, 0], [0, 0], [0, 0], [0, 0]]


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("length", [1, 2, 50])
def test_the_entropy_of_a_source_is_that_of_its_texts(length, split):
    source = task_of("gymnast/Source-v0", symbols=5, length=length, chain=SEED)
    assert np.allclose(source.stationary @ source.transition, source.stationary)
    env = TextVectorEnv(source, split=split)
    env.reset(seed=SEED)
    tokens, own = env.examples(400_000 // length)
    assert (own == (np.arange(length + 1) > 0)).all()
    nats = -np.log(source.transition[tokens[:, :-1], tokens[:, 1:]])
    of_windows = nats.mean(1)
    error = of_windows.std() / np.sqrt(len(of_windows))
    assert abs(of_windows.mean() - source.entropy) < 6 * error
    guessed = source.transition.argmax(1)[tokens[:, :-1]] == tokens[:, 1:]
    assert abs(guessed.mean() - source.best) < 6 * guessed.mean(1).std() / np.sqrt(len(guessed))


def test_the_gold_reward_of_words_is_the_one_described():
    task = task_of("gymnast/Words-v0")
    words = ["banana", "eel", "strengthens", "a.a", "."]
    raw = [5, 1 - 1.5, 4 - 0.5 * 4, -1.5, -1.5]
    response, length = responses(task, words)
    scores = task.score(asked(task, len(words)), response, length)
    assert np.allclose(scores.reward * task._deviation + task._mean, raw, atol=1e-5)
    assert scores.unparsed.tolist() == [False, False, False, True, True]
    learned = task._words
    gold = task.score(None, learned, (learned != task.vocabulary.pad).sum(1)).reward
    assert abs(gold.mean()) < 1e-5
    assert abs(gold.std() - 1) < 1e-5


def test_words_come_from_a_list_of_ones_own(tmp_path):
    (tmp_path / "list").write_text("\n".join(f"w{a}{b}" for a in "aeiou" for b in "bcdfghklmnprst") + "\nNo\nx\n")
    task = task_of("gymnast/Words-v0", file=str(tmp_path / "list"))
    assert {task.vocabulary.decode(row)[0] for row in asked(task, 100).hidden} == {"w"}
    (tmp_path / "short").write_text("too\nfew\n")
    with pytest.raises(UsageError, match="has 2 words"):
        task_of("gymnast/Words-v0", file=str(tmp_path / "short"))


@pytest.mark.parametrize("vocabulary", ["characters", "bytes", "pairs"])
def test_a_text_of_ones_own_is_read_in_any_vocabulary(tmp_path, vocabulary):
    if vocabulary == "pairs":
        pytest.importorskip("tokenizers")
    (tmp_path / "text").write_text("Grün ist die Heide, die Heide ist grün. " * 100, "utf-8")
    task = task_of("gymnast/Text-v0", file=str(tmp_path / "text"), context=8, vocabulary=vocabulary, symbols=280)
    tokens, *_ = TextVectorEnv(task).examples(20)
    whole = (tmp_path / "text").read_text("utf-8")
    assert all(task.vocabulary.decode(row).strip("\ufffd") in whole for row in tokens)
    (tmp_path / "text").write_text("another text " * 100)
    again = task_of("gymnast/Text-v0", file=str(tmp_path / "text"), context=8, vocabulary=vocabulary, symbols=280)
    assert "another" in again.vocabulary.decode(again.train)


class Sums:
    """A data set with the interface of reasoning-gym's: some answers are worth a little."""

    def __init__(self, size, seed, terms=2):
        rng = np.random.default_rng(seed)
        self.terms = rng.integers(10, size=(size, terms))

    def __getitem__(self, i):
        said = " + ".join(map(str, self.terms[i]))
        long = "really, " * 50 if i % 10 == 3 else ""
        return {"question": f"What is {long}{said}?", "answer": str(self.terms[i].sum()), "metadata": {}}

    def score_answer(self, answer, entry):
        if answer == "!":
            raise RuntimeError("this was not foreseen")
        return 1.0 if answer == entry["answer"] else 0.01


@pytest.fixture
def reasoning(monkeypatch):
    def create_dataset(name, size, seed, **config):
        assert name == "sums"
        return Sums(size, seed, **config)

    monkeypatch.setitem(sys.modules, "reasoning_gym", SimpleNamespace(create_dataset=create_dataset))


@pytest.mark.usefixtures("reasoning")
def test_data_sets_of_reasoning_gym_pay_for_right_answers_alone():
    env = envs.make("gymnast/ReasoningGym-v0", 4, dataset="sums", terms=3, prompt=64, response=8, group=2)
    task = env.task
    questions = asked(task, 500)
    examples = task.example(questions, np.random.default_rng(0))
    response, length = padded(examples, 9, task.vocabulary.pad)
    assert (task.score(questions, response, length).reward == 1).all()
    assert all(prompt.startswith("What is ") and prompt.endswith("?\n") for prompt in prompts(task, questions))
    assert not any("really" in prompt for prompt in prompts(task, questions))
    three = questions.at(np.arange(3))
    response, length = responses(task, ["x", "!", ""])
    scores = task.score(three, response, length)
    assert scores.reward.tolist() == [0, 0, 0]
    assert scores.unparsed.tolist() == [False, True, False]
    obs, _ = env.reset(seed=0)
    assert np.array_equal(obs[0], obs[1])


@pytest.mark.usefixtures("reasoning")
def test_data_sets_of_reasoning_gym_are_refused_where_they_do_not_fit():
    with pytest.raises(UsageError, match="set prompt to more"):
        task_of("gymnast/ReasoningGym-v0", dataset="sums", prompt=4)
    short = task_of("gymnast/ReasoningGym-v0", dataset="sums", terms=30, response=1, prompt=200)
    questions = asked(short, 50)
    with pytest.raises(UsageError, match="set response to more"):
        short.example(questions, np.random.default_rng(0))
    with pytest.raises(UsageError, match="'term'"):
        envs.make("gymnast/ReasoningGym-v0", dataset="sums", term=3)
