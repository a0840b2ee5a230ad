"""Going on from a text: what a network sees of it, where it ends, and what can be read of it on the way."""

import numpy as np
import pytest

import gymnast
from gymnast.agents import grpo, ppo
from gymnast.core.acting import Memoryless
from gymnast.core.errors import UsageError
from gymnast.core.heads.sampling import Sampling
from gymnast.core.spaces.tokens import Tokens
from gymnast.core.tokens import Bytes, Vocabulary
from gymnast.envs import text
from gymnast.runners.evaluation.writing import sampled, text_space, write

ABC = Vocabulary("abc")


class Scripted(Memoryless):
    """Writes these tokens, whatever it reads."""

    def __init__(self, tokens):
        self.tokens, self.seen, self.first = list(tokens), [], []

    def __call__(self, obs, first):
        self.seen.append(obs[0].tolist())
        self.first.append(bool(first[0]))
        return {"action": np.array([self.tokens[len(self.seen) - 1]])}


def wrote(acting, space, prompt="a", most=99, reply=None):
    return list(write(acting, space, space.vocabulary.encode(prompt), most, reply))


def test_a_text_grows_by_what_is_written_until_its_end():
    acting, pad = Scripted([1, 2, ABC.end, 0]), ABC.pad
    pieces = wrote(acting, Tokens(ABC, 6), "ab")
    assert [piece.token for piece in pieces] == [1, 2, ABC.end]
    assert "".join(piece.text for piece in pieces) == "bc"
    assert acting.seen == [[0, 1, pad, pad, pad, pad], [0, 1, 1, pad, pad, pad], [0, 1, 1, 2, pad, pad]]
    assert acting.first == [True, False, False]
    assert pieces[0].probability is pieces[0].value is None


def test_a_text_has_no_more_tokens_than_it_may():
    assert len(wrote(Scripted([1] * 9), Tokens(ABC, 6), most=4)) == 4


def test_of_a_text_that_is_too_long_the_first_quarter_is_forgotten():
    acting = Scripted([0, 1, 2] * 5)
    wrote(acting, Tokens(ABC, 8), "abcabc", most=7)
    seen = [ABC.decode(tokens) for tokens in acting.seen]
    # of eight tokens the last is never read: whoever learned with so many had to write it
    assert seen == ["abcabc", "abcabca", "cabcab", "cabcabc", "bcabca", "bcabcab", "abcabc"]


def test_a_prompt_longer_than_the_network_can_read_is_read_from_its_end():
    acting = Scripted([0])
    wrote(acting, Tokens(ABC, 8), "abc" * 7, most=1)
    (seen,) = [ABC.decode(tokens) for tokens in acting.seen]
    assert ("abc" * 7).endswith(seen)
    assert 6 <= len(seen) <= 7


def test_what_is_replied_counts_and_has_no_probability():
    acting = Scripted([0, 0])
    pieces = wrote(
        acting, Tokens(ABC, 9), "c", most=5, reply=lambda response: [1, 2] if len(response) == 1 else [1] * 9
    )
    assert [piece.token for piece in pieces] == [0, 1, 2, 0, 1]
    assert ABC.decode(acting.seen[1][:4]) == "cabc"
    assert len(acting.seen) == 2


def test_characters_of_several_bytes_are_read_when_they_are_whole():
    vocabulary = Bytes()
    tokens = vocabulary.encode("aé€b").tolist()
    pieces = wrote(Scripted([*tokens, vocabulary.end]), Tokens(vocabulary, 20))
    assert [piece.text for piece in pieces] == ["a", "", "é", "", "", "€", "b", ""]
    broken = wrote(Scripted([tokens[1], ord("b"), tokens[1]]), Tokens(vocabulary, 20), most=3)
    assert [piece.text for piece in broken] == ["", "\ufffdb", "\ufffd"]
    ended = wrote(Scripted([tokens[1], vocabulary.end]), Tokens(vocabulary, 20))
    assert [piece.text for piece in ended] == ["", "\ufffd"]


def test_there_must_be_something_to_go_on_from():
    with pytest.raises(UsageError, match="nothing to go on from"):
        wrote(Scripted([0]), Tokens(ABC, 6), "")


@pytest.mark.parametrize("algo", [grpo, ppo])
def test_each_token_has_its_probability_and_where_there_is_one_its_value(algo):
    env = text.make("gymnast/Copy-v0")
    space = env.single_observation_space
    agent = algo.Agent(space, env.single_action_space, algo.Config(width=16, layers=1, heads=2, hidden=()))
    prompt = space.vocabulary.encode("ab=")
    pieces = list(write(sampled(agent, Sampling(top_k=3), 5), space, prompt, 4))
    tokens = prompt.tolist()
    for piece in pieces:
        obs = np.full((1, space.context), space.vocabulary.pad, np.int32)
        obs[0, : len(tokens)] = tokens
        acting = agent.acting(1, "best")
        acting(obs, np.ones(1, np.bool_))
        thoughts = acting.thoughts()
        assert piece.probability == pytest.approx(float(thoughts["action probability"][0, piece.token]), rel=1e-4)
        if algo is ppo:
            assert piece.value == pytest.approx(float(thoughts["value"][0]), abs=1e-5)
        else:
            assert piece.value is None
        tokens.append(piece.token)
    again = list(write(sampled(agent, Sampling(top_k=3), 5), space, prompt, 4))
    assert again == pieces


def test_a_learner_writes_what_its_policy_likes():
    learner = gymnast.GRPO("gymnast/Copy-v0", num_envs=8, preset="none", env_args={"group": 8}, layers=1, width=16)
    texts = {learner.write("ab=", seed=seed, tokens=4) for seed in range(8)}
    assert len(texts) > 4
    assert len({learner.write("ab=", temperature=0, seed=seed, tokens=4) for seed in range(8)}) == 1
    assert max(map(len, texts)) <= 4
    assert learner.write("ab=", seed=3, tokens=4) == learner.write("ab=", seed=3, tokens=4)
    with pytest.raises(UsageError, match="the vocabulary has no 'z'"):
        learner.write("z")


def test_whoever_learned_no_texts_writes_none():
    with pytest.raises(UsageError, match="writes no texts"):
        gymnast.PPO("CartPole-v1", num_envs=1).write("a")
    with pytest.raises(UsageError, match="writes no texts"):
        text_space(text.make("gymnast/Copy-v0").single_action_space)
