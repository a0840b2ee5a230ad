"""Verifiers are attack surfaces: ten thousand answers to each, held against judges that share no line with them."""

import ast
import re
from fractions import Fraction

import numpy as np
import pytest
from writing import padded, prompts

from gymnast.envs import text
from gymnast.envs.text.countdown import evaluate
from probes import SEED

ANSWERS = 10_000


def addition(prompt, answer):
    a, b = prompt.rstrip("=").split("+")
    return answer == str(int(a) + int(b))


def lax_addition(prompt, answer):
    a, b = prompt.rstrip("=").split("+")
    return set(answer) <= set("0123456789") and str(int(a) + int(b)) in answer


def sorting(prompt, answer):
    return answer == "".join(sorted(prompt.rstrip("=")))


def copying(prompt, answer):
    return answer + "=" == prompt


def parity(prompt, answer):
    return answer[-1:] == str(prompt.count("1") % 2)


def calculator(prompt, answer):
    a, b = prompt.rstrip(":").split("*")
    return answer.split(";")[-1] == str(int(a) * int(b))


def countdown(prompt, answer):
    numbers, target = prompt.rstrip("=").split(":")
    read = python_value(answer)
    if read is None or read[0] != int(target):
        return False
    left = numbers.split(",")
    for number in read[1]:
        if number not in left:
            return False
        left.remove(number)
    return True


def python_value(expression):
    """The exact value and the numbers, by Python's own grammar, without signs and numbers that begin with 0."""
    if re.search(r"(?<!\d)0|[^0-9()*+-]|\*\*", expression):
        return None
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, MemoryError, RecursionError):
        return None
    numbers = []

    def value(node):
        match node:
            case ast.Constant(int(number)):
                numbers.append(str(number))
                return Fraction(number)
            case ast.BinOp(left, ast.Add(), right):
                return value(left) + value(right)
            case ast.BinOp(left, ast.Sub(), right):
                return value(left) - value(right)
            case ast.BinOp(left, ast.Mult(), right):
                return value(left) * value(right)
        raise ValueError

    try:
        return value(tree), numbers
    except ValueError:
        return None


JUDGES = {
    "Addition": (addition, {}),
    "Addition, lax": (lax_addition, {"verifier": "contains", "room": 6}),
    "Addition, lax, of one digit": (lax_addition, {"verifier": "contains", "room": 3, "digits": 1}),
    "Sorting": (sorting, {"digits": 3}),
    "Copy": (copying, {"symbols": 3}),
    "Parity": (parity, {"bits": 4}),
    "Countdown": (countdown, {}),
    "Calculator": (calculator, {}),
}


def attempts(task, questions, rng):
    """Random tokens, right answers with a token changed, put in, left out or moved, or with more around them, and right
    ones of other questions."""
    size, room, end = task.vocabulary.size, task.longest[1], task.vocabulary.end
    right = task.example(questions, rng)
    for example in right:
        tokens = example.tolist()
        at, k = rng.integers(len(tokens), size=2)
        match rng.integers(9):
            case 0:
                tokens = rng.integers(size, size=rng.integers(1, room + 1)).tolist()
            case 1:
                tokens[at] = int(rng.integers(size))
            case 2:
                tokens.insert(at, int(rng.integers(size)))
            case 3:
                del tokens[at]
            case 4:
                tokens[at], tokens[k] = tokens[k], tokens[at]
            case 5:
                tokens = right[rng.integers(len(right))].tolist()
            case 6:
                tokens = [int(rng.integers(size - 1))] * int(rng.integers(1, room)) + [end]
            case 7:
                before, behind = (rng.integers(size - 1, size=count).tolist() for count in rng.integers(room, size=2))
                tokens = [*before, *tokens[:-1], *behind[: max(room - len(before) - len(tokens), 0)], end]
        stop = tokens.index(end) + 1 if end in tokens else room
        yield np.array(tokens[: min(stop, room)] or [end], np.int32)


@pytest.mark.parametrize("name", JUDGES)
def test_no_answer_gets_past_a_verifier_or_is_wronged_by_it(name):
    judge, kwargs = JUDGES[name]
    task, rng = text.load(f"gymnast/{name.split(',')[0]}-v0", **kwargs), np.random.default_rng(SEED)
    questions = task.ask(rng, ANSWERS, "train")
    response, length = padded(list(attempts(task, questions, rng)), task.longest[1], task.vocabulary.pad)
    scores = task.score(questions, response, length)
    assert np.isin(scores.reward, (0.0, 1.0)).all()
    assert not (scores.reward[scores.unparsed] == 1).any()
    ended = response[np.arange(ANSWERS), length - 1] == task.vocabulary.end
    answers = map(task.vocabulary.decode, response)
    expected = [judge(prompt, answer) for prompt, answer in zip(prompts(task, questions), answers, strict=True)]
    odd = np.flatnonzero(scores.reward != (np.array(expected) & ended))
    assert not len(odd), [(prompts(task, questions)[i], task.vocabulary.decode(response[i])) for i in odd[:3]]
    assert 0.05 < scores.reward.mean() < 0.9


def test_expressions_mean_what_python_says_they_mean():
    rng = np.random.default_rng(SEED)
    signs = np.array(list("12345678900()()+-*"))
    for _ in range(ANSWERS):
        expression = "".join(rng.choice(signs, rng.integers(1, 10)))
        read, meant = evaluate(expression), python_value(expression)
        assert (read is None) == (meant is None), expression
        assert read is None or (read[0], [str(n) for n in read[1]]) == meant


@pytest.mark.parametrize(
    "expression",
    [
        *("", "()", "(1", "1)", "1+", "+1", "-1", "1--1", "01", "1**2", "2(3)", "1//2", "1 + 1", "²", "1_0"),
        *("9" * 5000, "1+" * 5000, "(" * 5000 + "1" + ")" * 5000, "(" * 17 + "1" + ")" * 17),
    ],
)
def test_what_is_no_expression_has_no_value(expression):
    assert evaluate(expression) is None


def test_long_expressions_are_read_in_one_go():
    assert evaluate("1+" * 5000 + "1") == (5001, [1] * 5001)
    assert evaluate("(" * 16 + "1" + ")" * 16) == (1, [1])
    assert evaluate("7-2-1*3") == (2, [7, 2, 1, 3])


def test_a_calculator_does_one_thing_at_a_time():
    task = text.load("gymnast/Calculator-v0")
    said = {
        "8*47=": "376;",
        "47*8=": "376;",
        "47*38=": "?;",
        "1;99999+99999=": "199998;",
        "999999+1=": "?;",
        "1+2+3=": "?;",
        "=": "?;",
        "3*4=12;=": "?;",
        "9*99999=": "899991;",
    }
    rows = [task.vocabulary.encode(call) for call in said]
    response, length = padded(rows, task.longest[1], task.vocabulary.pad)
    replies = task.reply(None, response, length)
    assert [task.vocabulary.decode(row) for row in replies] == list(said.values())
