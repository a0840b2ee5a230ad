"""Gymnasium's MuJoCo tasks (-v5) on threads: the same numbers to the last bit, in less time.

Each thread advances its environments in one compiled loop over the C function `mj_step`, without Python's lock: through
the bindings, which take it back after every environment, two threads were slower than one. Observations and rewards
then are array operations over all environments, each in the order of Gymnasium's own formula. Resets are Gymnasium's
own code. (`mujoco.rollout` has threads of its own, but drops the solver's warm start and the forces and positions after
the last step: its trajectories differ, and Ant, Humanoid and Reacher observe what it drops.)
"""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import mujoco
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from ..core.errors import UsageError
from .physics import Crew
from .threads import cores
from .wrappers import refuse_partial_reset

INTEGRATION = mujoco.mjtState.mjSTATE_INTEGRATION

Fields = dict[str, NDArray]  # parts of mjData, (N, size) each


class MujocoVectorEnv(VectorEnv):
    """N environments of one task with its default arguments; infos hold nothing but final observations."""

    backend = "mujoco threads"

    def __init__(self, env_id: str, num_envs: int) -> None:
        # The one environment whose constants, spaces and resets all the others use.
        made: Any = gym.make(env_id, disable_env_checker=True)
        self.single = made.unwrapped
        self.limit = made.spec.max_episode_steps
        self.outcome, watched = TASKS[env_id]
        self.num_envs = num_envs
        self.metadata = {**self.single.metadata, "autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = self.single.observation_space
        self.single_action_space = self.single.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        numbers = mujoco.mj_stateSize(self.single.model, INTEGRATION)
        self.kept_by = f"{type(self).__qualname__}, {numbers} numbers each"  # more or fewer in other versions of MuJoCo
        self.generators: list[np.random.Generator | None] = [None] * num_envs
        self.elapsed = np.zeros(num_envs, np.int64)
        self.datas = [mujoco.MjData(self.single.model) for _ in range(num_envs)]
        self.controls = [data.ctrl for data in self.datas]
        names = ("qpos", "qvel", *watched)
        self.fields: Fields = {name: np.zeros((num_envs, getattr(self.datas[0], name).size)) for name in names}
        self.views = [
            [(self.fields[name][i], getattr(data, name).reshape(-1)) for name in names]
            for i, data in enumerate(self.datas)
        ]
        threads = min(cores(), num_envs)
        self.crew = Crew(self.single.model, self.datas, threads, self.single.frame_skip, "cfrc_ext" in names)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray, dict[str, Any]]:
        refuse_partial_reset(options)
        seeds = seed if isinstance(seed, list) else [None if seed is None else seed + i for i in range(self.num_envs)]
        return np.stack([self._reset_one(i, one) for i, one in enumerate(seeds)]), {}

    def step(self, actions: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray, dict[str, Any]]:
        before = {name: field.copy() for name, field in self.fields.items()}
        for control, action in zip(self.controls, actions, strict=True):
            control[:] = action
        self.crew.advance()
        for views in self.views:
            _gather(views)
        obs, reward, terminated = self.outcome(self, before, self.fields, actions)
        self.elapsed += 1
        truncated = self.elapsed >= self.limit
        infos: dict[str, Any] = {}
        for i in np.flatnonzero(terminated | truncated).tolist():
            infos = self._add_info(infos, {"final_obs": obs[i].copy()}, i)
            obs[i] = self._reset_one(i, None)
        return obs, reward, terminated, truncated, infos

    def get_state(self) -> dict[str, Any]:
        """Everything that the next steps depend on, as arrays and JSON values."""
        model = self.single.model
        physics = np.zeros((self.num_envs, mujoco.mj_stateSize(model, INTEGRATION)))
        for row, data in zip(physics, self.datas, strict=True):
            mujoco.mj_getState(model, data, row, INTEGRATION)
        generators = [None if rng is None else rng.bit_generator.state for rng in self.generators]
        fields = {name: field.copy() for name, field in self.fields.items()}
        return {"physics": physics, "fields": fields, "elapsed": self.elapsed.copy(), "generators": generators}

    def set_state(self, state: dict[str, Any]) -> None:
        """Brings all environments to a state that `get_state` gave."""
        _refuse_unlike(state, self.get_state(), self.limit)
        for row, data in zip(state["physics"], self.datas, strict=True):
            mujoco.mj_setState(self.single.model, data, row, INTEGRATION)
        for name, field in state["fields"].items():
            self.fields[name][:] = field
        self.elapsed[:] = state["elapsed"]
        self.generators = [None if saved is None else _generator(saved) for saved in state["generators"]]

    def close_extras(self, **kwargs: Any) -> None:
        self.crew.close()
        self.single.close()

    def _reset_one(self, i: int, seed: int | None) -> NDArray:
        single = self.single
        single.data, single._np_random = self.datas[i], self.generators[i]
        obs, _ = single.reset(seed=seed)
        self.generators[i] = single.np_random
        self.elapsed[i] = 0
        _gather(self.views[i])
        return obs


def _gather(views: list[tuple[NDArray, NDArray]]) -> None:
    for field, source in views:
        field[:] = source


def _refuse_unlike(saved: dict[str, Any], own: dict[str, Any], limit: int) -> None:
    """Raise UsageError unless `saved` has the arrays of `own`, of finite numbers, and times within the limit."""
    arrays = [("physics", saved["physics"], own["physics"]), ("elapsed", saved["elapsed"], own["elapsed"])]
    arrays += [(name, saved["fields"].get(name), field) for name, field in own["fields"].items()]
    for name, x, ours in arrays:
        if not isinstance(x, np.ndarray) or x.shape != ours.shape or x.dtype != ours.dtype or not np.isfinite(x).all():
            raise UsageError(f"the saved {name} is not of finite numbers {ours.shape}: of another task, or damaged")
    if ((saved["elapsed"] < 0) | (saved["elapsed"] >= limit)).any():
        raise UsageError(f"the saved times are not between 0 and {limit}")
    if len(saved["generators"]) != len(own["generators"]):
        raise UsageError("the saved generators are of another number of environments")


def _generator(state: dict[str, Any]) -> np.random.Generator:
    bits: Any = np.random.PCG64()
    bits.state = state
    return np.random.Generator(bits)


# What follows a step: observations (N, O), rewards (N,) and terminations (N,), from the fields before and after it and
# the actions (N, A).
Outcome = tuple[NDArray, NDArray, NDArray]


def _half_cheetah(env: MujocoVectorEnv, before: Fields, now: Fields, actions: NDArray) -> Outcome:
    one = env.single
    reward = one._forward_reward_weight * _velocity(env, before["qpos"], now["qpos"])
    reward = reward - _control_cost(one, actions)
    return np.concatenate([now["qpos"][:, 1:], now["qvel"]], axis=1), reward, np.zeros(env.num_envs, bool)


def _swimmer(env: MujocoVectorEnv, before: Fields, now: Fields, actions: NDArray) -> Outcome:
    obs, reward, terminated = _half_cheetah(env, before, now, actions)
    return obs[:, 1:], reward, terminated


def _hopper(env: MujocoVectorEnv, before: Fields, now: Fields, actions: NDArray) -> Outcome:
    low, high = env.single._healthy_state_range
    state = np.concatenate([now["qpos"], now["qvel"]], axis=1)[:, 2:]
    bounded = ((low < state) & (state < high)).all(axis=1)
    return _walk(env, before, now, actions, bounded)


def _walker(env: MujocoVectorEnv, before: Fields, now: Fields, actions: NDArray) -> Outcome:
    return _walk(env, before, now, actions, np.ones(env.num_envs, bool))


def _walk(env: MujocoVectorEnv, before: Fields, now: Fields, actions: NDArray, healthy: NDArray) -> Outcome:
    one = env.single
    (low_z, high_z), (low_angle, high_angle) = one._healthy_z_range, one._healthy_angle_range
    z, angle = now["qpos"][:, 1], now["qpos"][:, 2]
    healthy = healthy & (low_z < z) & (z < high_z) & (low_angle < angle) & (angle < high_angle)
    forward = one._forward_reward_weight * _velocity(env, before["qpos"], now["qpos"])
    reward = forward + healthy * one._healthy_reward - _control_cost(one, actions)
    obs = np.concatenate([now["qpos"][:, 1:], np.clip(now["qvel"], -10, 10)], axis=1)
    return obs, reward, ~healthy


def _ant(env: MujocoVectorEnv, before: Fields, now: Fields, actions: NDArray) -> Outcome:
    one = env.single
    low_z, high_z = one._healthy_z_range
    z = now["qpos"][:, 2]
    finite = np.isfinite(now["qpos"]).all(axis=1) & np.isfinite(now["qvel"]).all(axis=1)
    healthy = finite & (low_z <= z) & (z <= high_z)
    torso = slice(3 * one._main_body, None)
    forward = _velocity(env, before["xpos"][:, torso], now["xpos"][:, torso]) * one._forward_reward_weight
    contact = np.clip(now["cfrc_ext"], *one._contact_force_range)
    cost = _control_cost(one, actions) + one._contact_cost_weight * np.square(contact).sum(axis=1)
    obs = np.concatenate([now["qpos"][:, 2:], now["qvel"], contact[:, 6:]], axis=1)
    return obs, forward + healthy * one._healthy_reward - cost, ~healthy


def _humanoid(env: MujocoVectorEnv, before: Fields, now: Fields, actions: NDArray) -> Outcome:
    one = env.single
    low_z, high_z = one._healthy_z_range
    z = now["qpos"][:, 2]
    healthy = (low_z < z) & (z < high_z)
    forward = one._forward_reward_weight * _velocity(env, _mass_centers(one, before), _mass_centers(one, now))
    contact_cost = one._contact_cost_weight * np.square(now["cfrc_ext"]).sum(axis=1)
    # Here, and only here, Gymnasium squares the controls in double precision.
    cost = _control_cost(one, actions.astype(np.float64)) + np.clip(contact_cost, *one._contact_cost_range)
    world = {"cinert": 10, "cvel": 6, "qfrc_actuator": 6, "cfrc_ext": 6}  # what belongs to the world or the root joint
    parts = [now["qpos"][:, 2:], now["qvel"], *(now[name][:, size:] for name, size in world.items())]
    return np.concatenate(parts, axis=1), forward + healthy * one._healthy_reward - cost, ~healthy


def _inverted_pendulum(env: MujocoVectorEnv, before: Fields, now: Fields, actions: NDArray) -> Outcome:
    obs = np.concatenate([now["qpos"], now["qvel"]], axis=1)
    terminated = ~np.isfinite(obs).all(axis=1) | (np.abs(obs[:, 1]) > 0.2)
    return obs, (~terminated).astype(np.float64), terminated


def _inverted_double_pendulum(env: MujocoVectorEnv, before: Fields, now: Fields, actions: NDArray) -> Outcome:
    """One at a time: a power of a scalar may differ from that of an array in its last bit."""
    one, outcomes = env.single, []
    for data in env.datas:
        one.data = data
        x, _, y = data.site_xpos[0]
        outcomes.append((one._get_obs(), one._get_rew(x, y, bool(y <= 1))[0], y <= 1))
    obs, reward, terminated = zip(*outcomes, strict=True)
    return np.stack(obs), np.array(reward), np.array(terminated)


def _reacher(env: MujocoVectorEnv, before: Fields, now: Fields, actions: NDArray) -> Outcome:
    """One at a time: the norm of a vector may differ from that of a row in its last bit."""
    one, outcomes = env.single, []
    for data, action in zip(env.datas, actions, strict=True):
        one.data = data
        outcomes.append((one._get_obs(), one._get_rew(action)[0]))
    obs, reward = zip(*outcomes, strict=True)
    return np.stack(obs), np.array(reward, np.float64), np.zeros(env.num_envs, bool)


def _velocity(env: MujocoVectorEnv, before: NDArray, now: NDArray) -> NDArray:
    """Forward velocity in m/s, shape (N,)."""
    return (now[:, 0] - before[:, 0]) / env.single.dt


def _control_cost(one: Any, actions: NDArray) -> NDArray:
    return one._ctrl_cost_weight * np.square(actions).sum(axis=1)


def _mass_centers(one: Any, fields: Fields) -> NDArray:
    """Centres of mass (N, 3) in m; one at a time, because a batched sum has another order."""
    mass = one.model.body_mass
    total = mass.sum()
    return np.stack([np.einsum("b,bj->j", mass, row.reshape(-1, 3)) / total for row in fields["xipos"]])


Task = Callable[[MujocoVectorEnv, Fields, Fields, NDArray], Outcome]

# What follows a step, and the fields beside qpos and qvel that say so.
TASKS: dict[str, tuple[Task, tuple[str, ...]]] = {
    "Ant-v5": (_ant, ("xpos", "cfrc_ext")),
    "HalfCheetah-v5": (_half_cheetah, ()),
    "Hopper-v5": (_hopper, ()),
    "Humanoid-v5": (_humanoid, ("xipos", "cinert", "cvel", "qfrc_actuator", "cfrc_ext")),
    "InvertedDoublePendulum-v5": (_inverted_double_pendulum, ()),
    "InvertedPendulum-v5": (_inverted_pendulum, ()),
    "Reacher-v5": (_reacher, ()),
    "Swimmer-v5": (_swimmer, ()),
    "Walker2d-v5": (_walker, ()),
}
