"""How likely texts are to an agent that reads them."""

from math import log

from gymnasium.vector import VectorEnv

from ...agents import Agent, reading
from ...core.rollout.examples import read
from ...core.spaces.tokens import Tokens

_TEXTS = 256
_AT_ONCE = 32


def likelihood(agent: Agent, env: VectorEnv, seed: int, texts: int = _TEXTS) -> dict[str, float]:
    """Metrics of texts that `env` gives as examples: the mean of -log pi per token, and bits per byte.

    Bits per byte, unlike nats per token, can be compared between vocabularies. Nothing for other agents.
    """
    reader, space = reading(agent), env.single_observation_space
    if reader is None or not isinstance(space, Tokens):
        return {}
    env.reset(seed=seed)
    nats, tokens, size = 0.0, 0, 0
    for _ in range(0, texts, _AT_ONCE):
        batch = read(env, space, _AT_ONCE)
        nats += reader.likelihood(batch)
        tokens += batch.steps
        answers = (batch.action[valid, text] for text, valid in enumerate(batch.valid.T))
        size += sum(space.vocabulary.count_bytes(answer) for answer in answers)
    return {"eval/loss": nats / tokens, "eval/bits_per_byte": nats / log(2) / max(size, 1)}
