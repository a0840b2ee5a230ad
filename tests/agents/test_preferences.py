"""Agents that learn from comparisons: reward_model and dpo."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast import agents
from gymnast.agents import dpo, reward_model
from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.core.rollout.demos import Trajectory, Writer, load
from gymnast.core.rollout.examples import read
from gymnast.core.rollout.recording import Recording
from gymnast.envs import text
from gymnast.runners.runs.run import preset
from gymnast.runners.training.train import Training
from probes import SEED

TINY = {"width": 16, "layers": 1, "heads": 2}
END = text.load("gymnast/Words-v0").vocabulary.end


def words(rows=4, **options):
    return text.make("gymnast/Words-v0", rows, **options)


def made(algo, env, seed=0, **config):
    module = agents.load(algo)
    return module.Agent(
        env.single_observation_space, env.single_action_space, module.Config(**{**TINY, **config}), seed=seed
    )


def comparisons(folder, env, count, answers=2, seed=0, worth=lambda word: word.count("a")):
    """Words of the list that are compared by what they are `worth`, in a folder of demonstrations."""
    env.reset(seed=seed)
    batch = read(env, env.single_observation_space, count * answers)
    decode = env.single_observation_space.vocabulary.decode
    with Writer(folder, "gymnast/Words-v0", env.single_observation_space, env.single_action_space) as writer:
        for question in range(count):
            rows = range(question * answers, (question + 1) * answers)
            worths = np.array([worth(decode(batch.action[batch.valid[:, k], k])) for k in rows])
            for k, rank in zip(rows, (worths[None] > worths[:, None]).sum(1), strict=True):
                live = batch.valid[:, k]
                steps = int(live.sum())
                final = batch.final_obs[batch.final_at[:, 1].tolist().index(k)]
                extras = {"question": np.full(steps, question), "rank": np.full(steps, rank)}
                obs = np.concatenate([batch.obs[:-1][live, k], final[None]])
                about = {"actor": "list", "seed": seed, "played": k}
                writer.add(Trajectory(obs, batch.action[live, k], np.zeros(steps, np.float32), True, about, extras))
    return Recording(load(folder)).collect(None)


def test_dpos_loss_is_that_of_its_pairs_worked_one_by_one(tmp_path):
    env = words()
    agent, batch = made("dpo", env, kind="dpo", beta=0.3, validation=0.0), comparisons(tmp_path / "d", env, 6)
    with torch.no_grad():  # away from the reference
        for parameter in agent.net.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    every = dpo.comparisons(batch, agent.device)
    total, log = dpo.loss(agent.net, dpo._minibatch(agent._columns(batch), every), agent.cfg)

    with torch.no_grad():
        obs, action = torch.as_tensor(batch.obs[:-1, 0]), torch.as_tensor(batch.action[:, 0])
        own, reference = (net(obs).log_prob(action).numpy() for net in (agent.net, agent.reference))
    answer = dpo.episodes(batch)[:, 0]
    gain = np.bincount(answer, own - reference)
    losses, gains = {}, []
    for (better, worse), question in zip(every.pair.tolist(), every.question.tolist(), strict=True):
        losses.setdefault(question, []).append(np.log1p(np.exp(-0.3 * (gain[better] - gain[worse]))))
        gains.append(gain[better] - gain[worse])
    assert total.item() == pytest.approx(np.mean([np.mean(some) for some in losses.values()]), rel=1e-4)
    assert log["preference/accuracy"].item() == pytest.approx(np.mean(np.array(gains) > 0))


@pytest.mark.parametrize("kind", ["dpo", "ipo", "simpo", "kto"])
def test_dpo_raises_the_better_answers_above_the_worse(kind, tmp_path):
    env = words()
    batch = comparisons(tmp_path / "d", env, 40)
    agent = made("dpo", env, kind=kind, lr=3e-3, validation=0.0)
    before = agent.update(batch, 0.0)
    for _ in range(5):
        after = agent.update(batch, 0.0)
    assert after["loss/preference"] < before["loss/preference"]
    assert after["policy/gain_better"] > after["policy/gain_worse"]


def test_ties_count_as_half_right(tmp_path):
    env = words()
    agent, batch = made("dpo", env), comparisons(tmp_path / "d", env, 4)
    mb = dpo._minibatch(agent._columns(batch), dpo.comparisons(batch, agent.device))
    mb["pair"] = mb["pair"][:, :1].expand(-1, 2)  # each answer beside itself
    assert dpo.loss(agent.net, mb, agent.cfg)[1]["preference/accuracy"].item() == pytest.approx(0.5)


def test_dpo_begins_at_its_reference(tmp_path):
    env = words()
    agent = made("dpo", env, validation=0.0, minibatch=1000)
    other = made("lm", env, seed=5)
    agent.adopt(other.net.state_dict())
    metrics = agent.update(comparisons(tmp_path / "d", env, 10), 0.0)
    assert metrics["loss/preference"] == pytest.approx(np.log(2), abs=1e-5)
    assert metrics["policy/gain_better"] == pytest.approx(0.0, abs=1e-4)


def test_a_ranking_teaches_a_reward_model_what_its_pairs_do(tmp_path):
    """Each ranking of three as one question, or each of its pairs as a question of its own, in one minibatch."""
    env = words()
    options = {"validation": 0.0, "minibatch": 10_000}
    ranked = comparisons(tmp_path / "d", env, 5, answers=3, worth=len)
    agent = made("reward_model", env, **options)
    every = reward_model.comparisons(ranked, agent.device)
    with torch.no_grad():
        agent.scorer.head.weight.normal_(generator=torch.Generator().manual_seed(0))
    answers = torch.as_tensor(ranked.final_obs)
    rows = torch.tensor([k for pair in every.pair.tolist() for k in pair])
    alone = {"obs": answers[rows], "pair": torch.arange(len(rows)).view(-1, 2), "weight": every.weight}
    which, pair = every.answers()
    together = {"obs": answers[which], "pair": pair, "weight": every.weight}
    losses = [reward_model.loss(agent.scorer, mb, agent.cfg) for mb in (alone, together)]
    gradients = [torch.autograd.grad(x, list(agent.scorer.parameters())) for x in losses]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_scores_are_read_after_end_and_never_at_padding(tmp_path):
    env = words()
    agent, space = made("reward_model", env), env.single_observation_space
    with torch.no_grad():  # as it begins, a text is its last token
        for parameter in agent.scorer.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    word = space.vocabulary.encode(".abba")
    whole = np.full((3, space.context), space.vocabulary.pad, np.int32)
    whole[:, : len(word)] = word
    whole[1, len(word)] = END
    whole[2, len(word)] = word[1]
    unfinished, ended, longer = agent.score(whole)
    shorter = torch.as_tensor(whole[:1, : len(word)])
    assert agent.scorer(shorter).item() == pytest.approx(unfinished, rel=1e-4)
    assert len({round(float(x), 4) for x in (unfinished, ended, longer)}) == 3


def test_scores_are_in_deviations_of_the_answers_that_are_held_out(tmp_path):
    env = words()
    batch = comparisons(tmp_path / "d", env, 60)
    agent = made("reward_model", env, validation=0.3, lr=3e-3)
    agent.update(batch, 0.0)
    held = reward_model.comparisons(batch, agent.device)
    held = held.at(reward_model.apart(held, 0.3, agent.seed))
    scores = agent.score(batch.final_obs[torch.unique(held.pair).numpy()])
    assert scores.mean() == pytest.approx(0.0, abs=1e-4)
    assert scores.std() == pytest.approx(1.0, rel=1e-3)


def test_a_reward_model_acts_as_the_policy_that_it_began_with(tmp_path):
    env = words()
    agent, other = made("reward_model", env), made("lm", env, seed=5)
    agent.adopt(other.net.state_dict())
    for name, x in agent.scorer.encoder.state_dict().items():
        assert torch.equal(x, other.net.encoder.state_dict()[name])
    obs, _ = env.reset(seed=0)
    first = np.ones(4, bool)
    before = other.acting(4, "best", 0)(obs, first)["action"]
    agent.update(comparisons(tmp_path / "d", env, 10), 0.0)
    assert agent.acting(4, "best", 0)(obs, first)["action"].tolist() == before.tolist()


@pytest.mark.learns
def test_a_reward_model_learns_what_judges_prefer(tmp_path):
    env = words()
    agent = made("reward_model", env, SEED, lr=3e-3, validation=0.2, width=32)
    batch = comparisons(tmp_path / "d", env, 800, seed=SEED)
    for k in range(8):
        metrics = agent.update(batch, k / 8)
    assert metrics["validation/accuracy"] > 0.75  # 0.5 by chance


@pytest.mark.learns
def test_dpo_learns_to_write_what_judges_prefer(tmp_path):
    """Words of the list, of which those with more letters a are preferred: it comes to prefer them where it has not
    been told."""
    env = words()
    agent = made("dpo", env, SEED, lr=3e-3, validation=0.2, width=32)
    batch = comparisons(tmp_path / "d", env, 400, seed=SEED)
    for k in range(8):
        metrics = agent.update(batch, k / 8)
    assert metrics["validation/accuracy"] > 0.8


@pytest.mark.parametrize(
    ("algo", "options"),
    [
        ("reward_model", {}),
        ("reward_model", {"optimizer": "muon", "weight_decay": 0.1}),
        ("dpo", {"likelihood_coef": 0.1}),
        ("dpo", {"kind": "simpo", "optimizer": "muon"}),
    ],
)
def test_a_run_goes_on_bit_for_bit_where_it_stopped(algo, options, tmp_path):
    if options.get("optimizer") == "muon" and not hasattr(torch.optim, "Muon"):
        pytest.skip("this torch has no Muon")
    comparisons(tmp_path / "d", words(), 20)
    agent = TINY | {"minibatch": 8} | options
    run = preset(algo, "gymnast/Words-v0", "none", agent=agent, steps=3000, demos=str(tmp_path / "d"), evals=0)
    ends = []
    with Training(run) as training:
        for k in range(4):
            training.iterate()
            if k == 1:
                checkpoint.save(tmp_path / "half.safetensors", training.state())
        ends.append(checkpoint.state(training.agent.parts()))
    with Training(run, None, checkpoint.load(tmp_path / "half.safetensors")) as training:
        for _ in range(2):
            training.iterate()
        ends.append(checkpoint.state(training.agent.parts()))
    assert str(flat(ends[0])) == str(flat(ends[1]))


def flat(tree):
    """A tree with its arrays as bytes."""
    if isinstance(tree, dict):
        return {key: flat(part) for key, part in sorted(tree.items())}
    if isinstance(tree, list):
        return [flat(part) for part in tree]
    return np.asarray(tree).tobytes() if isinstance(tree, np.ndarray | torch.Tensor) else tree


@pytest.mark.parametrize("algo", ["reward_model", "dpo"])
def test_bad_input_is_refused(algo, tmp_path):
    env = words()
    with pytest.raises(UsageError, match="not texts"):
        agents.load(algo).Agent(spaces.Box(-1, 1, (3,)), env.single_action_space, agents.load(algo).Config())
    batch = comparisons(tmp_path / "d", env, 3)
    batch.extras.pop("question")
    with pytest.raises(UsageError, match="gymnast prefer"):
        made(algo, env).update(batch, 0.0)
    with pytest.raises(UsageError, match="give --demos"):
        Training(preset(algo, "gymnast/Words-v0", "none", agent=TINY, steps=100))
