import ale_py
import numpy as np
import pytest

from gymnast.core.acting import Stateless
from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout
from gymnast.envs import atari, describe, make
from gymnast.envs.snapshot import snapshot

GAME = "ALE/Breakout-v5"


def play(env, steps, seed=3, step_seed=0):
    """All that an agent sees, step by step."""
    rng = np.random.default_rng(step_seed)
    yield env.reset(seed=seed)[0], None, None, None, {}
    for _ in range(steps):
        yield env.step(rng.integers(env.single_action_space.n, size=env.num_envs))
    env.close()


def same(one, other):
    return all(np.array_equal(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x[:4], y[:4], strict=True))


def test_observations_are_four_stacked_grey_frames():
    env = make(GAME, 2)
    obs, _ = env.reset(seed=0)
    assert obs.shape == (2, 4, 84, 84)
    assert obs.dtype == np.uint8
    assert describe(env) == "atari threads"
    assert snapshot(env) is None
    env.close()


@pytest.mark.parametrize("sticky", [0.0, 0.25])
def test_games_are_the_same_on_any_number_of_threads(monkeypatch, sticky):
    two = play(make(GAME, 3, sticky=sticky), 50)
    monkeypatch.setattr(atari, "cores", lambda: 1)
    assert same(two, play(make(GAME, 3, sticky=sticky), 50))


def test_environment_i_is_seeded_with_seed_plus_i():
    three, one = make(GAME, 3), make(GAME, 1)
    assert np.array_equal(three.reset(seed=3)[0][2], one.reset(seed=5)[0][0])
    assert np.array_equal(three.reset(seed=[3, 4, 5])[0][2], one.reset(seed=5)[0][0])


def test_any_seed_will_do():
    env = make(GAME, 2)
    for seed in (2**31 - 1, 2**32 + 7):
        assert np.array_equal(env.reset(seed=seed)[0], env.reset(seed=seed)[0])


def test_final_observations_are_masked_and_belong_to_the_ended_game():
    env = make(GAME, 2)
    previous = None
    for obs, _, terminated, _, infos in play(env, 300):
        if previous is not None and terminated.any():
            (i,) = np.flatnonzero(terminated)
            assert np.array_equal(infos["_final_obs"], terminated)
            assert np.array_equal(infos["final_obs"][i, :3], previous[i, 1:])
            assert not np.array_equal(obs[i, :3], previous[i, 1:])
            return
        previous = obs
    pytest.fail("no game ended")


def test_a_lost_life_ends_an_episode_and_the_game_goes_on():
    with_lives, without = play(make(GAME, 1, life_loss=True), 500), play(make(GAME, 1), 500)
    ends = games = 0
    for lives, game in zip(with_lives, without, strict=True):
        assert np.array_equal(lives[0], game[0])
        if lives[2] is None:
            continue
        ends += lives[2][0]
        games += game[2][0]
        if lives[2][0] and not game[2][0]:
            assert np.array_equal(lives[4]["final_obs"], lives[0])
        assert bool(game[2][0]) == ("episode" in lives[4])
    assert ends >= 5 * games > 0


def test_infos_report_whole_games_when_lives_end_episodes():
    score, length = 0.0, 0
    for _, reward, _, _, infos in play(make(GAME, 1, life_loss=True), 500):
        if reward is None:
            continue
        score, length = score + reward[0], length + 1
        if "episode" in infos:
            assert infos["episode"] == {"r": [score], "l": [length]}
            assert infos["_episode"] == [True]
            score, length = 0.0, 0
    assert length < 500


def test_the_rollout_reports_whole_games():
    env = make(GAME, 1, life_loss=True)
    rng = np.random.default_rng(0)
    batch = Rollout(env, 500, 3).collect(Stateless(lambda obs: {"action": rng.integers(4, size=1)}))
    assert batch.terminated.sum() >= 5 * len(batch.episodes.lengths) > 0
    env.close()


def test_rewards_are_scores_unless_clipped():
    raw = [step[1] for step in play(make("ALE/MsPacman-v5", 1), 150)][1:]
    clipped = [step[1] for step in play(make("ALE/MsPacman-v5", 1, reward_clip=True), 150)][1:]
    assert max(raw) == 10
    assert max(clipped) == 1


def test_the_full_action_space_has_18_actions():
    assert make(GAME).single_action_space.n == 4
    assert make(GAME, full_action_space=True).single_action_space.n == 18


@pytest.mark.parametrize("sticky", [0.0, 0.25])
def test_rendered_frames_show_the_games_that_are_played(sticky):
    plain, seen = make(GAME, 2, sticky=sticky), make(GAME, 2, sticky=sticky, render_mode="rgb_array")
    for step, drawn in zip(play(plain, 15), play(seen, 15), strict=True):
        assert same([step], [drawn])
        frames, obs = seen.render(), drawn[0]
        assert [frame.shape for frame in frames] == [(210, 160, 3)] * 2
        bright = np.array([frame.mean() for frame in frames]) - obs[:, -1].mean(axis=(1, 2))
        assert np.abs(bright).max() < 8


def test_mode_and_names_that_do_not_exist_are_refused():
    assert ale_py  # registers the games
    with pytest.raises(UsageError, match="render_mode 'rgb_array', not 'human'"):
        make(GAME, render_mode="human")
    with pytest.raises(UsageError, match=r"unknown environment 'ALE/Brekout-v5'. Did you mean 'ALE/Breakout-v5'\?"):
        make("ALE/Brekout-v5")
    with pytest.raises(UsageError, match="unknown argument 'stiky'"):
        make(GAME, stiky=0.25)
    with pytest.raises(UsageError, match="backend 'atari' makes"):
        make("CartPole-v1", backend="atari")
