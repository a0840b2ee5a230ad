"""Resignation, past opponents and the gate in self-play, and that a run with all of them resumes bit for bit."""

import numpy as np
import pytest
import torch
from small_selfplay import go_on_alike, learned, made, weights

from gymnast.agents import alphazero
from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.core.games.game import NONE, RESIGN
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.folder import last
from gymnast.runners.training.train import Training, resume, train
from playing import act, acting, collect

OPTIONS = {
    "resignation": {"resign": 0.3, "resign_watched": 0.5},
    "past": {"past_share": 0.6, "past_most": 2, "generation": 3},
    "gate": {"gate": 0.5, "gate_games": 4, "generation": 4},
}
ALL = {name: value for option in OPTIONS.values() for name, value in option.items()}


@pytest.mark.learns
def test_games_that_are_given_up_end_there_and_count_as_lost():
    agent, rollout = made("connect4", 64, full_share=1.0, **OPTIONS["resignation"])
    rows = learned(agent, rollout, 40)
    assert agent.resignation.threshold is not None
    assert 0 <= rows[-1]["resign/wrong"] <= 0.3
    assert -1 <= rows[-1]["resign/threshold"] <= -0.5
    seen = 0
    for _ in range(12):
        batch = collect(agent, rollout)
        given_up = batch.action == RESIGN
        assert (batch.reward[given_up] == -1).all()
        assert batch.terminated[given_up].all()
        assert (batch.extras["search_value"][given_up] <= agent.resignation.threshold).all()
        assert not (given_up & batch.extras["watched"]).any()
        seen += int(given_up.sum())
        row = agent.update(batch, 0.0)
        if batch.done.any():
            assert row["resign/share"] == pytest.approx(given_up.sum() / batch.done.sum())
    assert seen > 0


@pytest.mark.learns
def test_moves_of_past_networks_are_played_and_not_learned():
    agent, rollout = made("connect4", 32, full_share=1.0, **{**OPTIONS["past"], "generation": 15})
    learned(agent, rollout, 20)
    assert len(agent.past.weights) == 2
    first, *later = *agent.past.weights, agent.net.state_dict()  # at least a generation later
    for other in later:
        assert any(not torch.equal(first[k], v) for k, v in other.items())
    batch = collect(agent, rollout)
    ply = agent.states_of(batch.obs[:-1].reshape(-1, batch.obs.shape[-1])).reshape(4, 32, -1)[..., -1]
    theirs = batch.extras["past_side"] == ply % 2
    assert 0.1 < theirs.mean() < 0.5
    np.testing.assert_array_equal(batch.extras["full"], ~theirs)
    scores = [row["past/score"] for row in learned(agent, rollout, 20) if "past/score" in row]
    assert scores
    assert 0 <= min(scores) <= max(scores) <= 1


@pytest.mark.learns
def test_past_networks_play_themselves_and_not_the_newest():
    """With one simulation and no temperature, a past network's move is the first choice of its own policy."""
    agent, rollout = made(
        "tictactoe", 64, **OPTIONS["past"], fast_simulations=1, temperature=1e-3, temperature_final=1e-3
    )
    learned(agent, rollout, 10)
    obs = collect(agent, rollout).obs[-1]
    states = agent.states_of(obs)
    logits, _ = agent.champion().evaluator(agent.past.playing)(states, None)
    mask = agent.game.actions_of(states)
    out = act(agent, obs)
    theirs = acting(agent, len(obs)).sides.side == states[:, -1] % 2
    first = np.where(mask == 1, logits, -np.inf).argmax(1)
    after = states.copy()
    _, replies = agent.game.advance(after, first)
    quiet = agent.game.winning(states, mask) == NONE  # the search sees wins at once, whatever the network says
    quiet &= agent.game.winning(after, replies) == NONE
    assert (theirs & quiet).any()
    np.testing.assert_array_equal(out["action"][theirs & quiet], first[theirs & quiet])


@pytest.mark.learns
def test_a_network_that_does_not_pass_the_gate_does_not_play():
    agent, rollout = made("tictactoe", 32, gate=1.0, gate_games=4, generation=2)
    before = weights(agent).clone()
    states = agent.game.begin(1)
    said = agent.champion().evaluate(states, None)[0].copy()
    rows = learned(agent, rollout, 12)
    assert not torch.equal(weights(agent), before)  # it learns
    scores = [row["gate/score"] for row in rows if "gate/score" in row]
    assert scores
    if max(scores) < 1:
        np.testing.assert_array_equal(agent.champion().evaluate(states, None)[0], said)  # and plays as it did
    for name, value in agent.champion().weights().items():
        assert value.shape == agent.net.state_dict()[name].shape


@pytest.mark.learns
def test_a_network_that_passes_plays():
    agent, rollout = made("tictactoe", 32, gate=1e-9, gate_games=4, generation=2)
    states = agent.game.begin(1)
    for row in (agent.update(collect(agent, rollout), 0.0) for _ in range(12)):
        if "gate/score" in row:
            np.testing.assert_array_equal(
                agent.champion().evaluate(states, None)[0],
                agent.champion().evaluator(agent.champion().weights())(states, None)[0],
            )
            for name, value in agent.net.state_dict().items():
                assert torch.equal(agent.champion().weights()[name], value)
            return
    pytest.fail("there was no match at the gate")


@pytest.mark.parametrize("config", [*OPTIONS.values(), ALL], ids=[*OPTIONS, "all"])
def test_an_agent_restored_goes_on_bit_for_bit(config, tmp_path):
    agent, rollout = made("connect4", 12, **config)
    learned(agent, rollout, 16)
    go_on_alike(agent, rollout, config, tmp_path, 12)


def test_a_run_with_all_of_it_resumes_bit_for_bit(tmp_path):
    small = {"simulations": 8, "fast_simulations": 4, "minibatch": 32, "hidden": (16,), "window": 500, **ALL}
    run = runs.preset("alphazero", "tictactoe", num_envs=16, steps=2400, evals=2, eval_episodes=2, agent=small)
    whole = train(run, tmp_path / "whole")
    part = tmp_path / "part"
    with Training(run, part) as training:
        part.mkdir()
        runs.save(run, part / "run.json")
        while training.steps < 1300:
            training.iterate()
        training._save()
    assert checkpoint.load(last(part))["steps"] == training.steps
    resumed = resume(part)
    assert torch.equal(weights(whole.agent), weights(resumed.agent))
    for name, value in whole.agent.champion().weights().items():
        assert torch.equal(resumed.agent.champion().weights()[name], value)


def test_out_of_range_options_are_refused():
    for name in ("resign", "resign_watched", "past_share", "gate"):
        with pytest.raises(UsageError, match=name):
            alphazero.Config(**{name: 1.5})
    for name in ("past_most", "gate_games", "generation"):
        with pytest.raises(UsageError, match=name):
            alphazero.Config(**{name: 0})
