"""Names of actions."""

from collections.abc import Callable

from gymnasium.vector import VectorEnv

from ...core.games.game import game_of
from ...core.spaces.tokens import Tokens
from ...envs.games import board


def action_names(env: VectorEnv) -> Callable[[int], str]:
    """Names of the actions, as far as the environment gives them."""
    if game := game_of(env.single_observation_space):
        return lambda i: board.action_name(game, i)
    if isinstance(env.single_observation_space, Tokens):
        vocabulary = env.single_observation_space.vocabulary
        return lambda i: repr(vocabulary.decode([i])) if i != vocabulary.end else "end"
    inner = getattr(env.unwrapped, "envs", [env])[0]
    meanings = getattr(inner.unwrapped, "get_action_meanings", None)
    known = meanings() if meanings else _NAMES.get(getattr(inner.spec, "id", ""), [])
    return lambda i: known[i].lower() if i < len(known) else f"action {i}"


_NAMES = {
    "CartPole-v1": ["left", "right"],
    "Acrobot-v1": ["torque -1", "torque 0", "torque +1"],
    "MountainCar-v0": ["left", "none", "right"],
    "LunarLander-v3": ["none", "left", "main", "right"],
    "FrozenLake-v1": ["left", "down", "right", "up"],
    "FrozenLake8x8-v1": ["left", "down", "right", "up"],
    "CliffWalking-v1": ["up", "right", "down", "left"],
    "CliffWalkingSlippery-v1": ["up", "right", "down", "left"],
    "Taxi-v4": ["down", "up", "right", "left", "pick up", "drop off"],
    "Blackjack-v1": ["stick", "hit"],
    "gymnast/MaskedCartPole-v0": ["left", "right"],
    "gymnast/TMaze-v0": ["forward", "up", "down"],
    "gymnast/RepeatFirst-v0": ["spades", "diamonds", "clubs", "hearts"],
    "gymnast/RepeatPrevious-v0": ["spades", "diamonds", "clubs", "hearts"],
}
