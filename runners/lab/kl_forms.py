"""A penalty's value says nothing of its gradient: only in the reward is log pi/reference that of the divergence.

Two tokens out of four, by enumeration, for a policy that remembers the first one. Three estimates of the divergence
from the reference that have the right mean, k1 = log ratio, k2 = half its square (nearly) and k3 = 1/ratio - 1 + log
ratio (Schulman 2020, joschu.net/blog/kl-approx.html), are put into the reward, where earlier tokens answer for later
ones, or into the loss (arXiv:2512.21852; GRPO, arXiv:2402.03300, has k3 in the loss). With one token k2 in the loss is
exact, and k3 in the loss has the gradient of the divergence the other way round.
"""

from typing import Any

import torch
from torch import Tensor

from . import Finding

TOKENS = 4
PAIRS = 64
"""Random policies and references."""
FORMS = ("k1 in the reward", "k1 in the loss", "k2 in the loss", "k3 in the loss", "k3 in the reward")


def experiment(seed: int) -> Finding:
    """How far each penalty's expected gradient is from the divergence's, relative to that."""
    generator = torch.Generator().manual_seed(seed)
    long = {form: 0.0 for form in FORMS}
    short, backward, values = dict(long), 0.0, [0.0, 0.0]
    for _ in range(PAIRS):
        mine, other = torch.randn(2, 1 + TOKENS, TOKENS, generator=generator, dtype=torch.double)
        policy = (0.5 * mine).requires_grad_()
        reference = 0.5 * other
        (true,) = torch.autograd.grad(divergence(policy, reference), policy)
        (alone,) = torch.autograd.grad(divergence(policy[:1], reference[:1]), policy)
        (reverse,) = torch.autograd.grad(divergence(reference[:1], policy[:1]), policy)
        for form in FORMS:
            long[form] += distance(gradient(form, policy, reference), true) / PAIRS
            short[form] += distance(gradient(form, policy[:1], reference[:1], policy), alone) / PAIRS
        backward += distance(gradient("k3 in the loss", policy[:1], reference[:1], policy), reverse) / PAIRS
        ratio = log_ratio(policy[:1], reference[:1])[0].detach()
        p = policy[0].detach().softmax(0)
        values[0] += float((p * ratio).sum()) / PAIRS
        values[1] += float((p * ((-ratio).exp() - 1 + ratio)).sum()) / PAIRS
    rows = [(form, short[form], long[form]) for form in FORMS]
    checks = {
        f"k1 and k3 have the same mean ({values[0]:.4f})": abs(values[0] - values[1]) < 1e-9,
        "k1 in the reward has the divergence's gradient": max(short[FORMS[0]], long[FORMS[0]]) < 1e-9,
        "k1 in the loss has none": abs(long["k1 in the loss"] - 1) < 1e-9,
        "k2 in the loss has it for one token": short["k2 in the loss"] < 1e-9,
        f"but not for two (off by {long['k2 in the loss']:.0%}): a token steers what follows": long["k2 in the loss"]
        > 0.01,
        "k3 in the loss has that of the divergence the other way round": backward < 1e-9,
        f"so that it is further off (by {long['k3 in the loss']:.0%})": long["k3 in the loss"]
        > 1.2 * long["k2 in the loss"],
    }

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for offset, (name, found) in enumerate((("one token", short), ("two tokens", long))):
            axes.bar([k + 0.4 * offset for k in range(len(FORMS))], [found[form] for form in FORMS], 0.4, label=name)
        axes.set_xticks([k + 0.2 for k in range(len(FORMS))], FORMS, rotation=15)
        axes.set_ylabel("error of the gradient, relative")
        axes.legend(frameon=False)

    return Finding(("penalty", "error, one token", "error, two tokens"), rows, checks, draw)


def log_ratio(policy: Tensor, reference: Tensor) -> Tensor:
    """log pi / reference of each token after each beginning, (rows, tokens)."""
    return policy.log_softmax(-1) - reference.log_softmax(-1)


def divergence(policy: Tensor, reference: Tensor) -> Tensor:
    """KL(policy || reference) of texts of two tokens, or of one where there is one row of logits."""
    p = policy.softmax(-1)
    each = (p * log_ratio(policy, reference)).sum(-1)
    return each[0] + (p[0] * each[1:]).sum() if len(each) > 1 else each[0]


def gradient(form: str, policy: Tensor, reference: Tensor, of: Tensor | None = None) -> Tensor:
    """The expected gradient of a penalty by logits: each text's, times its probability."""
    ratio = log_ratio(policy, reference)
    logp = policy.log_softmax(-1)
    estimate = {"k1": ratio, "k2": 0.5 * ratio.square(), "k3": (-ratio).exp() - 1 + ratio}[form[:2]]
    chance = logp.detach().exp()
    reached = torch.cat([torch.ones(1, dtype=chance.dtype), chance[0]])[: len(policy), None]  # of each beginning
    if form.endswith("loss"):
        each = estimate
    else:  # the score of each token, times the penalties from there on
        penalty = estimate.detach()
        behind = penalty.clone()
        if len(policy) > 1:
            behind[0] += (chance[1:] * penalty[1:]).sum(-1)
        each = logp * behind
    (found,) = torch.autograd.grad((reached * chance * each).sum(), policy if of is None else of)
    return found


def distance(found: Tensor, true: Tensor) -> float:
    """The error relative to what is true."""
    return float((found - true).norm() / true.norm())
