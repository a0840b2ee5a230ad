from shutil import copytree

import imageio.v2 as imageio
import numpy as np
import pytest
from gymnasium.vector import VectorEnv
from PIL import Image

from gymnast import make
from gymnast.core.errors import UsageError
from gymnast.runners.runs import run as runs
from gymnast.runners.screen import render
from gymnast.runners.screen.painter import Painter
from gymnast.runners.screen.pictures import as_picture, enlargement, frames_per_second, picture_of
from gymnast.runners.screen.scene import together
from gymnast.runners.training.train import train


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


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """The folder of a run whose episodes are of 8 steps at most, and whose videos have 4 frames per second."""
    out = tmp_path_factory.mktemp("short") / "run"
    train(runs.preset("ppo", "FrozenLake-v1", steps=64, evals=0, env_args={"max_episode_steps": 8}), out)
    return out


def test_episodes_of_a_grid_are_in_the_picture_at_once(gymnast, short, tmp_path):
    assert gymnast("render --episodes 3 --grid --video film.mp4", short) == (0, "wrote film.mp4\n", "")
    with imageio.get_reader(tmp_path / "film.mp4") as film:
        assert 1 + 4 <= film.count_frames() <= 8 + 4
        first = film.get_data(0)
    assert first.shape == (1120, 1040, 3)  # two columns of 512 and 8 between them; 512 and two lines of text each
    for top, left in ((514, 0), (514, 522), (1080, 0)):
        assert first[top : top + 36, left : left + 200].std() > 5, "below each picture stands how it goes"


def test_each_episode_of_a_grid_has_a_seed_of_its_own(short, monkeypatch):
    seeds = []

    class Seen(render.Scene):
        def episode(self, seed, stochastic):
            seeds.append(seed)
            return iter(())

    monkeypatch.setattr(render, "Scene", Seen)
    with pytest.raises(IndexError):  # a film without frames
        render.render(short, short / "film.gif", 3, 7, grid=True)
    assert seeds == [7, 8, 9]


def test_episodes_that_have_ended_stay_paler_on_their_last_frame():
    dark = Image.new("RGB", (4, 4)), Image.new("RGB", (4, 4), (10, 10, 10))
    film = [np.asarray(frame) for frame in together([iter(dark[:1]), iter(dark)], 2)]
    assert [frame[0, 0].tolist() for frame in film] == [[0, 0, 0], [125, 125, 124]]
    assert [frame[0, -1].tolist() for frame in film] == [[0, 0, 0], [10, 10, 10]]


def test_two_runs_stand_side_by_side_on_the_same_seed(gymnast, short, tmp_path):
    copytree(short, tmp_path / "other")
    assert gymnast("render --versus other --video film.gif", short).code == 0
    with Image.open(tmp_path / "film.gif") as film:
        first = np.asarray(film.convert("RGB"))
    assert first.shape == (544, 1552, 3)
    np.testing.assert_array_equal(first[40:540, :770], first[40:540, 780:1550])
    assert (first[:30, :200] != first[:30, 780:980]).any(), "above stand their names, which differ"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("Pendulum-v1", "FrozenLake-v1 is not Pendulum-v1"),
        ("FrozenLake-v1", "the arguments of FrozenLake-v1 are not the same"),
        (
            "FrozenLake-v1 --env.max-episode-steps 8 --wrap gymnasium.wrappers:FlattenObservation",
            "the wrappers around FrozenLake-v1 are not the same",
        ),
    ],
)
def test_runs_of_different_environments_are_refused_in_one_line(gymnast, short, options, told):
    gymnast(f"train ppo {options} --steps 64 --num-envs 1 --evals 0 --quiet --out other")
    said = gymnast("render --versus other --video film.mp4", short)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert f"are of different environments: {told}. Render each alone" in said.err


def test_too_many_episodes_for_a_grid_are_refused(gymnast, short):
    said = gymnast("render --episodes 65 --grid --video film.mp4", short)
    assert said.code == 2
    assert "in a grid at most 64" in said.err


GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
RGB = np.repeat(GREY[..., None], 3, 2)
PLAIN = {
    "uint8": RGB,
    "int64": RGB.astype(np.int64),
    "float to 255": RGB.astype(np.float32),
    "float to 1": RGB / 255,
    "a list": RGB.tolist(),
    "grey": GREY,
    "one channel": GREY[..., None],
    "opacity": np.concatenate([RGB, np.full((3, 4, 1), 9, np.uint8)], 2),
    "channels first": np.moveaxis(np.pad(RGB, ((0, 5), (0, 5), (0, 0))), 2, 0),
    "a list of pictures": [0 * RGB, RGB],
    "pictures of several sizes": [RGB[:2], RGB],
}


@pytest.mark.parametrize("kind", PLAIN)
def test_what_is_plainly_a_picture_is_one(kind):
    found = as_picture(PLAIN[kind])
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[:3, :4], RGB)


def test_truth_values_are_black_and_white():
    np.testing.assert_array_equal(as_picture(np.eye(3, dtype=bool)), np.repeat(255 * np.eye(3)[..., None], 3, 2))


@pytest.mark.parametrize(
    "drawn", [np.full((2, 2), 999), np.full((2, 2), np.nan), np.zeros((2, 2, 2)), np.zeros((0, 4, 3)), [["a"]], 3]
)
def test_what_is_no_picture_is_refused(drawn):
    with pytest.raises(UsageError, match="this environment draws"):
        as_picture(drawn)


class Shown(VectorEnv):
    """A single copy that draws what it is told to."""

    def __init__(self, drawn=None, **metadata):
        self.drawn, self.metadata = drawn, metadata

    def render(self):
        return self.drawn


@pytest.mark.parametrize("drawn", [None, (None,), ("a text",)])
def test_texts_and_nothing_are_no_pictures(drawn):
    with pytest.raises(UsageError, match=r"draws no pictures .* it has: ansi"):
        picture_of(Shown(drawn, render_modes=["ansi"]))


@pytest.mark.parametrize(
    ("given", "fps"),
    [
        (50, 50),
        (0.5, 0.5),
        (1e-9, 0.1),
        (None, 30),
        ("quick", 30),
        ([], 30),
        (0, 30),
        (-5, 30),
        (np.inf, 30),
        (np.nan, 30),
    ],
)
def test_pictures_follow_one_another_at_a_speed_that_a_file_can_say(given, fps):
    assert frames_per_second(Shown(render_fps=given)) == fps


def test_pictures_become_as_small_as_a_codec_takes():
    painter = Painter(make("CartPole-v1", render_mode="rgb_array"), (3840, 2160))
    assert painter._frame(np.zeros((50, 9000, 3), np.uint8)).width <= 3840 + 260


def test_flat_pictures_are_not_enlarged_beyond_a_screen():
    assert [enlargement(*size, 400) for size in ((2, 1000), (84, 84), (400, 600), (9999, 9999))] == [1, 5, 1, 1]


@pytest.mark.parametrize("video", ["film.GIF", "film.MP4"])
def test_pictures_may_grow_and_be_slow(gymnast, tmp_path, video):
    assert gymnast("train ppo own_envs:Drawn --steps 64 --evals 0 --quiet --out run").code == 0
    said = gymnast(f"render run --video {video}")
    assert (said.code, said.err) == (0, "")
    if video.lower().endswith("gif"):
        with Image.open(tmp_path / video) as film:
            assert film.n_frames > 3
            film.seek(2)
            assert film.info["duration"] == 2000
            assert film.size == (1168, 400)
    else:
        with imageio.get_reader(tmp_path / video, "mp4") as film:
            assert film.get_data(0).shape[:2] == (400, 1168)


def test_one_that_draws_on_a_screen_alone_says_so(gymnast):
    assert gymnast("train ppo own_envs:OnScreen --steps 64 --evals 0 --quiet --out run").code == 0
    said = gymnast("render run --video film.gif")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "OnScreen draws no 'rgb_array'; its render modes: human" in said.err


def test_a_video_that_breaks_off_leaves_nothing_behind(tmp_path):
    def broken():
        with render._writer(tmp_path / "film.gif", 10):
            (tmp_path / "film.part.gif").write_text("half of it")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert not list(tmp_path.iterdir())


def test_a_video_is_not_written_through_a_symlink(tmp_path, monkeypatch):
    (tmp_path / "mine.mp4").write_text("precious")
    (tmp_path / "policy.part.gif").symlink_to(tmp_path / "mine.mp4")
    with render._writer(tmp_path / "policy.gif", 10) as write:
        write(np.zeros((16, 16, 3), np.uint8))
    assert (tmp_path / "mine.mp4").read_text() == "precious"
    monkeypatch.setattr(render, "has_screen", lambda: False)
    (tmp_path / "videos").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="videos is a symlink"):
        render.render(tmp_path, None, 1, 0)
