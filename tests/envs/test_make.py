import sys
import textwrap
from contextlib import closing
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.core.errors import TrainingError, UsageError
from gymnast.envs import describe, make
from gymnast.envs.workers import WorkerVectorEnv


class Countdown(gym.Env):
    """Ends after `length` steps; observes the steps left."""

    action_space = gym.spaces.Discrete(2)

    def __init__(self, length=3):
        self.length = length
        self.observation_space = gym.spaces.Box(0, length, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = self.length
        return self._obs(), {}

    def step(self, action):
        self.left -= 1
        return self._obs(), 1.0, self.left == 0, False, {}

    def _obs(self):
        return np.array([self.left], np.float32)


class Broken(Countdown):
    def __init__(self):
        raise OSError("no such level: 7\nsecond line")


class Leaves(Countdown):
    def __init__(self):
        sys.exit(0)


class LeavesInReset(Countdown):
    def reset(self, **kwargs):
        sys.exit(0)


class LeavesInClose(Countdown):
    def __init__(self, log):
        super().__init__()
        self.log = log

    def close(self):
        with self.log.open("a") as file:
            file.write("closed\n")
        sys.exit(3)


def trajectory(env, steps=60):
    env.action_space.seed(0)
    out = [env.reset(seed=5)[0].copy()]
    for _ in range(steps):
        obs, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        out += [array.copy() for array in (obs, reward, terminated, truncated)]
    env.close()
    return np.concatenate([np.ravel(x) for x in out])


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "my_levels.py").write_text(
        textwrap.dedent("""
            import gymnasium as gym
            from gymnasium.envs.classic_control import CartPoleEnv as Pole
            gym.register("MyPole-v3", Pole, max_episode_steps=7)
            def short_pole(): return gym.make("CartPole-v1", max_episode_steps=5)
            limit = 3
        """)
    )
    (tmp_path / "leaves.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    yield "my_levels"
    sys.modules.pop("my_levels", None)
    gym.registry.pop("MyPole-v3", None)


def test_the_loop_equals_gymnasiums_own_vector_environment():
    theirs = SyncVectorEnv([lambda: gym.make("CartPole-v1")] * 3, autoreset_mode=AutoresetMode.SAME_STEP)
    assert np.array_equal(trajectory(make("CartPole-v1", 3, backend="loop")), trajectory(theirs))


@pytest.mark.parametrize("env", [Countdown, lambda: Countdown(), lambda length=3: Countdown(length)])
def test_classes_and_callables_make_environments(env):
    with closing(make(env, 2)) as envs:
        assert envs.num_envs == 2
        assert envs.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
        assert np.array_equal(envs.reset(seed=0)[0], [[3], [3]])


def test_arguments_reach_the_constructor():
    with closing(make(Countdown, length=9)) as envs:
        assert envs.reset()[0] == 9


@pytest.mark.parametrize("name", ["MyPole-v3", "Pole", "short_pole"])
def test_a_module_gives_ids_classes_and_functions(module, name):
    with closing(make(f"{module}:{name}", 2)) as envs:
        assert envs.reset(seed=0)[0].shape == (2, 4)


def test_modules_are_found_where_the_user_stands(tmp_path, monkeypatch):
    (tmp_path / "here.py").write_text("from gymnasium.envs.classic_control import CartPoleEnv as Pole")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    make("here:Pole").close()
    sys.modules.pop("here")


def test_a_vector_environment_is_returned_as_it_is():
    with closing(make(Countdown, 4)) as envs:
        assert make(envs) is envs
        assert make(envs, 4) is envs
        with pytest.raises(UsageError, match="num_envs is 3, but the vector environment given has 4"):
            make(envs, 3)
        for more in ({"length": 3}, {"backend": "loop"}, {"render_mode": "rgb_array"}):
            with pytest.raises(UsageError, match="ready vector environment"):
                make(envs, **more)


def test_an_only_environment_is_made_once():
    made = []
    make(lambda: made.append(1) or Countdown()).close()
    assert len(made) == 1


def test_an_id_without_version_means_the_newest():
    with closing(make("CartPole", backend="loop")) as envs:
        assert envs.get_attr("spec")[0].id == "CartPole-v1"


def test_an_old_version_works_silently_while_gymnasium_makes_it():
    make("CartPole-v0", backend="loop").close()


@pytest.mark.parametrize(
    ("env", "kwargs", "backend"),
    [
        (Countdown, {}, "loop"),
        ("CartPole-v1", {}, "native"),
        ("CartPole", {}, "native"),
        ("gymnast.envs:CartPole-v1", {}, "native"),
        ("CartPole-v1", {"max_episode_steps": 9}, "native"),
        ("CartPole-v1", {"render_mode": "rgb_array"}, "loop"),
        ("CartPole-v1", {"backend": "loop"}, "loop"),
        ("FrozenLake-v1", {"is_slippery": False}, "native"),
        ("gymnast/Bandit-v0", {}, "native"),
        ("Blackjack-v1", {}, "loop"),
    ],
)
def test_the_backend_is_the_quickest_that_there_is(env, kwargs, backend):
    with closing(make(env, 2, **kwargs)) as envs:
        assert describe(envs) == backend


def test_arguments_mean_the_same_on_every_backend():
    both = [make("CartPole-v1", 2, backend=backend, max_episode_steps=7) for backend in ("native", "loop")]
    assert np.array_equal(*map(trajectory, both))


def test_masks_are_seen_on_every_backend():
    spaces, records = [], []
    for backend in ("native", "loop", "workers"):
        with closing(make("Taxi", 2, backend=backend)) as envs:
            spaces.append(envs.observation_space)
            obs, _ = envs.reset(seed=1)
            record = [obs["observation"].copy(), obs["action_mask"].copy()]
            rng = np.random.default_rng(0)
            for _ in range(410):
                obs, _, _, _, infos = envs.step(rng.integers(6, size=2))
                record += [obs["observation"].copy(), obs["action_mask"].copy()]
                for final in infos.get("final_obs", ()):
                    record += [] if final is None else [final["observation"], final["action_mask"]]
            records.append(np.concatenate([np.ravel(part) for part in record]))
    assert spaces[0] == spaces[1] == spaces[2]
    assert np.array_equal(records[0], records[1])
    assert np.array_equal(records[0], records[2])


@pytest.mark.parametrize(
    ("env", "kwargs", "message"),
    [
        ("CartPol-v1", {}, r"unknown environment 'CartPol-v1'. Did you mean 'CartPole-v\d'\?"),
        ("LunarLander-v2", {}, "'LunarLander-v2' is retired; the newest version is 'LunarLander-v3'"),
        ("CartPole-v7", {}, "'CartPole-v7' does not exist; the newest version is 'CartPole-v1'"),
        ("HalfCheetah-v2", {}, r"moved to the gymnasium-robotics .* \(the newest version is 'HalfCheetah-v5'\)"),
        ("cart pole", {}, "not an environment id"),
        ("no_such_module:Pole", {}, "importing 'no_such_module' raised ModuleNotFoundError: No module named"),
        ("my_levels:Polo", {}, "no class or function 'Polo', nor registers that id. Did you mean 'Pole'?"),
        ("my_levels:limit", {}, "no class or function 'limit'"),
        ("my_levels:NoPole-v3", {}, "nor registers that id"),
        (Countdown, {"lenght": 3}, "Countdown: unknown argument 'lenght'"),
        ("Acrobot-v1", {"colour": 3}, "Acrobot-v1: unknown argument 'colour'"),
        (Broken, {}, "Broken: its constructor raised OSError: no such level: 7$"),
        (Leaves, {}, r"Leaves: its constructor called sys.exit\(0\)$"),
        ("leaves:Pole", {}, "'leaves:Pole': importing 'leaves' raised SystemExit"),
        (dict, {}, "dict made a dict, which is not a gymnasium.Env"),
        (7, {}, "an environment is an id, a class or a callable"),
        (Countdown, {"backend": "lopp"}, "unknown backend 'lopp'; known: auto, .*Did you mean 'loop'?"),
        (Countdown, {"backend": "native"}, "backend 'native' makes .*, not Countdown"),
        ("CartPole-v1", {"colour": 3}, "CartPole-v1: unknown argument 'colour'"),
        ("gymnast/Bandit-v0", {"armz": 3}, "gymnast/Bandit-v0: unknown argument 'armz'"),
        ("gymnast/Bandits-v0", {}, "unknown environment 'gymnast/Bandits-v0'. Did you mean 'gymnast/Bandit-v0'?"),
        (Countdown, {"num_envs": 0}, "num_envs must be at least 1, not 0"),
    ],
)
def test_wrong_input_is_one_clear_line(module, env, kwargs, message):
    with pytest.raises(UsageError, match=message) as caught:
        make(env, **kwargs)
    assert "\n" not in str(caught.value)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "Box2D", None)
    for name in [name for name in sys.modules if name.startswith("gymnasium.envs.box2d")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(
        UsageError, match=r'LunarLander-v3: Box2D is not installed; run: pip install "gymnast\[box2d\]"'
    ):
        make("LunarLander-v3")


def test_copies_whose_spaces_differ_are_refused_and_closed():
    class Growing(Countdown):
        made, closed = 0, 0

        def __init__(self):
            super().__init__()
            Growing.made += 1
            self.observation_space = gym.spaces.Discrete(Growing.made)

        def close(self):
            Growing.closed += 1

    with pytest.raises(UsageError, match="Growing: its copies differ in their spaces"):
        make(Growing, 2, backend="loop")
    assert Growing.closed == Growing.made == 2


def test_importing_envs_imports_nothing_heavy():
    import subprocess

    heavy = "{'torch', 'mujoco', 'ale_py', 'numba'}"
    code = (
        f"import sys, gymnast.envs; gymnast.envs.make('CartPole-v1', backend='loop'); print({heavy} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


def test_leaving_the_program_in_the_first_reset_is_an_error():
    with pytest.raises(TrainingError, match=r"the environment called sys\.exit\(0\) in reset"):
        make(LeavesInReset, backend="loop")


@pytest.mark.parametrize("copies", [partial(make, backend="loop"), partial(WorkerVectorEnv, workers=1)])
def test_every_copy_is_closed_where_the_first_one_leaves_the_program(copies, tmp_path):
    copies(partial(LeavesInClose, tmp_path / "log"), 2).close()
    assert (tmp_path / "log").read_text() == "closed\n" * 2
