import numpy as np
import pytest
from PIL import Image

from gymnast import make
from gymnast.runners.screen import panel
from gymnast.runners.screen.panel import Bar, Bars, Group, fitted, short


@pytest.fixture
def bars():
    made = []

    def of(env):
        made.append(make(env, render_mode="rgb_array"))
        return Bars(made[-1])

    yield of
    for env in made:
        env.close()


def row(*numbers):
    return np.array([numbers], np.float32)


def test_signed_actions_are_drawn_from_the_middle(bars):
    (group,) = bars("Pendulum-v1").of({"mean action": row(0)}, np.array([-1.0]))  # torques of -2 to 2
    assert group.bars == [Bar("a0", -1.0, 0.25, 0.5, True, mean=0.5)]


def test_a_deviation_is_drawn_around_the_mean_and_not_beyond_the_box(bars):
    (group,) = bars("Pendulum-v1").of({"mean action": row(1), "std": row(2)}, np.array([5.0]))
    assert group.bars == [Bar("a0", 2.0, 0.5, 1.0, True, mean=0.75, spread=(0.25, 1.0))]


def test_probabilities_are_shares_of_the_track(bars):
    (group,) = bars("CartPole-v1").of({"action probability": row(0.25, 0.75)}, np.array(1))
    assert group.bars == [Bar("left", 0.25, 0, 0.25, False), Bar("right", 0.75, 0, 0.75, True)]


def test_tokens_are_named_by_what_they_stand_for(bars):
    (group,) = bars("gymnast/Parity-v0").of({"action probability": row(0.1, 0.2, 0.3, 0.4)}, np.array(3))
    assert [bar.name for bar in group.bars] == ["'0'", "'1'", "'='", "end"]


def test_action_values_are_drawn_from_the_least_to_the_greatest_so_far(bars):
    made = bars("CartPole-v1")
    made.of({"action value": row(-4, 6), "value": np.array([6.0])}, np.array(1))
    (group,) = made.of({"action value": row(1, -1.5), "value": np.array([1.0])}, np.array(1))
    assert group.bars == [Bar("left", 1, 0, 0.5, False, best=True), Bar("right", -1.5, 0, 0.25, True)]


def test_the_best_action_is_one_that_is_available(bars):
    thoughts = {"action value": row(3, 1, 2), "value": np.array([2.0])}  # the first one is masked
    (group,) = bars("MountainCar-v0").of(thoughts, np.array(0))
    assert [bar.best for bar in group.bars] == [False, False, True]


def test_probabilities_and_values_are_two_groups(bars):
    thoughts = {"value": np.array([0.1]), "action value": row(0, 1), "action probability": row(0.4, 0.6)}
    assert [group.title for group in bars("CartPole-v1").of(thoughts, np.array(0))] == [
        "action probability",
        "action value",
    ]


def painted(groups, height=400, lines=("return 1.0",)):
    picture = Image.new("RGB", (panel.WIDTH, height), panel.PAPER)
    panel.paint(picture, 0, lines, groups)
    return np.asarray(picture)


def test_nothing_is_drawn_at_the_edge_however_many_bars_there_are():
    for count in (1, 7, 18, 65, 1000):
        group = Group("action value", [Bar(f"action {i}", -i, 0, i / count, i == 0, i == 2) for i in range(count)])
        for groups in ([group], [group, group]):
            picture = painted(groups)
            edge = np.concatenate([picture[-6:].reshape(-1, 3), picture[:, -12:].reshape(-1, 3)])
            assert (edge == panel.PAPER).all(), count
            assert picture[200:].std() > 5 or count == 1


def test_a_small_panel_still_has_a_bar():
    assert painted([Group("action", [Bar("a0", 1, 0, 1, True)] * 30)], height=120).std() > 5


def test_long_text_is_cut_at_its_beginning():
    letters = panel.font(16)
    assert fitted("runs/a", 200, letters) == "runs/a"
    cut = fitted("runs/" + "x" * 99 + "-s7", 200, letters)
    assert cut.startswith("…x")
    assert cut.endswith("-s7")
    assert letters.getlength(cut) <= 200


@pytest.mark.parametrize(
    ("number", "text"), [(1.239, "1.24"), (-0.001, "0.00"), (-123.45, "-123.5"), (12345.6, "12346")]
)
def test_numbers_have_the_digits_that_there_is_room_for(number, text):
    assert short(number) == text
