"""N copies of a native environment behind Gymnasium's `VectorEnv`: one jitted call advances all of them."""

from collections.abc import Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numba import carray, from_dtype, njit, typeof, types
from numba.extending import intrinsic
from numpy.typing import ArrayLike, NDArray

from ...core.jitted.instantiate import instantiate
from .kernel import Kernel, Painter, Row, refuse_impossible
from .pcg64 import ROW, seed_row

if TYPE_CHECKING:  # in the loops below these are the environment's own functions, see `instantiate`
    from .cartpole import observe, reset, step
    from .taxi import mask

    valid: Any = None
    rows: Any = None

NO_LIMIT = np.iinfo(np.int64).max
SAME_STEP, NEXT_STEP, DISABLED = 0, 1, 2
MODES = {AutoresetMode.SAME_STEP: SAME_STEP, AutoresetMode.NEXT_STEP: NEXT_STEP, AutoresetMode.DISABLED: DISABLED}


class NativeVectorEnv(VectorEnv[NDArray, NDArray, NDArray]):
    """N independent copies; copy i of `reset(seed=s)` draws what Gymnasium's environment seeded s + i draws.

    In `SAME_STEP` mode the info of a step that ended some episode has `final_obs` (N, *obs), zero where no episode
    ended, and `_final_obs` (N,), where one did. With a kernel that masks actions every info has `action_mask` (N, A)
    for the observation returned, and `final_info` has the one for `final_obs`. With one that knows success the last
    info of an episode, which is `final_info` in `SAME_STEP` mode, has `is_success` (N,).

    `state` (N, S), `elapsed` (N,), `rng` (N, 6) and `ended` (N,) are all that changes, and always the same arrays.
    """

    def __init__(
        self,
        kernel: Kernel,
        num_envs: int,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        copy: bool = True,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"{kernel.name}: render_mode {render_mode!r} is unknown; known: None, 'rgb_array'")
        self.kernel = kernel
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.max_episode_steps = NO_LIMIT if max_episode_steps is None else max_episode_steps
        self.render_mode = render_mode
        self.copy = copy
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": kernel.fps, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space, self.single_action_space = kernel.observation_space, kernel.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

        self.state = np.zeros((num_envs, kernel.state_size))
        self.elapsed = np.zeros(num_envs, np.int64)
        self.rng = np.zeros((num_envs, ROW), np.uint64)
        self.ended = np.zeros(num_envs, np.bool_)

        self._num_actions = int(kernel.action_space.n) if isinstance(kernel.action_space, spaces.Discrete) else 0
        self._action_shape: tuple[int, ...] = self.action_space.shape or ()
        self._action_dtype = np.dtype(np.int64 if self._num_actions else np.float32)
        self._obs_shape: tuple[int, ...] = self.observation_space.shape or ()
        self._obs_dtype = np.dtype(self.observation_space.dtype)
        self._obs_rows = self._obs_shape if len(self._obs_shape) == 2 else (num_envs, 1)  # the loops write rows
        self._mode = MODES[self.autoreset_mode]
        self._masked, self._judged = kernel.mask is not None, kernel.success is not None
        self._obs = np.zeros(self._obs_rows, self._obs_dtype)
        self._obs_returned = self._obs.reshape(self._obs_shape)
        self._final_obs = np.zeros(self._obs_rows, self._obs_dtype)
        self._reward = np.zeros(num_envs)
        self._terminated, self._truncated = np.zeros((2, num_envs), np.bool_)
        self._masks = np.zeros((2, num_envs, self._num_actions if self._masked else 0), np.int8)
        self._fixed = self._addresses()
        self._seeded = self._started = False
        self._paint: Painter | None = None

        functions = {"reset": kernel.reset, "step": kernel.step, "observe": kernel.observe}
        functions |= {"mask": kernel.mask or everything, "valid": valid_index if self._num_actions else valid_row}
        self._reset_all = instantiate(reset_all, kernel.name, **functions)
        self._functions = functions

    @cached_property
    def _step_all(self) -> Any:
        """The loop over all copies, compiled when it is first asked for: fused rollouts never do."""
        # The machine code itself: its dispatcher would look at the type of every argument in every call, 0.3 us.
        # Strided and unaligned actions are as good as any: to look for them would cost 0.1 us.
        actions = types.Array(from_dtype(self._action_dtype), len(self._action_shape), "A", aligned=False)
        name, rows = f"{self.kernel.name}_{self._obs_dtype}", rows_of(self._obs_dtype)
        looped = instantiate(step_all, name, rows=rows, **self._functions)
        return looped.compile((typeof(self._fixed), actions))

    @property
    def looped(self) -> Kernel | None:
        """The kernel, if a loop over it does what `step` does: not where infos or a subclass or a patch say more."""
        plain = type(self) is NativeVectorEnv and getattr(self.step, "__func__", None) is _STEP
        return self.kernel if plain and self.kernel.success is None else None

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray, dict[str, Any]]:
        """Starts new episodes, in every copy or where `options["reset_mask"]` (N,) says so.

        An int seeds copy i with seed + i; without a seed the streams of random numbers go on.
        """
        chosen = self._reset_mask(options or {})
        self._seed(seed, chosen)
        self._reset_all(
            self.state, self.elapsed, self.rng, self.ended, self.kernel.params, chosen, self._obs, self._masks
        )
        self._started = True
        return self._obs_returned.copy() if self.copy else self._obs_returned, self._mask_info()

    def step(self, actions: ArrayLike) -> tuple[NDArray, NDArray, NDArray, NDArray, dict[str, Any]]:
        """Advances every copy; returns obs (N, *obs), reward, terminated, truncated (N,), and the info.

        Without `copy` the arrays are the same in every call and hold until the next one.
        """
        if not self._started:
            raise ResetNeeded(f"{self.kernel.name}: call reset before step")
        if (
            type(actions) is not np.ndarray
            or actions.dtype is not self._action_dtype
            or actions.shape != self._action_shape
        ):
            actions = self._as_actions(actions)
        ends = self._step_all(self._fixed, actions)
        info = self._mask_info() if self._masked else {}
        if ends:
            if ends < 0:
                self._refuse(-1 - ends, actions)
            if self._mode == SAME_STEP:
                self._add_final(info)
        if self._judged and self._mode != SAME_STEP:
            info["is_success"] = self._succeeded()
        if self.copy:
            copies = self._reward.copy(), self._terminated.copy(), self._truncated.copy()
            return self._obs_returned.copy(), *copies, info
        return self._obs_returned, self._reward, self._terminated, self._truncated, info

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """N pictures (H, W, 3), or None without a render mode."""
        if self.render_mode is None:
            return None
        if self._paint is None:
            self._paint = self.kernel.painter()
        return tuple(self._paint(row) for row in self.state)

    def get_state(self) -> dict[str, NDArray]:
        """Copies of everything that changes; `set_state` continues from there bit for bit."""
        return {name: array.copy() for name, array in self._arrays().items()}

    def set_state(self, saved: dict[str, NDArray]) -> None:
        """Takes over what `get_state` of an environment with as many copies returned."""
        for name, array in self._arrays().items():
            if saved[name].shape != array.shape or saved[name].dtype != array.dtype:
                raise ValueError(
                    f"{self.kernel.name}: saved {name!r} is {saved[name].dtype} {saved[name].shape}, "
                    f"this environment needs {array.dtype} {array.shape}"
                )
        refuse_impossible(self.kernel, saved)
        for name, array in self._arrays().items():
            array[...] = saved[name]
        self._seeded = self._started = True

    def _arrays(self) -> dict[str, NDArray]:
        return {"state": self.state, "elapsed": self.elapsed, "rng": self.rng, "ended": self.ended}

    def _reset_mask(self, options: dict[str, Any]) -> NDArray[np.bool_]:
        """Which copies to reset (N,)."""
        unknown = sorted(options.keys() - {"reset_mask"})
        if unknown:
            raise ValueError(f"{self.kernel.name}: unknown reset option {unknown[0]!r}; known: 'reset_mask'")
        chosen = options.get("reset_mask")
        if chosen is None:
            return np.ones(self.num_envs, np.bool_)
        if not self._started:
            raise ResetNeeded(f"{self.kernel.name}: the first reset must be of all copies, without a reset_mask")
        if not isinstance(chosen, np.ndarray) or chosen.dtype != np.bool_ or chosen.shape != (self.num_envs,):
            raise ValueError(f"{self.kernel.name}: reset_mask must be a bool array ({self.num_envs},), got {chosen!r}")
        return np.ascontiguousarray(chosen)

    def _seed(self, seed: int | Sequence[int | None] | None, chosen: NDArray[np.bool_]) -> None:
        if seed is None or isinstance(seed, int | np.integer):
            seeds = [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        else:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"{self.kernel.name}: {len(seeds)} seeds for {self.num_envs} copies")
        for i, own in enumerate(seeds):
            if not self._seeded or (own is not None and chosen[i]):
                self.rng[i] = seed_row(own)
        self._seeded = True

    def _as_actions(self, actions: ArrayLike) -> NDArray:
        """What a caller may also pass, lists and other number types included, as the array the loop wants."""
        array = np.asarray(actions)
        if not np.can_cast(array.dtype, self._action_dtype, "same_kind"):
            raise ValueError(f"{self.kernel.name}: actions of {array.dtype} cannot be {self._action_dtype}")
        if array.shape != self._action_shape:
            raise ValueError(f"{self.kernel.name}: actions must have shape {self._action_shape}, got {array.shape}")
        return np.array(array, self._action_dtype, order="C")

    def _refuse(self, i: int, actions: NDArray) -> None:
        """Says why copy `i` could not step; no copy has been touched."""
        if self._mode == DISABLED and self.ended[i]:
            raise ResetNeeded(f"{self.kernel.name}: the episode of copy {i} is over; reset it before the next step")
        allowed = f"0 to {self._num_actions - 1}" if self._num_actions else "finite numbers"
        raise ValueError(f"{self.kernel.name}: action {actions[i]} of copy {i} is not valid; allowed: {allowed}")

    def _mask_info(self) -> dict[str, Any]:
        return {"action_mask": self._masks[0].copy()} if self._masked else {}

    def _add_final(self, info: dict[str, Any]) -> None:
        """Hands over the last observations of the episodes that ended, and clears them for the next ones."""
        ended = self.ended.copy()
        info["final_obs"] = self._final_obs.copy().reshape(self._obs_shape)
        info["_final_obs"] = ended
        self._final_obs[...] = 0
        final: dict[str, Any] = {}
        if self._masked:
            final |= {"action_mask": self._masks[1] * ended[:, None], "_action_mask": ended}
        if self._judged:
            final |= {"is_success": self._succeeded(), "_is_success": ended}
        if final:
            info["final_info"], info["_final_info"] = final, ended

    def _succeeded(self) -> NDArray[np.bool_]:
        """Which copies (N,) ended in the last step with the reward of success."""
        return self._terminated & (self._reward == self.kernel.success)

    def _addresses(self) -> NDArray[np.int64]:
        """Where the arrays that never move lie, and the numbers that never change, as `step_all` reads them.

        To look at one array argument costs a call 0.07 us, and there are eleven of these.
        """
        arrays: list[NDArray] = [self.state, self.elapsed, self.rng, self.ended, self.kernel.params]
        arrays += [self._reward, self._terminated, self._truncated, self._masks, self._obs, self._final_obs]
        sizes = (*self.state.shape, len(self.kernel.params), self._masks.shape[2], self._obs.shape[1])
        numbers = (*sizes, self.max_episode_steps, self._num_actions, self._mode)
        return np.array([*(array.ctypes.data for array in arrays), *numbers], np.int64)


_STEP = NativeVectorEnv.step


def _pointer(typing_context: Any, address: Any) -> Any:
    """An address as what `carray` makes an array of."""

    def cast(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), cast


pointer: Any = intrinsic(_pointer)


@cache
def rows_of(dtype: np.dtype) -> Any:
    """A function that makes rows (N, width) of an address; the same one for the same type, as are loops made of it."""
    item = dtype.type

    @njit(nogil=True)
    def rows(address: int, n: int, width: int) -> NDArray:
        return carray(pointer(address), (n, width), item)

    return rows


def step_all(fixed, actions):  # type: ignore[no-untyped-def]
    """Advances all N copies; returns how many episodes ended, or -1 - i when copy i cannot take its action.

    `fixed` is what `_addresses` tells; `masks` (2, N, A) are those of `obs` and of `final_obs`.
    """
    n, size, constants, masked, width = fixed[11], fixed[12], fixed[13], fixed[14], fixed[15]
    limit, num_actions, mode = fixed[16], fixed[17], fixed[18]
    state = carray(pointer(fixed[0]), (n, size), np.float64)
    elapsed = carray(pointer(fixed[1]), (n,), np.int64)
    rng = carray(pointer(fixed[2]), (n, ROW), np.uint64)
    ended = carray(pointer(fixed[3]), (n,), np.bool_)
    params = carray(pointer(fixed[4]), (constants,), np.float64)
    reward = carray(pointer(fixed[5]), (n,), np.float64)
    terminated = carray(pointer(fixed[6]), (n,), np.bool_)
    truncated = carray(pointer(fixed[7]), (n,), np.bool_)
    masks = carray(pointer(fixed[8]), (2, n, masked), np.int8)
    obs, final_obs = rows(fixed[9], n, width), rows(fixed[10], n, width)
    for i in range(n):
        if not valid(actions[i], num_actions) or (mode == DISABLED and ended[i]):
            return -1 - i
    ends = 0
    for i in range(n):
        if mode == NEXT_STEP and ended[i]:
            reset(state[i], params, rng[i])
            elapsed[i] = 0
            reward[i], terminated[i], truncated[i], ended[i] = 0.0, False, False, False
        else:
            reward[i], terminated[i] = step(state[i], params, actions[i], rng[i])
            elapsed[i] += 1
            truncated[i] = elapsed[i] >= limit
            ended[i] = terminated[i] or truncated[i]
            ends += ended[i]
            if ended[i] and mode == SAME_STEP:
                observe(state[i], params, final_obs[i])
                mask(state[i], params, masks[1, i])
                reset(state[i], params, rng[i])
                elapsed[i] = 0
        observe(state[i], params, obs[i])
        mask(state[i], params, masks[0, i])
    return ends


def reset_all(state, elapsed, rng, ended, params, chosen, obs, masks):  # type: ignore[no-untyped-def]
    """Starts a new episode in each chosen copy and observes all of them."""
    for i in range(state.shape[0]):
        if chosen[i]:
            reset(state[i], params, rng[i])
            elapsed[i], ended[i] = 0, False
        observe(state[i], params, obs[i])
        mask(state[i], params, masks[0, i])


@njit(nogil=True)
def everything(state: Row, params: Row, out: NDArray[np.int8]) -> None:
    """The mask of an environment that has none: `out` has no columns."""


@njit(nogil=True)
def valid_index(action: int, num_actions: int) -> bool:
    """Of a Discrete action."""
    return 0 <= action < num_actions


@njit(nogil=True)
def valid_row(action: NDArray, num_actions: int) -> bool:
    """Of a Box action: finite; what lies outside the box is clipped as the original clips it."""
    finite = True
    for x in action:  # np.all would allocate
        finite &= np.isfinite(x)
    return finite
