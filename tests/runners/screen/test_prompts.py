"""A person and an agent that writes, in the terminal; and programs that pipe lines in."""

import io
import sys

import pytest

import gymnast as package
from gymnast.runners.runs import run as runs
from gymnast.runners.training.train import train


@pytest.fixture(name="piped")
def _piped(gymnast, monkeypatch):
    """The command, with lines piped in."""

    def said(line, lines, *more):
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        return gymnast(line, *more)

    return said


def test_each_line_that_is_piped_in_is_answered_in_a_line_with_its_verdict(piped, adder):
    said = piped("play --temperature 0", "12+34=\n5+5=\n", adder)
    first, second = said.out.splitlines()
    assert first.startswith("12+34=")
    assert second.startswith("5+5=")
    for line, right in ((first, "46"), (second, "10")):
        answer, verdict = line.split("=")[1].split(" ")
        assert verdict == ("[right]" if answer == right else "[unfinished]" if len(answer) == 4 else "[wrong]")
    assert (said.code, said.err) == (0, "")
    assert "\x1b" not in said.out


def test_what_cannot_be_read_is_said_in_a_line_and_the_next_one_is_answered(piped, adder):
    said = piped("play", "1+x=\n123456+1=\n1+1=\n", adder)
    assert said.err.splitlines() == [
        "the vocabulary has no 'x'; it has '0123456789+='",
        "this has 9 tokens; questions of the task have at most 6",
    ]
    assert said.out.startswith("1+1=")
    assert len(said.out.splitlines()) == 1


def test_an_empty_line_takes_questions_of_the_tasks_own_one_after_another(piped, adder):
    said = piped("play --seed 3", "\n\n\n", adder)
    asked = [line.split("=")[0] for line in said.out.splitlines()]
    assert len(set(asked)) == 3
    assert all("[" in line for line in said.out.splitlines())
    assert piped("play --seed 3", "\n\n\n", adder).out == said.out
    assert piped("play --seed 4", "\n\n\n", adder).out != said.out


def test_what_is_no_question_of_the_task_gets_no_verdict(piped, adder):
    assert "[" not in piped("play", "12+3\n", adder).out


def test_a_prompt_is_answered_as_the_same_line_would_be(piped, adder):
    (alone,) = piped("play --prompt 7+8= --temperature 0", "", adder).out.splitlines()
    assert piped("play --temperature 0", "7+8=\n", adder).out.splitlines() == [alone]
    assert alone.split("=")[1].split(" [")[0] == package.load(adder, "best").write("7+8=", temperature=0, tokens=4)
    assert piped("play --prompt x", "", adder)[::2] == (
        2,
        "gymnast: the vocabulary has no 'x'; it has '0123456789+='\n",
    )


def test_the_same_question_is_answered_anew_each_time(piped, adder):
    said = piped("play --temperature 2", "1+1=\n" * 8, adder).out
    assert len(set(said.splitlines())) > 1


def test_a_person_is_told_what_to_type_and_leaves_with_the_end_of_the_input(gymnast, adder, monkeypatch):
    lines = iter(["1+1=", "?"])
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines, None) or _ended())
    said = gymnast("play", adder)
    assert said.code == 0
    assert "lm on gymnast/Addition-v0, best checkpoint. Type a question, such as '" in said.out
    assert "\n1+1=" in said.out
    assert "has no '?'" in said.err
    monkeypatch.setattr("builtins.input", lambda prompt: _interrupted())
    assert gymnast("play", adder)[::2] == (130, "gymnast: interrupted.\n")


class Terminal(io.StringIO):
    """An input that a person sits at."""

    def isatty(self):
        return True


def _ended():
    raise EOFError


def _interrupted():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--temperature -1", "temperature is -1.0; it must be at least 0"),
        ("--top-p 0", "top_p is 0"),
        ("--tokens 0", "tokens is 0"),
    ],
)
def test_wrong_options_are_said_in_one_line(piped, adder, options, told):
    said = piped(f"play {options}", "1+1=\n", adder)
    assert said.code == 2
    assert told in said.err


def test_a_prompt_is_for_environments_of_text(gymnast, cartpole):
    said = gymnast("play --prompt a", cartpole)
    assert said[::2] == (2, "gymnast: CartPole-v1 is no environment of text; --prompt is for those\n")


def test_a_text_goes_on_as_long_as_one_likes_and_without_its_file(piped, tmp_path):
    file = tmp_path / "own.txt"
    file.write_text("to be or not to be, that is the \x1b[31mquestion.\n" * 40)
    given = {"env_args": {"file": str(file), "context": 16}, "eval_args": {}, "agent": {"layers": 1, "width": 16}}
    train(runs.preset("lm", "gymnast/Text-v0", "none", **given, steps=8_000, evals=0), tmp_path / "run")
    said = piped("play --prompt to\x1b --top-k 5 --tokens 90", "", tmp_path / "run")
    assert (said.code, said.err) == (0, "")
    assert len(said.out) == len("to.") + 90 + len("\n")  # far beyond the 17 tokens that it can read
    assert said.out.startswith("to·"), "what would command the terminal is shown as a dot"
    assert "\x1b" not in said.out
    file.unlink()
    alone = piped("play --prompt to\x1b --top-k 5 --tokens 90", "", tmp_path / "run")
    assert alone.out == said.out
    assert "nobody judges the answers, for there is no file" in alone.err
    nothing = piped("play", "\n", tmp_path / "run")
    assert "nothing to go on from" in nothing.err


def test_a_calculator_replies_to_whoever_plays(piped, tmp_path):
    small = {"layers": 1, "width": 16, "heads": 2}
    run = runs.preset("lm", "gymnast/Calculator-v0", "none", agent=small, steps=400, evals=0)
    train(run, tmp_path / "run")
    said = piped("play --temperature 1.5 --seed 2", "47*38:\n" * 4, tmp_path / "run").out
    assert "=?;" in said
    assert "=?;" not in piped("play --temperature 1.5 --seed 2", "47*38\n" * 4, tmp_path / "run").out
