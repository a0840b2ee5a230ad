import json
import os
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from same_process import Here

from gymnast.agents import a2c as actor_critic
from gymnast.agents import dqn as learner
from gymnast.agents import ppo as algorithm
from gymnast.core.errors import UsageError
from gymnast.runners.bench import HEADER, Row, alternate, bench, duration, line, one_thread, rate
from gymnast.runners.bench import bc as cloning

BLINK = 1e-4  # seconds


def test_a_ratio_above_one_always_means_that_ours_is_better():
    faster = Row("steps", "steps/s", [4.0, 6.0, 5.0], [2.0, 2.0, 3.0], "peer")
    assert faster.ratio == 5.0 / 2.0  # medians
    quicker = Row("sample", "us", [4.0, 6.0, 5.0], [10.0], "peer", higher_is_better=False)
    assert quicker.ratio == 10.0 / 5.0


def test_a_line_fits_the_header_and_shows_medians_with_their_range():
    limits = {"raw": [3.0], "bare": [1.0, 2.0]}
    row = Row("sample", "us", [1.0, 2.0, 4.0], [1000.0], "peer", higher_is_better=False, note="noted", limits=limits)
    assert line(row) == "| sample (noted) | us | 2 [1, 4] | peer 1,000 | 500.00x | raw 3; bare 1.5 [1, 2] |"
    assert all(header.count("|") == line(row).count("|") for header in HEADER.splitlines())


def test_figures_that_can_be_negative_are_subtracted_not_divided():
    row = Row("lander", "return", [-20.0, 130.0, 100.0], [-150.0], "peer", signed=True)
    assert row.ratio is None
    assert line(row) == "| lander | return | 100 [-20, 130] | peer -150 | +250 |  |"


def test_sides_take_turns():
    turns = []
    figures = alternate(2, lambda i: turns.append("ours") or i, lambda i: turns.append("peer") or -i)
    assert turns == ["ours", "peer", "ours", "peer"]
    assert figures == [[0, 1], [0, -1]]


def test_rates_warm_up_once_and_count_what_is_done():
    calls = []
    measured = rate(lambda: calls.append(1) or 10.0, seconds=0.0)
    assert len(calls) == 1
    assert measured(0) > 0
    assert len(calls) == 2


def test_durations_are_per_call():
    calls = []
    assert duration(lambda: calls.append(1), seconds=0.0, calls=5)(0) > 0
    assert len(calls) == 10  # five to warm up, five timed


@pytest.mark.parametrize(
    ("suite", "repeats", "message"),
    [("enigne", 5, "unknown suite 'enigne'.*engine"), ("ppo", 0, "repeats is 0; it must be at least 1")],
)
def test_wrong_input_is_named(suite, repeats, message):
    with pytest.raises(UsageError, match=message):
        list(bench(suite, repeats, as_json=False))


@pytest.mark.skipif(os.name == "nt", reason="the peer is a shell script")
def test_cloning_is_measured_beside_a_peer_in_a_python_of_its_own(monkeypatch, tmp_path):
    peer = tmp_path / "python"
    peer.write_text('#!/bin/sh\nmkdir "$TMPDIR/logs"; while read -r line; do echo "log"; echo "measured 12.5"; done\n')
    peer.chmod(0o755)
    monkeypatch.setenv(cloning.PYTHON, str(peer))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "temporary").mkdir()
    rows = list(cloning.measure(2, seconds=0.0, pairs=64))
    assert not list((tmp_path / "temporary").iterdir()), "the peer's logs are left behind"
    assert len(rows) == 2
    assert all(row.peer == [12.5, 12.5] and min(row.ours) > 0 for row in rows)


@pytest.mark.skipif(os.name == "nt", reason="the peer is a shell script")
def test_continuous_control_is_measured_beside_both_peers(monkeypatch, tmp_path):
    from gymnast.runners.bench import sac, whole

    peer = tmp_path / "python"
    peer.write_text('#!/bin/sh\nwhile read -r line; do echo "$line" >> "$0.asked"; echo "measured 2.5"; done\n')
    peer.chmod(0o755)
    monkeypatch.setenv(sac.PYTHON, str(peer))
    monkeypatch.setattr(whole, "_ours", lambda case, seed, steps: (1.0, np.inf))
    monkeypatch.setattr(whole, "_peer", lambda case, seed, steps: (5.0, np.inf))
    monkeypatch.setattr(whole, "process", lambda: nullcontext(Here()))
    rows = list(sac.measure(2, sac.CASES[:2]))
    assert [(row.ratio, row.peer_name.split()[0]) for row in rows] == [(5.0, "Stable-Baselines3"), (2.5, "SBX")] * 2
    asked = [json.loads(line) for line in peer.with_name("python.asked").read_text().splitlines()]
    assert [(one["algo"], one["steps"]) for one in asked] == [
        (algo, n) for algo in ("SAC", "TD3") for n in (357, 2000, 2000)
    ]
    assert asked[0]["settings"]["policy_kwargs"] == {"net_arch": {"pi": [64, 64], "qf": [64, 64]}}


def test_without_a_python_for_it_the_rows_beside_sbx_are_left_out(monkeypatch):
    from gymnast.runners.bench import sac, whole

    monkeypatch.delenv(sac.PYTHON, raising=False)
    monkeypatch.setattr(whole, "measure", lambda repeats, cases: iter([repeats]))
    assert list(sac.measure(3)) == [3]


@pytest.mark.parametrize("python", ["", "missing", "false"])
def test_a_missing_peer_of_cloning_is_one_clear_line(monkeypatch, python):
    monkeypatch.setenv(cloning.PYTHON, python)
    with pytest.raises(UsageError, match=r"imitation|does not start"):
        list(bench("bc", 1, as_json=True))


def test_a_suite_as_text_comes_line_by_line_and_as_json_in_one(monkeypatch):
    pytest.importorskip("stable_baselines3")
    from gymnast.runners.bench import memory

    row = Row("memory", "MiB", [1.0], [2.0], "early", higher_is_better=False)
    monkeypatch.setattr(memory, "measure", lambda repeats: iter([row] * repeats))
    assert list(bench("memory", 2, as_json=False)) == [HEADER, line(row), line(row)]
    (text,) = bench("memory", 1, as_json=True)
    assert json.loads(text)[0]["ratio"] == 2.0


def _whats(rows):
    assert all(np.isfinite([*row.ours, *row.peer]).all() and row.ratio > 0 for row in rows)
    return [row.what for row in rows]


def test_stepping_compares_every_environment_and_number_of_copies():
    from gymnast.runners.bench import stepping

    rows = list(stepping.measure(1, BLINK, ["CartPole-v1", "Pendulum-v1"], [2]))
    assert _whats(rows) == ["step CartPole-v1, 2 copies", "step Pendulum-v1, 2 copies"]
    assert all(row.limits for row in rows)


def test_the_loop_without_bookkeeping_plays_the_same_game():
    from gymnast.core.jitted.instantiate import instantiate
    from gymnast.envs import make
    from gymnast.runners.bench.stepping import bare

    env = make("CartPole-v1", 3)
    env.reset(seed=0)
    kernel = env.unwrapped.kernel
    state, random = env.unwrapped.state.copy(), env.unwrapped.rng.copy()
    actions = np.random.default_rng(0).integers(2, size=(100, 3))
    loop = instantiate(bare, kernel.name, reset=kernel.reset, step=kernel.step)
    loop(state, kernel.params, actions, random, np.zeros(3, np.bool_))
    for action in actions:
        env.step(action)
    np.testing.assert_array_equal(state, env.unwrapped.state)


def test_collecting():
    pytest.importorskip("stable_baselines3")
    from gymnast.runners.bench import collecting

    fused, by_torch = _whats(list(collecting.measure(1, BLINK, horizon=8)))
    assert fused.endswith("fused")
    assert by_torch.endswith("torch")


def test_worker_processes():
    from gymnast.runners.bench import processes

    rows = list(processes.measure(1, BLINK, milliseconds=0.01, copies=2))
    assert [row.peer_name for row in rows] == ["loop", "AsyncVectorEnv", "loop", "loop"]
    assert all("picked" in row.note for row in rows[2:])
    _whats(rows)


def test_simulators():
    pytest.importorskip("stable_baselines3")
    pytest.importorskip("cv2")
    from gymnast.runners.bench import simulators

    cheetah, pong = rows = list(simulators.measure(1, BLINK, copies=2))
    assert _whats(rows)[1].startswith("step Pong")
    assert len(cheetah.limits) == 2
    assert len(pong.limits) == 1


def test_buffers():
    pytest.importorskip("stable_baselines3")
    from gymnast.runners.bench import buffers

    rows = list(buffers.measure(1, BLINK, capacity=2_000))
    assert len(_whats(rows)) == 8
    memory = next(row for row in rows if row.unit == "GiB")
    assert memory.limits["one 84x84 picture each"][0] < memory.ours[0]


def test_training_and_the_arithmetic_of_its_update():
    pytest.importorskip("stable_baselines3")
    from gymnast.runners.bench import ppo, updates, whole

    config = algorithm.Config(horizon=8, minibatch=8, epochs=1)
    case = whole.Case("tiny", "CartPole-v1", 32, 2, config, solved=1e9)
    speed, solved = ppo.measure(1, [case])
    assert speed.ratio > 0
    assert solved.note == "1 and 1 of 1 never reached it"
    hidden = 2 * 64 * 64  # of policy and value, in products forward and back, by inputs and by weights
    assert updates.operations(case) > 16 * 3 * 2 * hidden
    row = updates.measure(case, (8, 64, 64), 1, BLINK)
    assert row.unit == "GFLOP/s"
    _whats([row])


def test_a_peer_that_trains_leaves_nothing_behind(monkeypatch, tmp_path):
    pytest.importorskip("stable_baselines3")
    from gymnast.runners.bench import peers

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    peers.model("CartPole-v1", 1, actor_critic.Config(horizon=5), seed=0).learn(10)
    peers.collector(peers.model("CartPole-v1", 1, actor_critic.Config(horizon=5), seed=0))()
    assert not list(tmp_path.glob("SB3-*"))


def test_training_on_a_replay(monkeypatch):
    pytest.importorskip("stable_baselines3")
    from gymnast.runners.bench import dqn, whole

    monkeypatch.setattr(whole, "process", lambda: nullcontext(Here()))
    config = learner.Config(horizon=4, replay_ratio=0.5, minibatch=8, learning_starts=8, capacity=100, hidden=(8,))
    assert _whats(list(dqn.measure(1, [whole.Case("tiny", "CartPole-v1", 32, 1, config)]))) == ["tiny"]


def test_the_peer_of_each_algorithm_trains_with_its_settings(monkeypatch):
    pytest.importorskip("sb3_contrib")
    from gymnast.runners.bench import pg, whole

    monkeypatch.setattr(whole, "process", lambda: nullcontext(Here()))
    a2c, trpo = (case.config for case in pg.CASES)
    configs = a2c, replace(trpo, horizon=8, critic_minibatch=16)
    a2c, trpo = pg.measure(1, [whole.Case("tiny", "CartPole-v1", 32, 2, config) for config in configs])
    assert a2c.peer_name.startswith("Stable-Baselines3")
    assert trpo.peer_name.startswith("sb3-contrib")
    assert a2c.ratio > 0
    assert trpo.ratio > 0


def test_returns_are_of_whole_runs_by_both_sides(monkeypatch):
    pytest.importorskip("stable_baselines3")
    from gymnast.runners.bench import returns, whole

    monkeypatch.setattr(returns, "process", lambda: nullcontext(Here()))
    case = whole.Case("tiny", "CartPole-v1", 400, 2, actor_critic.Config())
    (row,) = returns.measure(2, [case], episodes=3)
    assert all(8 <= figure <= 500 for figure in [*row.ours, *row.peer])
    assert len(set(row.ours + row.peer)) > 1


def test_memory():
    from gymnast.runners.bench import memory

    half, whole = memory.measure(1, steps=64 * 128 * 2)
    assert half.what.startswith("memory after 50%")
    assert 10 < whole.ours[0] < 100_000  # MiB


def test_search(monkeypatch):
    pytest.importorskip("pyspiel")
    from gymnast.runners.bench import search

    monkeypatch.setattr(search, "_GAMES", 8)
    monkeypatch.setattr(search, "_MOVE", 10)
    few = partial(search.runs.preset, num_envs=8, agent={"simulations": 16})
    monkeypatch.setattr(search.runs, "preset", few)
    with one_thread():
        rows = list(search.measure(1, BLINK))
    assert _whats(rows)[-1] == "memory of 256 trees of 600 simulations"
    assert all(row.ours[0] > 0 and row.peer[0] > 0 for row in rows)
    assert rows[-1].ours[0] < 1  # GiB
