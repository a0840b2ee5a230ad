"""The description of a network, one dataclass for each kind: what every algorithm's `Config` begins with.

An algorithm's `Config` inherits the description that it honours completely, and repeats a field only to give it another
default. Networks take the whole `Config`.
"""

from dataclasses import dataclass
from typing import Literal

from ..errors import UsageError, check_ranges
from ..heads import Kind

Activation = Literal["tanh", "relu", "gelu", "silu", "elu"]
Cnn = Literal["nature", "small", "impala"]
Distribution = Literal["none", "categorical", "quantile"]
Norm = Literal["none", "layer"]
BatchedNorm = Literal["none", "layer", "batch"]
HEADS = 4  # of attention
Remembers = Literal["none", "gru", "lstm", "mingru", "attention"]
Twins = Literal["auto", "none"]
FeedForward = Literal["relu2", "swiglu"]


@dataclass(frozen=True)
class HiddenConfig:
    """Hidden layers."""

    hidden: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers."""
    activation: Activation = "tanh"
    """Non-linearity of the hidden layers."""
    norm: Norm = "none"
    """layer: normalise what each hidden layer gives before the activation (LayerNorm), which steadies long training."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("hidden",))


@dataclass(frozen=True)
class TwinsConfig:
    """A network that may have twins."""

    twins: Twins = "auto"
    """Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for the
    readable code alone."""


@dataclass(frozen=True)
class NetConfig(TwinsConfig, HiddenConfig):
    """An encoder and a perceptron."""

    cnn: Cnn = "nature"
    """Encoder of images."""
    bfloat16: bool = False
    """Compute the encoder of images in bfloat16: several times faster on processors made for it, a little coarser."""
    normalize_obs: bool = False
    """Standardise observations by their running moments, clipped to +-10; of images only subtract the running mean."""


@dataclass(frozen=True)
class MemoryConfig(NetConfig):
    """A network that may remember."""

    memory: Remembers = "none"
    """Memory of the episode so far, between the encoder and the hidden layers: none, a recurrent cell (mingru is the
    fastest), or attention to the last `window` steps."""
    memory_size: int = 64
    """Width of the memory."""
    window: int = 32
    """Steps that attention sees, the present one among them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, positive=("memory_size", "window"))
        if self.memory == "attention" and self.memory_size % HEADS:
            raise UsageError(
                f"memory_size is {self.memory_size}; attention has {HEADS} heads and needs a multiple of it"
            )


@dataclass(frozen=True)
class TextConfig(HiddenConfig):
    """A transformer, which stands in the encoder's place where texts are observed."""

    layers: int = 3
    """Blocks of the transformer that reads texts."""
    width: int = 64
    """Width of the transformer."""
    heads: int = 4
    """Heads of its attention."""
    kv_heads: int = 1
    """Heads of keys and values, each shared by as many query heads as there are to one; fewer write faster."""
    feed_forward: FeedForward = "relu2"
    """Non-linearity of its perceptrons: relu2 (squared ReLU) or swiglu (gated)."""
    tied: bool = False
    """One matrix for what tokens mean when they are read and when they are written (tied embeddings)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, positive=("layers", "width", "heads", "kv_heads"))
        if self.heads % self.kv_heads:
            raise UsageError(f"heads is {self.heads}, which must be a multiple of kv_heads, {self.kv_heads}")
        if self.width % (2 * self.heads):
            raise UsageError(f"width is {self.width}, which must be a multiple of two times heads, {2 * self.heads}")


@dataclass(frozen=True)
class PolicyConfig(TextConfig, MemoryConfig):
    """A policy."""

    head: Kind = "plain"
    """Distribution of Box actions: plain (one Gaussian), squashed (inside the bounds), mixture (several),
    autoregressive (bins, one component after another)."""
    components: int = 5
    """Gaussians of a mixture."""
    bins: int = 21
    """Bins per component of autoregressive actions."""
    scale_actions: bool = True
    """Take a Box's bounds for -1 and 1, so that a policy begins in its middle and reaches all of it; false: numbers as
    they are. Heads squashed and autoregressive always do; bounds of -1 and 1, or none, change nothing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, positive=("components", "bins"))


@dataclass(frozen=True)
class ActorCriticConfig(PolicyConfig):
    """A policy and a value function with hidden layers of their own."""

    orthogonal_init: bool = True
    """Orthogonal initial weights; false: torch's default."""
    policy_gain: float = 0.01
    """Scale of the policy's last layer at the start (with orthogonal_init); small starts near-uniform."""
    log_std_init: float = 0.0
    """Initial logarithm of the standard deviation of continuous actions (of `scale_actions`: in half widths)."""
    sde: bool = False
    """State-dependent exploration of continuous actions (arXiv:2005.05719) instead of independent noise."""
    sde_freq: int | None = None
    """Steps after which state-dependent noise is drawn anew; none: once per rollout."""
    chunk: int | None = None
    """Steps of a piece of a rollout that gradients flow back through, where there is a memory; the next piece goes on
    from what was remembered then. None: the whole rollout."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, positive=("sde_freq", "chunk"), at_least_0=("policy_gain",))


@dataclass(frozen=True)
class SharedConfig(ActorCriticConfig):
    """A policy and a value function that may have their hidden layers in common."""

    shared: bool = False
    """One set of hidden layers for policy and value; their gradients then need balancing by `value_coef`."""
    shared_memory: bool = False
    """One memory for policy and value, which takes half the time; false: one for each, so that large returns do not
    drown what the policy has to remember. With `shared` hidden layers there is always one."""


@dataclass(frozen=True)
class ActionValueConfig(MemoryConfig):
    """Action values."""

    activation: Activation = "relu"
    """Non-linearity of the hidden layers."""
    dueling: bool = False
    """Separate last hidden layers for the state's value and the actions' advantages."""
    noisy: bool = False
    """Explore by learned noise in the weights; epsilon 0 then leaves the exploring to it."""
    distribution: Distribution = "none"
    """Learn the distribution of the return: none, categorical (C51) or quantile (QR)."""
    atoms: int = 51
    """Numbers that describe a distribution."""
    limits: tuple[float, ...] = (-10.0, 10.0)
    """Least and largest return of the categorical distribution."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, positive=("atoms",))
        if self.distribution != "none" and self.atoms < 2:
            raise UsageError(f"atoms is {self.atoms}; a distribution needs at least 2")
        if len(self.limits) != 2 or self.limits[0] >= self.limits[1]:
            raise UsageError(f"limits is {self.limits}; it must be the least and the largest return")


@dataclass(frozen=True)
class CriticsConfig(MemoryConfig):
    """A policy, and several critics of its actions with hidden layers, and a memory, of their own."""

    hidden: tuple[int, ...] = (256, 256)
    """Widths of the policy's hidden layers."""
    activation: Activation = "relu"
    """Non-linearity of the hidden layers, of policy and critics."""
    norm: BatchedNorm = "none"  # type: ignore[assignment]  # one more than networks that see no batches have
    """In the policy: layer normalises what each hidden layer gives before the activation, batch what each layer sees
    (BatchRenorm, CrossQ)."""
    blocks: int = 0
    """Residual blocks of the policy, all of the one width in `hidden` (SimBa); 0: a perceptron."""
    critics: int = 2
    """Critics that are learned side by side."""
    critic_hidden: tuple[int, ...] = (256, 256)
    """Widths of each critic's hidden layers."""
    critic_norm: BatchedNorm = "none"
    """In the critics: layer normalises what each hidden layer gives before the activation, batch what each layer sees,
    by the moments of the states and actions of a batch and of those that follow (BatchRenorm, CrossQ)."""
    critic_blocks: int = 0
    """Residual blocks of each critic, all of the one width in `critic_hidden` (SimBa); 0: a perceptron."""
    dropout: float = 0.0
    """Share of the critics' hidden features that are dropped at random while they learn (DroQ)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        positive, at_least_0 = ("critics", "critic_hidden"), ("blocks", "critic_blocks")
        check_ranges(self, positive=positive, unit=("dropout",), at_least_0=at_least_0)
        if self.dropout == 1:
            raise UsageError("dropout is 1.0, which would drop every feature; it must be below 1")
        if self.blocks and (len(self.hidden) != 1 or self.norm != "none"):
            raise UsageError("blocks are of one width and normalise by themselves: hidden must be one, norm none")
        if self.critic_blocks and (len(self.critic_hidden) != 1 or self.critic_norm != "none" or self.dropout):
            raise UsageError(
                "critic_blocks are of one width and normalise by themselves: critic_hidden must be one, critic_norm "
                "none, dropout 0"
            )


@dataclass(frozen=True)
class BoxCriticsConfig(CriticsConfig):
    """A policy in a box and its critics."""

    quantiles: int = 1
    """Equally likely returns that each critic gives; 1: their mean alone, Q(s, a)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, positive=("quantiles",))


@dataclass(frozen=True)
class BoardConfig(TwinsConfig):
    """A policy and a value over the planes of a board."""

    blocks: int = 0
    """Residual blocks; 0: a perceptron."""
    channels: int = 32
    """Channels of the blocks."""
    hidden: tuple[int, ...] = (256, 256, 256)
    """Widths of a perceptron's hidden layers."""
    bfloat16: bool = False
    """Compute the network in bfloat16: faster on processors made for it."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("channels", "hidden"), at_least_0=("blocks",))
