"""Preset files of anybody's."""

import pytest

from gymnast.core.errors import UsageError
from gymnast.runners.runs import run as runs

OURS = """
["Acrobot-v1"]
steps = 10

["Cart*"]
algo = "ppo"
source = "nobody"
steps = 2_000
env_args = { render_mode = "rgb_array" }
agent.lr = 1e-5
"""


@pytest.fixture(name="file")
def _file(tmp_path):
    """Writes a preset file; its name."""

    def written(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return str(path)

    return written


def test_a_run_starts_from_the_table_of_a_file_that_is_for_its_environment(file):
    run = runs.preset("ppo", "CartPole", file(OURS), gamma=0.9)
    assert (run.steps, run.agent.lr, run.agent.gamma) == (2_000, 1e-5, 0.9)
    assert run.env_args == {"render_mode": "rgb_array"}
    assert run.preset.endswith("mine.toml")


@pytest.mark.parametrize(
    ("algo", "env", "text", "said"),
    [
        ("dqn", "CartPole-v1", OURS, r"\['Cart\*'\] is a preset for 'ppo', not for dqn"),
        ("ppo", "Pendulum-v1", OURS, r"no preset for Pendulum-v1; it is for 'Acrobot-v1', 'Cart\*'"),
        ("ppo", "CartPole-v1", "['Cart*']\nagent.lrr = 1", "unknown key 'lrr'.*Did you mean 'lr'"),
        ("ppo", "CartPole-v1", "['Cart*']\nagent.lr = -1", "lr is -1"),
        ("ppo", "CartPole-v1", "['Cart*']\nagent.lr = 'x'", "lr is 'x'; it must be float"),
        ("ppo", "CartPole-v1", "['Cart*']\nagent = 3", "it must be a table"),
        ("ppo", "CartPole-v1", "['Cart*']\nstep = 3", "does not set 'step'. Did you mean 'steps'"),
        ("ppo", "CartPole-v1", "['Cart*']\nsteps = 0", "steps is 0"),
        ("ppo", "CartPole-v1", "steps = 3", "must be a table"),
        ("ppo", "CartPole-v1", "steps = ", "damaged"),
    ],
)
def test_a_file_that_is_no_preset_for_the_run_is_refused_in_one_line(file, algo, env, text, said):
    with pytest.raises(UsageError, match=said) as refusal:
        runs.preset(algo, env, file(text))
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match=r"cannot read nowhere\.toml"):
        runs.preset("ppo", "CartPole-v1", "nowhere.toml")


@pytest.mark.parametrize(
    "line",
    [
        "net = 'stranger:net'",
        "wrappers = ['stranger:Wrapper']",
        "expert = 'stranger:expert'",
        "env = 'stranger:Env'",
        "init_from = '/'",
        "demos = '/'",
        "trust = true",
        "agent.replay_dir = '/tmp'",
    ],
)
def test_a_file_names_no_code_and_no_folder(file, line):
    with pytest.raises(UsageError, match=f"does not set '{line.partition(' ')[0]}'"):
        runs.preset("dqn", "CartPole-v1", file(f"['CartPole-v1']\n{line}"))


@pytest.mark.parametrize(
    "text",
    [
        '["\\u001b[2J"]',
        '["\\u001b[2J*"]\nenvs = ["CartPole-v1"]\nsteps = 0',
        '["\\u001b[2J*"]\nenvs = 3',
        '"\\u001b[2J" = 3',
        '["Cart*"]\nalgo = "\\u001b[2J"',
        '["Cart*"]\n"\\u001b[2J" = 3',
        '["Cart*"]\nagent."\\u001b[2J" = 3',
    ],
)
def test_a_refusal_holds_no_control_sequence_of_the_file(file, text):
    with pytest.raises(UsageError) as refusal:
        runs.preset("ppo", "CartPole-v1", file(text))
    assert str(refusal.value).isprintable()
