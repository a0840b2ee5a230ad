"""DQN with a memory: what sequences teach is what single transitions would, each with its own past."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from memories import KINDS, MODES, Noise, Nothing, Recall
from torch import nn

import gymnast
from gymnast.agents import dqn
from gymnast.core.errors import UsageError
from gymnast.core.learn.pieces import in_sequence, surprise
from gymnast.core.replay.config import sequences_of
from gymnast.core.rollout.engine import Rollout
from playing import collect
from probes import SEED, Doors

each = pytest.mark.parametrize("kind", KINDS)
NOTHING_YET = {"learning_starts": 10**6, "capacity": 3000, "minibatch": 24, "sequence": 6, "burn_in": 4, "gamma": 0.9}


def made(kind, env=Noise, **config):
    cfg = dqn.Config(memory=kind, memory_size=8, window=3, hidden=(8,), horizon=12, **NOTHING_YET | config)
    agent = dqn.Agent(env.observation_space, env.action_space, cfg, seed=1)
    with torch.no_grad():  # so that the networks disagree
        agent.target_net.advantage[-1].weight.mul_(-1.5)
    return agent


def rolled(agent, mode=AutoresetMode.SAME_STEP, batches=3):
    """Batches that the agent has collected, and put into its replay, from three environments."""
    env = SyncVectorEnv([Noise] * 3, autoreset_mode=mode)
    rollout, acting, found = Rollout(env, agent.horizon, seed=3), agent.acting(3, "learn", 5), []
    for _ in range(batches):
        batch = rollout.collect(acting)
        agent.update(batch, 0.0)
        found.append((batch.obs[:-1].copy(), batch.first[:-1].copy(), batch.final_at.copy(), batch.final_obs.copy()))
    return found, batch.obs[-1].copy(), batch.first[-1].copy()


def walked(net, batches, last, last_first):
    """Q (A,) at every observation that was seen, from a walk through all of them, episode by episode: {bytes: Q}."""
    state, found = torch.zeros(3, net.encoder.remembered), {}

    def look(obs, first, state, which):
        seen = net.encoder.seen(torch.as_tensor(obs), torch.as_tensor(first), state)
        values = net.values(net(seen))
        for k in which:
            found.setdefault(obs[k].tobytes(), values[k])
        return seen.after

    with torch.no_grad():
        for obs, first, final_at, final_obs in batches:
            for t in range(len(obs)):
                state = look(obs[t], first[t], state, range(3))
                for (time, i), final in zip(final_at, final_obs, strict=True):
                    if time == t:
                        look(final[None], np.zeros(1, np.bool_), state[i : i + 1], [0])
        look(last, last_first, state, range(3))
    return found


def drawn(agent, pieces=16):
    """Pieces out of its replay, as tensors, and the transitions in them."""
    found = agent.replay.sample(pieces * agent.cfg.sequence, beta=1.0)
    tensors = {name: torch.as_tensor(x) for name, x in found.items()}
    return tensors, in_sequence([agent.net.encoder], tensors, agent.cfg.burn_in)


@each
@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("n", [1, 3])
def test_errors_in_sequences_are_those_of_a_walk_through_whole_episodes(kind, mode, n):
    agent = made(kind, n_step=n, double=True, loss="squared")
    seen = rolled(agent, mode)
    online, target = walked(agent.net, *seen), walked(agent.target_net, *seen)
    pieces, mb = drawn(agent)
    mb["target"] = dqn.targets(agent.net, agent.target_net, mb, agent.cfg)
    total, logs = dqn.loss(agent.net, mb, agent.cfg)

    def at(positions):
        rows = pieces["obs"].transpose(0, 1).gather(1, pieces[positions][..., None].expand(-1, -1, 3))
        return [x.numpy().tobytes() for x in rows[pieces["learned"]]]

    wanted = []
    for k, (now, then) in enumerate(zip(at("now"), at("then"), strict=True)):
        following = target[then][online[then].argmax()]
        value = mb["reward"][k] + mb["discount"][k] * following
        wanted.append(online[now][mb["action"][k]] - value)
    torch.testing.assert_close(logs["error"], torch.stack(wanted), rtol=0, atol=1e-4)
    torch.testing.assert_close(total, torch.stack(wanted).square().mean(), rtol=0, atol=1e-4)
    assert {0, n} <= {(mb["discount"][k] > 0).item() * n for k in range(len(wanted))}


@each
def test_burnt_in_is_what_was_remembered_while_nothing_is_learned(kind):
    agent = made(kind)
    rolled(agent)
    pieces, mb = drawn(agent)
    with torch.no_grad():
        agent.net(mb["next_obs"])
    whole, part = mb["next_obs"], mb["obs"]
    assert not part.state.requires_grad
    assert len(part.obs) == len(whole.obs) - 4
    for b in range(len(part.state)):  # row 4 of a piece is a step that was acted on: its memory is that of a new piece
        begin = agent.net.encoder.seen(whole.obs[4, b : b + 1], whole.first[4, b : b + 1], part.state[b : b + 1])
        with torch.no_grad():
            value = agent.net.values(agent.net(begin))
        if pieces["learned"][b, 0]:
            row = int(pieces["learned"][:b].sum())
            torch.testing.assert_close(agent.net.values(agent.net(part))[row], value[0])


def test_no_gradient_flows_through_the_steps_that_warm_up():
    agent = made("gru")
    rolled(agent)
    pieces, _ = drawn(agent)
    pieces["obs"].requires_grad_()
    mb = in_sequence([agent.net.encoder], pieces, 4)
    mb["target"] = dqn.targets(agent.net, agent.target_net, mb, agent.cfg)
    dqn.loss(agent.net, mb, agent.cfg)[0].backward()
    assert not pieces["obs"].grad[:4].any()
    assert pieces["obs"].grad[4:].any()


def test_a_memory_of_nothing_learns_what_a_network_without_one_does():
    agent = made("mingru", n_step=2, double=True)
    encoder = agent.net.encoder
    for net in (agent.net, agent.target_net):
        net.encoder.embed[0], net.encoder.memories[0] = nn.Identity(), Nothing()
        net.trunk[0] = nn.Linear(3, 8)
    agent.target_net.trunk[0].load_state_dict(agent.net.trunk[0].state_dict())
    agent.replay = sequences_of(agent.cfg, 0, seed=0)
    rolled(agent)
    pieces, mb = drawn(agent)
    plain = dqn.Agent(Noise.observation_space, Noise.action_space, dqn.Config(hidden=(8,), double=True), seed=2)
    for one, other in ((plain.net, agent.net), (plain.target_net, agent.target_net)):
        weights = {name: x for name, x in other.state_dict().items() if not name.startswith("encoder")}
        one.load_state_dict(weights)
    flat = dict(mb) | {name: mb[name].asked(mb[name].obs) for name in ("obs", "next_obs")}
    losses, grads = [], []
    for net, target, batch in ((agent.net, agent.target_net, mb), (plain.net, plain.target_net, flat)):
        batch["target"] = dqn.targets(net, target, batch, agent.cfg)
        losses.append(dqn.loss(net, batch, agent.cfg)[0])
        grads.append(torch.autograd.grad(losses[-1], net.trunk[0].weight)[0])
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*grads)
    assert encoder.remembered == 0
    assert pieces["state"].shape == (16, 0)


def test_a_piece_is_as_surprising_as_its_worst_step_and_a_little_as_all():
    learned = torch.tensor([[True, True, False], [False, True, False]])
    found = surprise(torch.tensor([-3.0, 1.0, 0.5]), learned)
    assert found.tolist() == pytest.approx([0.9 * 3 + 0.1 * 2, 0.5])


def test_what_a_gradient_step_says_of_pieces_becomes_their_priority():
    agent = made("lstm", priority=0.5)
    rolled(agent)
    found = agent.replay.sample(24, 1)
    _, errors = agent._fit(found, 0.0)
    agent.replay.update_priorities(found["indices"], errors)
    mb = in_sequence([agent.net.encoder], {name: torch.as_tensor(x[0]) for name, x in found.items()}, 4)
    mb["target"] = dqn.targets(agent.net, agent.target_net, mb, agent.cfg)
    error = dqn.loss(agent.net, mb, agent.cfg)[1]["error"].abs()
    learned = found["learned"][0]
    parts = error.detach().split(learned.sum(1).tolist())
    wanted = [(0.9 * part.max() + 0.1 * part.mean()).item() for part in parts]
    half = len(agent.replay.pieces) // 2
    assert agent.replay.pieces[half + found["indices"][0]] == pytest.approx(np.sqrt(wanted), rel=1e-4)


@pytest.mark.parametrize("config", [{}, {"distribution": "categorical", "noisy": True}, {"frames": 2}], ids=str)
def test_masks_parts_of_observations_and_frames_go_with_a_memory(config):
    space, env = Doors(observed=True).observation_space, partial_doors
    if "frames" in config:
        space, env = spaces.Box(0, 255, (2, 4, 4), np.uint8), Frames
    agent = dqn.Agent(
        space,
        spaces.Discrete(4),
        dqn.Config(memory="gru", memory_size=4, hidden=(8,), **NOTHING_YET | {"learning_starts": 0} | config),
        seed=1,
    )
    before = agent.optimizer.flat.detach().clone()
    rollout = Rollout(SyncVectorEnv([env] * 3, autoreset_mode=AutoresetMode.NEXT_STEP), 12, SEED)
    for _ in range(3):
        metrics = agent.update(collect(agent, rollout), 0.1)
    assert np.isfinite(list(metrics.values())).all()
    assert not torch.equal(agent.optimizer.flat, before)


def partial_doors():
    return Doors(observed=True)


class Frames(Noise):
    """Two frames, the older one first."""

    observation_space = spaces.Box(0, 255, (2, 4, 4), np.uint8)
    action_space = spaces.Discrete(4)

    def reset(self, *, seed=None, options=None):
        self.frames = np.zeros((2, 4, 4), np.uint8)
        return super().reset(seed=seed)

    def _obs(self):
        self.frames = np.stack([self.frames[1], self.np_random.integers(1, 255, (4, 4), np.uint8)])
        return self.frames


def test_debts_of_steps_before_the_first_whole_sequence_are_none_of_a_damaged_file():
    agent = made("mingru", learning_starts=0, minibatch=6, replay_ratio=1.0, sequence=40)
    rolled(agent)
    assert agent.pace.updates == 0
    rolled(agent)
    assert agent.pace.updates > 0


@pytest.mark.parametrize("config", [{"hindsight": "future"}, {"replay_dir": "there"}], ids=str)
def test_what_sequences_do_not_have_is_refused(config):
    with pytest.raises(UsageError, match="hindsight and no replay_dir"):
        made("gru", **config)


def test_the_compiled_twins_do_not_act_or_learn_in_the_place_of_a_memory():
    agent = made("gru")
    assert agent.paths == {"gradient": "autograd"}
    assert agent.acting(3).twin is None


@pytest.mark.learns
def test_what_needs_a_memory_is_learned_from_a_replay():
    config = {"memory": "mingru", "memory_size": 16, "hidden": (16,), "gamma": 0.9, "lr": 3e-3}
    config |= {"sequence": 8, "burn_in": 4, "minibatch": 128, "learning_starts": 500, "replay_ratio": 0.1}
    config |= {"target_interval": 20, "double": True, "horizon": 8, "capacity": 10_000}
    learner = gymnast.DQN(Recall, preset="none", backend="loop", num_envs=16, seed=SEED, evals=0, agent=config)
    assert learner.learn(3_000).evaluate(100).mean > 0.9
