import imageio.v2 as imageio
import numpy as np
import pytest
from PIL import Image

from gymnast.runners.screen.render import Painter


def test_a_video_has_a_frame_per_step_and_a_second_of_the_end(gymnast, cartpole, tmp_path):
    said = gymnast("render --video film.mp4", cartpole)
    assert said == (0, "wrote film.mp4\n", "")
    length = gymnast("evaluate --episodes 1", cartpole).out.split("max ")[-1].strip()
    with imageio.get_reader(tmp_path / "film.mp4") as film:
        assert film.count_frames() == int(length) + 50  # CartPole draws 50 frames per second
        first = film.get_data(0)
    assert first.shape == (400, 864, 3)  # the picture is 400 x 600, the panel beside it 260 wide, widths go by 16
    assert first[:, 620:].std() > 5, "the panel has text"


def test_a_gif_is_animated(gymnast, cartpole, tmp_path):
    gymnast("render --video film.gif", cartpole)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames > 3
    assert [path.name for path in tmp_path.iterdir()] == ["film.gif"], "no unfinished file stays"


def test_without_a_screen_the_video_lies_in_the_folder_of_the_run(gymnast, cartpole, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert gymnast("render", cartpole).out == f"wrote {cartpole / 'videos' / 'policy.mp4'}\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--video film.avi", "a video is .mp4 or .gif"),
        ("--episodes 0 --video film.mp4", "episodes is 0; it must be at least 1"),
    ],
)
def test_wrong_input_is_said_in_one_line(gymnast, cartpole, options, told):
    said = gymnast(f"render {options}", cartpole)
    assert said.code == 2
    assert told in said.err


def test_an_environment_that_draws_nothing_is_wrong_input(gymnast):
    gymnast("train ppo own_envs:Corridor --steps 64 --evals 0 --quiet --out run")
    said = gymnast("render run --video film.mp4")
    assert said.code == 2
    assert "draws no pictures" in said.err


@pytest.mark.parametrize("env", ["Pendulum-v1", "FrozenLake-v1", "Blackjack-v1", "LunarLander-v3"])
def test_every_kind_of_action_and_observation_can_be_drawn(gymnast, tmp_path, env):
    limit = "--env.max-episode-steps 10"
    gymnast(f"train ppo {env} {limit} --steps 64 --num-envs 2 --evals 0 --quiet --out run")
    assert gymnast("render run --video film.gif").code == 0
    with Image.open(tmp_path / "film.gif") as film:
        film.seek(0)
        assert np.asarray(film.convert("RGB")).std() > 1


def test_signed_actions_are_drawn_from_the_middle(gymnast):
    from gymnast import make
    from gymnast.core.rollout.engine import Rollout

    env = make("Pendulum-v1", render_mode="rgb_array")  # torques of -2 to 2
    painter = Painter(env, lambda _: None, 30)
    painter.step({"mean action": np.zeros((1, 1), np.float32)}, np.array([[-1.0]]), Rollout(env, 1))
    env.close()
    assert painter._bars == [("a0", -1.0, 0.25, 0.5, True)]
