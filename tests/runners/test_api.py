import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv

import gymnast
from gymnast.core.errors import UsageError


class Masked(gym.Env):
    """Gives a mask in its infos; one step long."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {"action_mask": np.array([1, 0], np.int8)}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, True, False, {"action_mask": np.array([1, 0], np.int8)}


TINY = {"steps": 512, "evals": 0, "num_envs": 4}


class Parts(gym.Env):
    """Observes a Dict; two steps long."""

    observation_space = spaces.Dict(place=spaces.Box(0, 5, (2,), np.float32), side=spaces.Discrete(3))
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        self.time += 1
        return self.observation_space.sample(), float(action), self.time == 2, False, {}


def weights(agent):
    return {name: x.numpy().copy() for name, x in agent.agent.net.state_dict().items()}


def assert_same(a, b):
    assert all(np.array_equal(a[name], b[name]) for name in a)


def test_every_public_name_is_there():
    for name in gymnast.__all__:
        assert getattr(gymnast, name) is not None
    assert set(gymnast.__all__) <= set(dir(gymnast))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'PPOO'"):
        gymnast.PPOO  # noqa: B018


def test_the_interface_learns_what_the_layer_below_learns():
    agent = gymnast.PPO("CartPole-v1", seed=3, evals=0).learn(1024)
    result = gymnast.train(gymnast.preset("ppo", "CartPole-v1", seed=3, evals=0, steps=1024))
    assert_same(weights(agent), {name: x.numpy() for name, x in result.agent.net.state_dict().items()})


def test_predict_takes_one_observation_or_a_batch():
    agent = gymnast.PPO("CartPole-v1")
    action, thoughts = agent.predict(np.zeros(4))
    assert action in (0, 1)
    assert thoughts["action probability"].shape == (2,)
    actions, thoughts = agent.predict(np.zeros((3, 4)))
    assert actions.shape == (3,)
    assert thoughts["action probability"].shape == (3, 2)


def test_predict_takes_dicts():
    agent = gymnast.PPO(Parts)
    space = Parts.observation_space
    one = space.sample()
    action, _ = agent.predict(one)
    batch = {"place": np.stack([one["place"]] * 3), "side": np.array([one["side"]] * 3)}
    assert agent.predict(batch)[0].tolist() == [action] * 3


def test_predict_takes_lists():
    assert gymnast.PPO("CartPole-v1").predict([0.0, 0.0, 0.0, 0.0])[0] in (0, 1)
    agent = gymnast.PPO(Parts)
    one, batch = {"place": [1, 2.5], "side": 2}, {"place": [[1, 2.5]] * 3, "side": [2] * 3}
    assert agent.predict(batch)[0].tolist() == [agent.predict(one)[0]] * 3


def test_predict_takes_the_mask_of_an_environment_that_gives_it_in_its_infos():
    agent = gymnast.PPO(Masked)
    for allowed in (0, 1):
        mask = np.arange(2) == allowed
        assert agent.predict(np.zeros(1), mask=mask)[0] == allowed
        assert agent.predict(np.zeros((3, 1)), mask=[mask] * 3)[0].tolist() == [allowed] * 3
    with pytest.raises(UsageError, match=r"predict\(obs, mask=info\['action_mask'\]\)"):
        agent.predict(np.zeros(1))
    with pytest.raises(UsageError, match="this agent learned without masks"):
        gymnast.PPO("CartPole-v1").predict(np.zeros(4), mask=[1, 0])


@pytest.mark.parametrize("odd", ["up", None, [[0.0], [0.0, 1.0]], {"place": [0.0, 0.0]}, 7, ["0", "1", "2", "x"]])
def test_predict_refuses_what_is_no_observation(odd):
    for env in ("CartPole-v1", Parts):
        with pytest.raises(UsageError, match="does not fit the observation space"):
            gymnast.PPO(env).predict(odd)


def test_predict_refuses_an_observation_of_another_shape():
    with pytest.raises(UsageError, match="does not fit the observation space"):
        gymnast.PPO("CartPole-v1").predict(np.zeros(3))


def test_predicted_actions_lie_in_the_action_space():
    agent = gymnast.PPO("Pendulum-v1")
    action, _ = agent.predict(np.zeros((50, 3)), deterministic=False)
    assert np.abs(action).max() <= 2


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(0, 255, (2,), np.uint8),
        spaces.Box(-1, 1, (2,), np.float16),
        spaces.Discrete(3, start=5, dtype=np.int32),
        spaces.MultiDiscrete([2, 3], np.uint8),
    ],
    ids=str,
)
def test_predicted_actions_are_of_the_type_of_their_space(space):
    class Typed(Parts):
        action_space = space

    action, _ = gymnast.PPO(Typed).predict(Parts.observation_space.sample())
    assert (action.dtype, space.contains(action)) == (space.dtype, True)


def test_learn_goes_on_where_it_stopped():
    agent = gymnast.PPO("CartPole-v1", **TINY).learn(512)
    before = weights(agent)
    agent.learn(256)
    assert agent.steps == 768
    assert any(not np.array_equal(before[name], x) for name, x in weights(agent).items())


def test_learning_in_two_parts_from_disk_equals_learning_in_two_parts(tmp_path):
    kept = gymnast.PPO("CartPole-v1", **TINY).learn(512)
    kept.save(tmp_path / "agent")
    loaded = gymnast.load(tmp_path / "agent")
    assert loaded.steps == 512
    assert_same(weights(kept), weights(loaded))
    assert_same(weights(kept.learn(512)), weights(loaded.learn(512)))


def test_a_saved_agent_is_a_run_for_the_command_line(tmp_path, gymnast):
    import gymnast as package

    package.PPO("CartPole-v1", **TINY).learn(512).save(tmp_path / "agent")
    assert gymnast("evaluate agent --episodes 2").code == 0


def test_a_folder_belongs_to_the_first_call_of_learn(tmp_path):
    learner = gymnast.A2C("CartPole-v1", num_envs=2, evals=0).learn(10)
    with pytest.raises(UsageError, match="`out` belongs to the first call of learn"):
        learner.learn(10, out=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_learn_with_a_folder_leaves_a_run(tmp_path):
    gymnast.PPO("CartPole-v1", **TINY).learn(512, out=tmp_path / "run")
    assert (tmp_path / "run" / "metrics.csv").is_file()
    with pytest.raises(UsageError, match="already holds a run"):
        gymnast.PPO("CartPole-v1", **TINY).learn(512, out=tmp_path / "run")


def test_a_function_makes_the_environment():
    agent = gymnast.PPO(lambda: Parts(), **TINY).learn(256)
    assert len(agent.evaluate(episodes=3).returns) == 3


def test_a_ready_vector_environment_is_used_as_it_is():
    env = SyncVectorEnv([Parts] * 2)
    agent = gymnast.PPO(env, evals=0).learn(64)
    assert agent.run.num_envs == 2
    with pytest.raises(UsageError, match="ready VectorEnv"):
        agent.evaluate()
    other = SyncVectorEnv([Parts] * 2)
    assert len(agent.evaluate(episodes=4, env=other).returns) == 4


def test_a_wrong_field_is_refused():
    with pytest.raises(UsageError, match="Did you mean 'seed'"):
        gymnast.PPO("CartPole-v1", sead=3)
    with pytest.raises(UsageError, match="Did you mean 'lr'"):
        gymnast.PPO("CartPole-v1", agent={"lrr": 3})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: gymnast.PPO("MlpPolicy", "CartPole-v1"), r"PPO takes the environment alone: PPO\('CartPole-v1'\)"),
        (lambda: gymnast.PPO("CartPole-v1", "MlpPolicy"), r"PPO\('CartPole-v1'\)"),
        (
            lambda: gymnast.PPO("CartPole-v1", learning_rate=3e-4),
            "ppo has no setting 'learning_rate'. Did you mean 'lr'",
        ),
        (lambda: gymnast.PPO("CartPole-v1", total_timesteps=9), "no setting 'total_timesteps'. Did you mean 'steps'"),
        (lambda: gymnast.PPO("CartPole-v1", lrr=1e-3), "Did you mean 'lr'"),
        (
            lambda: gymnast.PPO("CartPole-v1").learn(total_timesteps=9),
            "no argument 'total_timesteps'. Did you mean 'steps'",
        ),
        (lambda: gymnast.PPO("CartPole-v1").learn(), r"learn\(100_000\)"),
    ],
)
def test_the_ways_of_another_library_are_answered_with_ours(wrong, told):
    with pytest.raises(UsageError, match=told):
        wrong()


@pytest.mark.parametrize(
    ("env", "told"),
    [
        (
            lambda: gym.make("CartPole-v1"),
            "one that is made already, of which there can be no copies: give 'CartPole-v1'",
        ),
        (Parts, "made already, .* give Parts, or lambda: Parts"),
        (lambda: 42, "an id, a class or a callable that makes one, not 42"),
        (lambda: "CartPole-v9", "does not exist; the newest version is 'CartPole-v1'"),
    ],
)
def test_what_makes_no_environment_is_refused_at_once(env, told):
    with pytest.raises(UsageError, match=told):
        gymnast.PPO(env())


def test_numbers_of_numpy_are_taken_as_numbers_wherever_they_are_given(tmp_path):
    agent = gymnast.PPO(
        lambda size: Parts(),
        env_args={"size": np.int64(7)},
        seed=np.int64(3),
        agent={"lr": np.float32(0.5)},
        num_envs=np.int32(2),
        evals=0,
    )
    agent.learn(np.int64(64)).save(tmp_path)
    assert agent.run.env_args == {"size": 7}
    assert gymnast.load(tmp_path).run.agent.lr == 0.5


def test_an_argument_that_no_file_holds_is_refused_before_training():
    for odd in (np.zeros(2), {1, 2}, [print]):
        with pytest.raises(UsageError, match=r"env_args: size is or holds an? .*Give the environment as a function"):
            gymnast.PPO(Parts, env_args={"size": odd})


def test_settings_of_the_algorithm_and_of_the_run_are_given_alike():
    agent = gymnast.PPO("CartPole-v1", lr=1e-3, hidden=[8], seed=2, agent={"clip": 0.1})
    assert (agent.run.agent.lr, agent.run.agent.hidden, agent.run.agent.clip, agent.run.seed) == (1e-3, (8,), 0.1, 2)
    assert agent.run == gymnast.PPO("CartPole-v1", seed=2, agent={"lr": 1e-3, "hidden": [8], "clip": 0.1}).run
    with pytest.raises(UsageError, match="lr is given twice: by itself and in agent"):
        gymnast.PPO("CartPole-v1", lr=1e-3, agent={"lr": 1e-3})


def test_none_is_a_value_where_a_setting_may_be_none():
    assert gymnast.PPO("CartPole-v1", preset="none", agent={"target_kl": 0.1}).run.agent.target_kl == 0.1
    assert gymnast.PPO("CartPole-v1", target_kl=None).run.agent.target_kl is None


def test_a_learner_says_what_it_is(tmp_path):
    learner = gymnast.PPO("CartPole-v1", **TINY, seed=3)
    assert repr(learner) == "<PPO on CartPole-v1, seed 3, 0 steps>"
    learner.learn(1024).save(tmp_path)
    loaded = gymnast.load(tmp_path)
    assert repr(loaded) == "<PPO on CartPole-v1, seed 3, 1,024 steps>"
    assert isinstance(loaded, gymnast.PPO)
    assert loaded.policy is loaded.agent.net


def test_a_negative_seed_is_refused():
    with pytest.raises(UsageError, match="seed is -1; it must be at least 0"):
        gymnast.PPO("CartPole-v1").evaluate(2, seed=-1)
    with pytest.raises(UsageError, match="seed is -1; it must be at least 0"):
        gymnast.collect("own_experts:balance", "CartPole-v1", "demos", 2, seed=-1)
