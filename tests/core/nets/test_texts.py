"""A transformer that reads texts whole, beginning by beginning, or token by token: all the same."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.agents import lm
from gymnast.core.errors import UsageError
from gymnast.core.nets import ActorCritic, SharedConfig, TextConfig, TextPolicy
from gymnast.core.nets.encoder import Encoder
from gymnast.core.nets.policy import adopt_policy
from gymnast.core.nets.texts import TextEncoder, Texts, Writing
from gymnast.core.nets.transformer import inner_width
from gymnast.core.spaces.tokens import Tokens
from gymnast.core.tokens import Vocabulary

VOCABULARY = Vocabulary("0123456789")
CONTEXT = 12
SPACE = Tokens(VOCABULARY, CONTEXT)
KINDS = [{}, {"kv_heads": 4, "feed_forward": "swiglu"}, {"heads": 2, "kv_heads": 2, "layers": 1}]
each_kind = pytest.mark.parametrize("kind", KINDS)


def encoder(seed=0, context=CONTEXT, **kind):
    """One whose blocks do something: they begin without output."""
    torch.manual_seed(seed)
    made = TextEncoder(Tokens(VOCABULARY, context), TextConfig(width=32, **kind))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made


def texts(count, length, seed=0):
    """Texts (count, CONTEXT) of `length` (count,) tokens."""
    tokens = torch.as_tensor(np.random.default_rng(seed).integers(0, 10, (count, CONTEXT)), dtype=torch.int32)
    return torch.where(torch.arange(CONTEXT) < torch.as_tensor(length)[:, None], tokens, VOCABULARY.pad)


@each_kind
def test_nothing_leaks_from_the_future_bit_for_bit(kind):
    net, tokens = encoder(**kind), texts(3, [CONTEXT] * 3)
    other = tokens.clone()
    other[:, 5:] = (other[:, 5:] + 3) % 10
    before, after = (net.decoder(x.long())[:, :5] for x in (tokens, other))
    assert torch.equal(before, after)


@each_kind
def test_a_text_says_the_same_whatever_room_is_behind_it(kind):
    tokens = texts(4, [1, 3, 5, 5])
    wide = torch.full((4, 2 * CONTEXT), VOCABULARY.pad, dtype=torch.int32)
    wide[:, :CONTEXT] = tokens
    torch.testing.assert_close(encoder(**kind)(tokens), encoder(context=2 * CONTEXT, **kind)(wide))


@each_kind
def test_what_is_read_token_by_token_is_what_is_read_anew(kind):
    """Groups begin alike; texts end, wait, and begin again at other times, and some grow by several tokens at once."""
    net, writing, random = encoder(**kind), Writing(), np.random.default_rng(0)
    obs = texts(8, [2, 2, 2, 2, 4, 4, 4, 4])
    obs[1:4], obs[5:8] = obs[0], obs[4]
    with torch.inference_mode():
        for step in range(40):
            alive = net.lengths(obs) > 0
            found = writing.read(net, obs, version=step // 15)
            torch.testing.assert_close(found[alive], net(obs)[alive], atol=1e-5, rtol=1e-4)
            assert (found[~alive] == 0).all()
            for i, length in enumerate(net.lengths(obs).tolist()):
                if length >= CONTEXT - 1 or (length and random.random() < 0.1):
                    obs[i] = VOCABULARY.pad
                elif length == 0 and random.random() < 0.3:
                    obs[i] = texts(1, [random.integers(1, 4)], seed=step)[0]
                elif length:
                    more = 2 if random.random() < 0.05 else 1
                    obs[i, length : length + more] = int(random.integers(10))


def test_what_was_kept_of_other_weights_is_read_anew():
    net, writing, obs = encoder(), Writing(), texts(4, [3] * 4)
    with torch.inference_mode():
        writing.read(net, obs, version=0)
        for parameter in net.parameters():
            parameter.mul_(1.5)
        obs[:, 3] = 7
        torch.testing.assert_close(writing.read(net, obs, version=1), net(obs), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("rows", [1, 4])
def test_texts_that_begin_when_others_had_ended_are_read_from_their_beginning(rows):
    net, writing, nothing = encoder(), Writing(), torch.full((rows, CONTEXT), VOCABULARY.pad, dtype=torch.int32)
    with torch.inference_mode():
        for obs in (nothing, texts(rows, [1] * rows), texts(rows, [2] * rows), nothing, texts(rows, [1] * rows)):
            found, alive = writing.read(net, obs, version=0), net.lengths(obs) > 0
            torch.testing.assert_close(found[alive], net(obs)[alive], atol=1e-5, rtol=1e-4)
            assert (found[~alive] == 0).all()
        for obs in (texts(5, [3] * 5), texts(5, [0] * 5), texts(2, [0] * 2), texts(2, [1] * 2), texts(2, [2] * 2)):
            found, alive = writing.read(net, obs, version=0), net.lengths(obs) > 0
            torch.testing.assert_close(found[alive], net(obs)[alive], atol=1e-5, rtol=1e-4)


@each_kind
def test_whole_texts_give_features_and_gradients_of_all_their_beginnings(kind):
    net, tokens = encoder(**kind).double(), texts(5, [CONTEXT] * 5)
    text, last = np.repeat(np.arange(5), 4), np.tile([0, 3, 7, 11], 5)
    shown = torch.arange(CONTEXT) <= torch.as_tensor(last)[:, None]
    plain = torch.where(shown, tokens[text], VOCABULARY.pad)
    whole = Texts(tokens, torch.as_tensor(text * CONTEXT + last))
    weight = torch.randn(20, net.size, dtype=torch.double)
    found = []
    for seen in (plain, whole):
        net.zero_grad()
        features = net(seen)
        (features * weight).sum().backward()
        found.append([features.detach(), *(p.grad.clone() for p in net.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_texts_index_as_observations_do_and_split_into_whole_ones():
    net, tokens = encoder(), texts(5, [CONTEXT] * 5)
    rows = torch.as_tensor([0, 13, 26, 39, 52, 3, 16])  # of texts 0, 1, 2, 3, 4, 0, 1
    whole = Texts(tokens, rows)
    features = net(whole)
    torch.testing.assert_close(net(whole[torch.tensor([6, 2])]), features[[6, 2]])
    part, index = whole.pieces(torch.tensor([1, 4]))
    assert index.tolist() == [1, 4, 6]
    assert part.tokens.shape == (2, 5)  # no longer than what is asked about
    torch.testing.assert_close(net(part), features[index])


@each_kind
def test_the_number_of_weights_is_that_of_the_formula(kind):
    net, cfg = encoder(**kind), TextConfig(width=32, **kind)
    attention = 32 * (cfg.heads + 2 * cfg.kv_heads) * (32 // cfg.heads) + 32 * 32
    gates = 2 if cfg.feed_forward == "swiglu" else 1
    feed_forward = (gates + 1) * 32 * inner_width(32, cfg.feed_forward)
    expected = VOCABULARY.size * 32 + cfg.layers * (attention + feed_forward)
    assert sum(p.numel() for p in net.parameters()) == expected


def test_tied_embeddings_are_one_matrix():
    action = spaces.Discrete(VOCABULARY.size)
    for net in (
        TextPolicy(SPACE, action, lm.Config(tied=True)),
        ActorCritic(SPACE, action, SharedConfig(tied=True, hidden=())),
    ):
        assert net.policy_head.linear.weight is net.encoder.decoder.embed.weight
    with pytest.raises(UsageError, match="hidden layers"):
        ActorCritic(SPACE, action, SharedConfig(tied=True))


@pytest.mark.parametrize("action", [spaces.Discrete(10), spaces.Discrete(12), spaces.Discrete(11, start=1), SPACE])
def test_actions_that_are_no_tokens_of_the_text_are_refused(action):
    with pytest.raises(UsageError, match=r"must be tokens of the texts that are observed, Discrete\(11\), not"):
        TextPolicy(SPACE, action, lm.Config())


def test_weights_that_differ_are_not_taken_where_they_are_one_matrix():
    action = spaces.Discrete(VOCABULARY.size)
    tied, untied, other = (TextPolicy(SPACE, action, lm.Config(tied=x)) for x in (True, False, True))
    with pytest.raises(UsageError, match=r"embed.weight and .*linear.weight differ there.*tied"):
        adopt_policy(tied, untied.state_dict())
    for taker in (untied, other):
        adopt_policy(taker, tied.state_dict())
        torch.testing.assert_close(taker.policy_head.linear.weight, tied.encoder.decoder.embed.weight)


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"heads": 3}, "multiple of two times"), ({"kv_heads": 3}, "multiple of kv_heads"), ({"layers": 0}, "at least 1")],
)
def test_a_transformer_that_cannot_be_is_refused(fields, words):
    with pytest.raises(UsageError, match=words):
        TextConfig(**fields)


def test_texts_need_a_transformer_and_a_transformer_needs_texts():
    with pytest.raises(UsageError, match="only algorithms that learn policies read texts"):
        Encoder(SPACE)
    with pytest.raises(UsageError, match="not texts"):
        TextPolicy(spaces.Box(-1, 1, (3,)), spaces.Discrete(2), lm.Config())
    with pytest.raises(UsageError, match="its own memory"):
        ActorCritic(SPACE, spaces.Discrete(11), SharedConfig(memory="gru"))
