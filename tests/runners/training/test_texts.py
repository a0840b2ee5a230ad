"""What is shown of an agent that writes while it learns, and that it learns the same."""

import os

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gymnast.runners.runs import run as runs
from gymnast.runners.training.train import Training, train

SMALL = {"layers": 1, "width": 16, "heads": 2}
GROUPS = {"env_args": {"group": 8}, "num_envs": 16}


def test_answers_stand_in_tensorboard_after_each_evaluation(adder):
    events = EventAccumulator(os.fspath(adder))
    events.Reload()
    shown = events.Tensors("texts/text_summary")
    assert [event.step for event in shown] == [event.step for event in events.Scalars("eval/return")]
    for event in shown:
        texts = event.tensor_proto.string_val[0].decode().split("\n\n---\n\n")
        assert len(texts) == 3
        assert all("+" in text and text.endswith("]") for text in texts)


@pytest.mark.parametrize(("algo", "given"), [("lm", {}), ("grpo", GROUPS)])
def test_to_show_answers_changes_nothing_about_what_is_learned(algo, given):
    run = runs.preset(algo, "gymnast/Copy-v0", "none", agent=SMALL, steps=600, evals=0, **given)
    plain = train(run).agent
    shown = train(runs.preset(algo, "gymnast/Copy-v0", "none", agent=SMALL, steps=600, evals=3, **given)).agent
    for name, weights in plain.net.state_dict().items():
        assert torch.equal(weights, shown.net.state_dict()[name]), name


def test_the_same_questions_are_answered_at_each_evaluation():
    run = runs.preset("lm", "gymnast/Copy-v0", "none", agent=SMALL, steps=600, evals=2, eval_episodes=4)
    seen = []
    with Training(run) as training:
        training.advance(watch=lambda *_: seen.append(training.texts) or True)
    questions = [[text.split("=")[0] for text in texts] for texts in seen if texts]
    assert questions
    assert all(asked == questions[0] for asked in questions)
    assert len(set(questions[0])) > 1


def test_who_writes_nothing_shows_nothing():
    with Training(runs.preset("ppo", "CartPole-v1", steps=64, evals=1, eval_episodes=1)) as training:
        training.advance()
    assert training.evaluations == 1
    assert training.texts == ()
