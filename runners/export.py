"""A policy as a file that acts without gymnast: ONNX or TorchScript, with its normalisation and its units inside."""

import warnings
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from torch import Tensor, nn

from ..agents import Agent
from ..core.acting import ask
from ..core.errors import UsageError
from ..core.files import write_whole
from ..core.heads import Bernoulli, Categorical, Density, MultiCategorical
from ..core.nets import ActionValue, ActorCritic, Policy
from ..core.nets.remembering import RememberingEncoder
from ..core.nets.texts import TextEncoder
from ..core.spaces.actions import action_adapter
from ..core.spaces.layout import Layout, Part
from ..core.spaces.pair import Spaces
from .runs.load import threads_for

Format = Literal["onnx", "torchscript"]
_SUFFIXES: dict[str, Format] = {".onnx": "onnx", ".pt": "torchscript", ".ts": "torchscript"}
_TRACED, _CHECKED = 2, 3  # rows of observations that are traced with, and that the trace is tried on
_OPSET = 17  # of ONNX: the first with layer normalisation


@dataclass(frozen=True)
class Names:
    """Names of what goes into an exported policy and comes out of it, in the order of the file."""

    inputs: tuple[str, ...]
    """The parts of an observation, each a batch (N, ...) of the environment's own type."""
    outputs: tuple[str, ...]
    """action (N, ...), as the environment takes it; then logits, value or action_value, as far as the network knows."""


def export(agent: Agent, of: Spaces, path: Path, form: Format | None = None) -> Names:
    """Write the likeliest actions of an agent for the spaces `of` as a file, in the form that its suffix tells.

    Raises:
        UsageError: if the form is unknown, or the agent acts by more than a network, as one that searches.
    """
    if form is None and path.suffix not in _SUFFIXES:
        raise UsageError(f"{path}: an exported policy is a file .onnx (ONNX) or .pt (TorchScript)")
    form = form or _SUFFIXES[path.suffix]
    if form == "onnx" and not find_spec("onnx"):
        raise UsageError('onnx is not installed; run: pip install "gymnast[onnx]"')
    policy = _Exported(agent.net, of)
    inputs = tuple(part.name or "obs" for part in policy.layout.parts)
    with warnings.catch_warnings(), torch.no_grad(), threads_for(images=False):
        warnings.simplefilter("ignore")  # that both are deprecated: what replaces them takes ten times as long
        example = _parts(policy.layout, _observations(of, _TRACED))
        outputs = tuple(policy.named(*example))
        script = torch.jit.trace(policy, example, check_trace=False)
        _check(agent, of, policy.layout, script)
        file = BytesIO()
        if form == "onnx":
            torch.onnx.export(
                script,
                example,
                file,  # type: ignore[arg-type]  # which this exporter takes too
                input_names=inputs,
                output_names=outputs,
                dynamic_axes={name: {0: "N"} for name in (*inputs, *outputs)},
                opset_version=_OPSET,
                dynamo=False,
            )
        else:
            torch.jit.save(script, file)
    write_whole(path, file.getvalue())
    return Names(inputs, outputs)


class _Exported(nn.Module):
    """A network between observations as an environment gives them and actions as it takes them."""

    def __init__(self, net: nn.Module, of: Spaces) -> None:
        super().__init__()
        if not isinstance(net, ActionValue | ActorCritic | Policy):
            raise UsageError(
                f"a {type(net).__name__} is not a policy alone, which export needs; it searches or looks up"
            )
        if isinstance(net.encoder, RememberingEncoder):
            raise UsageError("a policy with memory is no function of observations alone, which is what export writes")
        if isinstance(net.encoder, TextEncoder):
            raise UsageError("a policy that writes reads texts of any length; export writes functions of one shape")
        self.net: Any = deepcopy(net).cpu().eval().requires_grad_(False)
        self.layout = Layout(of.observation)
        if self.layout.structured:
            parts: Any = _Parts(self.layout)
            self.net.encoder.layout = parts
        self.units = _Units(of.action)

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.named(*given).values())

    def named(self, *given: Tensor) -> dict[str, Tensor]:
        """The outputs, by name, for the parts of N observations."""
        parts = {part.name: x.to(_dtype(part.dtype)) for part, x in zip(self.layout.parts, given, strict=True)}
        obs: Any = parts if self.layout.structured else parts[""]
        if isinstance(self.net, ActionValue):
            out = self.net(obs)
            return {"action": self.units(self.net.greedy(obs, out)), "action_value": self.net.values(out)}
        pi, value = self.net(obs) if isinstance(self.net, ActorCritic) else (self.net(obs), None)
        named = {"action": self.units(pi.mode()), **_logits(pi)}
        return named if value is None else {**named, "value": value}


class _Parts:
    """Stands in for a layout where observations come as their parts, not as rows of bytes."""

    def __init__(self, layout: Layout) -> None:
        self.mask = layout.mask

    def view(self, parts: dict[str, Tensor]) -> dict[str, Tensor]:
        """The parts by name, as they are."""
        return parts


class _Units(nn.Module):
    """Actions (N, ...) as a network chooses them, as `action_adapter` makes them."""

    low: Tensor
    high: Tensor
    start: Tensor

    def __init__(self, space: spaces.Space[Any]) -> None:
        super().__init__()
        self.box, self.shape, self.dtype = isinstance(space, spaces.Box), space.shape or (), _dtype(space.dtype)
        self.whole = not self.dtype.is_floating_point
        bounds = (space.low, space.high) if isinstance(space, spaces.Box) else (0, 0)
        for name, bound in zip(("low", "high"), bounds, strict=True):
            self.register_buffer(name, torch.as_tensor(bound, dtype=torch.float64 if self.whole else self.dtype))
        self.register_buffer("start", torch.as_tensor(getattr(space, "start", 0)))

    def forward(self, action: Tensor) -> Tensor:
        action = action.reshape(action.shape[0], *self.shape)
        if not self.box:
            return (action + self.start).to(self.dtype)
        action = torch.minimum(torch.maximum(action.to(self.low.dtype), self.low), self.high)
        return (action.round() if self.whole else action).to(self.dtype)


def _logits(pi: Density) -> dict[str, Tensor]:
    """The logarithms of probabilities, of all choices in a row."""
    match pi:
        case Categorical():
            return {"logits": pi.logp}
        case MultiCategorical():
            return {"logits": torch.cat([part.logp for part in pi.parts], -1)}
        case Bernoulli():
            return {"logits": pi.logits}
    return {}


def _dtype(kind: Any) -> torch.dtype:
    return torch.as_tensor(np.zeros(0, kind)).dtype


def _observations(of: Spaces, count: int) -> Any:
    """A batch of observations (count, ...) as the environment gives them, with all actions available."""
    space = batch_space(of.observation, count)
    space.seed(0)
    return space.sample()


def _parts(layout: Layout, obs: Any) -> tuple[Tensor, ...]:
    return tuple(torch.as_tensor(_tamed(layout, part, obs)) for part in layout.parts)


def _tamed(layout: Layout, part: Part, obs: Any) -> NDArray[Any]:
    """A part of sampled observations: numbers of a usual size where a Box has no bounds, masks without a gap."""
    for key in part.path:
        obs = obs[key]
    x = np.asarray(obs, part.space.dtype)
    if part is layout.mask:
        return np.ones_like(x)
    return x.clip(-_USUAL, _USUAL) if x.dtype.kind == "f" else x


_USUAL = 10.0


def _check(agent: Agent, of: Spaces, layout: Layout, script: Any) -> None:
    """Raise UsageError if the agent acts otherwise than its network alone, as a subclass may."""
    parts = _parts(layout, _observations(of, _CHECKED))
    stored = layout.empty(_CHECKED)
    for part, x in zip(layout.parts, parts, strict=True):
        layout.column(stored, part)[...] = x.numpy()
    action = action_adapter(of.action)(ask(agent.acting(_CHECKED, "best"), stored)["action"])
    if not np.allclose(script(*parts)[0].numpy(), action, rtol=1e-4, atol=1e-4):
        raise UsageError(f"this agent acts otherwise than its {type(agent.net).__name__} says, which alone is exported")
