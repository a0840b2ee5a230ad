"""The names of gymnast with their types. Written by `make stubs`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from .envs import from_pettingzoo as from_pettingzoo
from .envs import make as make
from .runners.api import Learner as Learner
from .runners.api import Progress as Progress
from .runners.api import load as load
from .runners.callbacks import KeepBest as KeepBest
from .runners.callbacks import StopAt as StopAt
from .runners.callbacks import StopEarly as StopEarly
from .runners.evaluation.evaluate import evaluate as evaluate
from .runners.imitation.demonstrations import collect as collect
from .runners.imitation.prefer import prefer as prefer
from .runners.runs.run import Run as Run
from .runners.runs.run import preset as preset
from .runners.sb3 import from_sb3 as from_sb3
from .runners.sb3 import to_sb3 as to_sb3
from .runners.sweeps.table import sweep as sweep
from .runners.trackers import Mlflow as Mlflow
from .runners.trackers import Wandb as Wandb
from .runners.training.train import resume as resume
from .runners.training.train import train as train
from .runners.tuning.tune import tune as tune

__version__: str
__all__: list[str]

class A2C(Learner):
    """Advantage actor-critic: one gradient step on each short rollout of parallel environments.

    Args:
        normalize_return: Divide rewards by the running standard deviation of the discounted return, clipped to +-10.
        reward_sign: Learn from the sign of the reward alone (Atari); logged returns stay the environment's.
        hidden: Widths of the hidden layers.
        activation: Non-linearity of the hidden layers.
        norm: layer: normalise what each hidden layer gives before the activation (LayerNorm), which steadies long
            training.
        twins: Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for
            the readable code alone.
        cnn: Encoder of images.
        bfloat16: Compute the encoder of images in bfloat16: several times faster on processors made for it, a little
            coarser.
        normalize_obs: Standardise observations by their running moments, clipped to +-10; of images only subtract the
            running mean.
        memory: Memory of the episode so far, between the encoder and the hidden layers: none, a recurrent cell (mingru
            is the fastest), or attention to the last `window` steps.
        memory_size: Width of the memory.
        window: Steps that attention sees, the present one among them.
        layers: Blocks of the transformer that reads texts.
        width: Width of the transformer.
        heads: Heads of its attention.
        kv_heads: Heads of keys and values, each shared by as many query heads as there are to one; fewer write faster.
        feed_forward: Non-linearity of its perceptrons: relu2 (squared ReLU) or swiglu (gated).
        tied: One matrix for what tokens mean when they are read and when they are written (tied embeddings).
        head: Distribution of Box actions: plain (one Gaussian), squashed (inside the bounds), mixture (several),
            autoregressive (bins, one component after another).
        components: Gaussians of a mixture.
        bins: Bins per component of autoregressive actions.
        scale_actions: Take a Box's bounds for -1 and 1, so that a policy begins in its middle and reaches all of it;
            false: numbers as they are. Heads squashed and autoregressive always do; bounds of -1 and 1, or none, change
            nothing.
        orthogonal_init: Orthogonal initial weights; false: torch's default.
        policy_gain: Scale of the policy's last layer at the start (with orthogonal_init); small starts near-uniform.
        log_std_init: Initial logarithm of the standard deviation of continuous actions (of `scale_actions`: in half
            widths).
        sde: State-dependent exploration of continuous actions (arXiv:2005.05719) instead of independent noise.
        sde_freq: Steps after which state-dependent noise is drawn anew; none: once per rollout.
        chunk: Steps of a piece of a rollout that gradients flow back through, where there is a memory; the next piece
            goes on from what was remembered then. None: the whole rollout.
        shared: One set of hidden layers for policy and value; their gradients then need balancing by `value_coef`.
        shared_memory: One memory for policy and value, which takes half the time; false: one for each, so that large
            returns do not drown what the policy has to remember. With `shared` hidden layers there is always one.
        horizon: Steps per environment between updates; 1 learns from every step.
        episodes: Whole episodes per environment between updates, in place of `horizon` steps.
        optimizer: rmsprop: TensorFlow's, as in the published results.
        lr: Step size of the optimiser.
        lr_schedule: linear, cosine: the step size falls to 0 at the end of the run.
        optimizer_eps: The optimiser's epsilon; larger damps steps where gradients are tiny.
        max_grad_norm: Global gradient norm above which gradients are scaled down.
        gamma: Discount per step.
        lam: GAE lambda: 0 is one-step TD, 1 bootstraps at the rollout's end alone; higher means less bias, more
            variance.
        n_step: Rewards to add up before V takes over, the same for every step, in place of `lam`.
        control_variate: Replace what a learned Q(s, a) says of the action drawn by its mean over actions: less
            variance, no bias.
        replay: Transitions to remember; above 0 it learns from them alone, off-policy and one step at a time.
        replay_batch: Transitions drawn for each gradient step.
        replay_steps: Gradient steps on remembered transitions per rollout; more learn more from each and lean more on
            Q.
        critic_lr: Adam step size of Q(s, a).
        value_coef: Weight of the mean squared value error.
        entropy_coef: Weight of the entropy bonus; higher keeps the policy exploring.
        normalize_advantage: Bring advantages to mean 0 and standard deviation 1 in each update.
        value_warmup: Updates at the start in which only the value function learns: for a policy that is good already
            (init_from).
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        normalize_return: bool = ...,
        reward_sign: bool = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer"] = ...,
        twins: Literal["auto", "none"] = ...,
        cnn: Literal["nature", "small", "impala"] = ...,
        bfloat16: bool = ...,
        normalize_obs: bool = ...,
        memory: Literal["none", "gru", "lstm", "mingru", "attention"] = ...,
        memory_size: int = ...,
        window: int = ...,
        layers: int = ...,
        width: int = ...,
        heads: int = ...,
        kv_heads: int = ...,
        feed_forward: Literal["relu2", "swiglu"] = ...,
        tied: bool = ...,
        head: Literal["plain", "squashed", "mixture", "autoregressive"] = ...,
        components: int = ...,
        bins: int = ...,
        scale_actions: bool = ...,
        orthogonal_init: bool = ...,
        policy_gain: float = ...,
        log_std_init: float = ...,
        sde: bool = ...,
        sde_freq: int | None = ...,
        chunk: int | None = ...,
        shared: bool = ...,
        shared_memory: bool = ...,
        horizon: int = ...,
        episodes: int | None = ...,
        optimizer: Literal["rmsprop", "adam"] = ...,
        lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        optimizer_eps: float = ...,
        max_grad_norm: float = ...,
        gamma: float = ...,
        lam: float = ...,
        n_step: int | None = ...,
        control_variate: bool = ...,
        replay: int = ...,
        replay_batch: int = ...,
        replay_steps: int = ...,
        critic_lr: float = ...,
        value_coef: float = ...,
        entropy_coef: float = ...,
        normalize_advantage: bool = ...,
        value_warmup: int = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class AlphaZero(Learner):
    """Self-play with a tree search that a network guides and that the network learns from.

    Args:
        twins: Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for
            the readable code alone.
        blocks: Residual blocks; 0: a perceptron.
        channels: Channels of the blocks.
        hidden: Widths of a perceptron's hidden layers.
        bfloat16: Compute the network in bfloat16: faster on processors made for it.
        horizon: Moves of each game between updates.
        simulations: Simulations of a full search, whose policy is learned; more make better targets and fewer of them.
        full_share: Share of the moves that get a full search (playout caps); the policy of the others' fast one is not
            learned.
        fast_simulations: Simulations of a fast search.
        fast_values: Learn the values of the moves played fast too, which costs no search; `passes` then counts these
            positions.
        c_init: Weight of exploration in PUCT.
        c_base: Visits of a node after which exploration begins to grow.
        fpu: How much worse than its parent a move counts that was not tried yet, times the root of the prior tried.
        forced: Forced playouts in full searches: noise that pays off is followed; the policy learned has none of it. 0:
            none.
        noise_fraction: Share of Dirichlet noise in the root's priors of full searches.
        noise_total: Sum of the noise's concentrations; larger is more even.
        gumbel: Candidates of Gumbel roots with sequential halving instead of noise; 0: PUCT.
        temperature: Temperature of the moves played at the start of a game.
        temperature_final: Temperature of the moves late in a game.
        temperature_halflife: Plies in which the distance between the two halves.
        random_plies: Each game begins with up to so many random moves, which are not learned from: the network then
            knows positions that good play never reaches. 0: all games begin at the first position.
        reuse: Keep what the search knows about the move made; its visits count as simulations.
        cached: Answers of the network to remember until it changes; 0: none.
        resign: Give games up that the search thinks lost, so readily that at most this share of them would not be; 0:
            none.
        resign_watched: Share of the games that are played to the end all the same, to measure how often giving up would
            be wrong.
        past_share: Share of the games in which a past network plays one side, whose moves are not learned. 0: none.
        past_most: Past networks to choose from, one per generation.
        gate: A new network plays only once it wins this share of a match against the one that plays; 0: the newest
            plays.
        gate_games: Games of a match at the gate, with `simulations` a move.
        generation: Gradient steps between matches at the gate, and between networks that join the past ones.
        passes: How often each position is learned, on average.
        minibatch: Positions per gradient step.
        window: Latest positions to learn from at first; the window grows slower than the data.
        window_most: Positions kept at most.
        lr: Adam step size.
        lr_schedule: linear, cosine: the step size falls to 0 at the end of the run.
        l2: Weight of the sum of squared weights.
        max_grad_norm: Global gradient norm above which gradients are scaled down.
        value_coef: Weight of the squared value error.
        search_value: Share of the search's value in the value target; the rest is the game's result.
        reply_coef: Weight of learning what the other will answer, an auxiliary target that shapes the network; 0: none.
        augment: Learn from a random symmetry of each position.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        twins: Literal["auto", "none"] = ...,
        blocks: int = ...,
        channels: int = ...,
        hidden: Sequence[int] = ...,
        bfloat16: bool = ...,
        horizon: int = ...,
        simulations: int = ...,
        full_share: float = ...,
        fast_simulations: int = ...,
        fast_values: bool = ...,
        c_init: float = ...,
        c_base: float = ...,
        fpu: float = ...,
        forced: float = ...,
        noise_fraction: float = ...,
        noise_total: float = ...,
        gumbel: int = ...,
        temperature: float = ...,
        temperature_final: float = ...,
        temperature_halflife: float = ...,
        random_plies: int = ...,
        reuse: bool = ...,
        cached: int = ...,
        resign: float = ...,
        resign_watched: float = ...,
        past_share: float = ...,
        past_most: int = ...,
        gate: float = ...,
        gate_games: int = ...,
        generation: int = ...,
        passes: float = ...,
        minibatch: int = ...,
        window: int = ...,
        window_most: int = ...,
        lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        l2: float = ...,
        max_grad_norm: float = ...,
        value_coef: float = ...,
        search_value: float = ...,
        reply_coef: float = ...,
        augment: bool = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class BC(Learner):
    """Behaviour cloning: maximum likelihood of an expert's recorded actions.

    Args:
        hidden: Widths of the hidden layers.
        activation: Non-linearity of the hidden layers.
        norm: layer: normalise what each hidden layer gives before the activation (LayerNorm), which steadies long
            training.
        twins: Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for
            the readable code alone.
        cnn: Encoder of images.
        bfloat16: Compute the encoder of images in bfloat16: several times faster on processors made for it, a little
            coarser.
        normalize_obs: Standardise observations by the moments of those demonstrated, clipped to +-10; of images only
            subtract the mean.
        memory: Memory of the episode so far, between the encoder and the hidden layers: none, a recurrent cell (mingru
            is the fastest), or attention to the last `window` steps.
        memory_size: Width of the memory.
        window: Steps that attention sees, the present one among them.
        layers: Blocks of the transformer that reads texts.
        width: Width of the transformer.
        heads: Heads of its attention.
        kv_heads: Heads of keys and values, each shared by as many query heads as there are to one; fewer write faster.
        feed_forward: Non-linearity of its perceptrons: relu2 (squared ReLU) or swiglu (gated).
        tied: One matrix for what tokens mean when they are read and when they are written (tied embeddings).
        head: Distribution of Box actions: plain (one Gaussian), squashed (inside the bounds), mixture (several),
            autoregressive (bins, one component after another).
        components: Gaussians of a mixture.
        bins: Bins per component of autoregressive actions.
        scale_actions: Take a Box's bounds for -1 and 1, so that a policy begins in its middle and reaches all of it;
            false: numbers as they are. Heads squashed and autoregressive always do; bounds of -1 and 1, or none, change
            nothing.
        minibatch: Recorded steps per gradient step.
        lr: Adam step size.
        lr_schedule: linear, cosine: the step size falls to 0 at the end of the run.
        l2: Weight of half the sum of squared weights; larger keeps the policy smoother.
        entropy_coef: Weight of the entropy bonus; higher keeps the policy from being too sure.
        noise: Noise on observations while learning, in standard deviations of each number observed.
        balance: Weigh every Discrete action alike, however often the expert takes it.
        divergence: Divergence to minimise: forward_kl needs only the expert's actions (it is their likelihood); the
            others need the probabilities of all actions, which demonstrations by a policy over Discrete actions hold.
        validation: Share of the episodes that is held out to measure the loss on.
        patience: Stop after so many passes without a lower validation loss, and act as at the lowest; none: never.
        relabel: Learn to reach what was reached: in Dict observations with achieved_goal and desired_goal, take for the
            goal of every step what the episode had achieved at its end (goal-conditioned cloning, Huang 26.4).
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer"] = ...,
        twins: Literal["auto", "none"] = ...,
        cnn: Literal["nature", "small", "impala"] = ...,
        bfloat16: bool = ...,
        normalize_obs: bool = ...,
        memory: Literal["none", "gru", "lstm", "mingru", "attention"] = ...,
        memory_size: int = ...,
        window: int = ...,
        layers: int = ...,
        width: int = ...,
        heads: int = ...,
        kv_heads: int = ...,
        feed_forward: Literal["relu2", "swiglu"] = ...,
        tied: bool = ...,
        head: Literal["plain", "squashed", "mixture", "autoregressive"] = ...,
        components: int = ...,
        bins: int = ...,
        scale_actions: bool = ...,
        minibatch: int = ...,
        lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        l2: float = ...,
        entropy_coef: float = ...,
        noise: float = ...,
        balance: bool = ...,
        divergence: Literal["forward_kl", "reverse_kl", "jensen_shannon", "total_variation"] = ...,
        validation: float = ...,
        patience: int | None = ...,
        relabel: bool = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class DAgger(Learner):
    """DAgger: clone an expert on the states that the clone itself visits.

    Args:
        hidden: Widths of the hidden layers.
        activation: Non-linearity of the hidden layers.
        norm: layer: normalise what each hidden layer gives before the activation (LayerNorm), which steadies long
            training.
        twins: Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for
            the readable code alone.
        cnn: Encoder of images.
        bfloat16: Compute the encoder of images in bfloat16: several times faster on processors made for it, a little
            coarser.
        normalize_obs: Standardise observations by the moments of those demonstrated, clipped to +-10; of images only
            subtract the mean.
        memory: Memory of the episode so far, between the encoder and the hidden layers: none, a recurrent cell (mingru
            is the fastest), or attention to the last `window` steps.
        memory_size: Width of the memory.
        window: Steps that attention sees, the present one among them.
        layers: Blocks of the transformer that reads texts.
        width: Width of the transformer.
        heads: Heads of its attention.
        kv_heads: Heads of keys and values, each shared by as many query heads as there are to one; fewer write faster.
        feed_forward: Non-linearity of its perceptrons: relu2 (squared ReLU) or swiglu (gated).
        tied: One matrix for what tokens mean when they are read and when they are written (tied embeddings).
        head: Distribution of Box actions: plain (one Gaussian), squashed (inside the bounds), mixture (several),
            autoregressive (bins, one component after another).
        components: Gaussians of a mixture.
        bins: Bins per component of autoregressive actions.
        scale_actions: Take a Box's bounds for -1 and 1, so that a policy begins in its middle and reaches all of it;
            false: numbers as they are. Heads squashed and autoregressive always do; bounds of -1 and 1, or none, change
            nothing.
        minibatch: Recorded steps per gradient step.
        lr: Adam step size.
        lr_schedule: linear, cosine: the step size falls to 0 at the end of the run.
        l2: Weight of half the sum of squared weights; larger keeps the policy smoother.
        entropy_coef: Weight of the entropy bonus; higher keeps the policy from being too sure.
        noise: Noise on observations while learning, in standard deviations of each number observed.
        balance: Weigh every Discrete action alike, however often the expert takes it.
        divergence: Divergence to minimise: forward_kl needs only the expert's actions (it is their likelihood); the
            others need the probabilities of all actions, which demonstrations by a policy over Discrete actions hold.
        validation: Share of the episodes that is held out to measure the loss on.
        patience: Stop after so many passes without a lower validation loss, and act as at the lowest; none: never.
        relabel: Learn to reach what was reached: in Dict observations with achieved_goal and desired_goal, take for the
            goal of every step what the episode had achieved at its end (goal-conditioned cloning, Huang 26.4).
        horizon: Steps per environment in each round.
        epochs: Passes over all labels after each round.
        beta: When the expert acts: first is in the first round alone; linear falls to 0 over `beta_rounds`; exponential
            is multiplied by `beta_decay` every round.
        beta_start: Probability that the expert acts in the first round.
        beta_rounds: Rounds in which a linear beta falls to 0.
        beta_decay: Factor of an exponential beta; 1 keeps it constant.
        retrain: Whether each round learns on from the policy of the last, or begins with new weights.
        queries: Labels that the expert may be asked for; the run ends when they are spent. None: one for every state.
        ensemble: Policies that learn from the same labels, each in its own order and from its own weights; the first
            one acts.
        threshold: Ask only where the ensemble's likeliest actions differ by more: of Discrete actions, the share of
            members that do not choose the most chosen one; of Box actions, the standard deviation over members in half
            widths of the box, root mean square over its numbers. None: ask about every state.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer"] = ...,
        twins: Literal["auto", "none"] = ...,
        cnn: Literal["nature", "small", "impala"] = ...,
        bfloat16: bool = ...,
        normalize_obs: bool = ...,
        memory: Literal["none", "gru", "lstm", "mingru", "attention"] = ...,
        memory_size: int = ...,
        window: int = ...,
        layers: int = ...,
        width: int = ...,
        heads: int = ...,
        kv_heads: int = ...,
        feed_forward: Literal["relu2", "swiglu"] = ...,
        tied: bool = ...,
        head: Literal["plain", "squashed", "mixture", "autoregressive"] = ...,
        components: int = ...,
        bins: int = ...,
        scale_actions: bool = ...,
        minibatch: int = ...,
        lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        l2: float = ...,
        entropy_coef: float = ...,
        noise: float = ...,
        balance: bool = ...,
        divergence: Literal["forward_kl", "reverse_kl", "jensen_shannon", "total_variation"] = ...,
        validation: float = ...,
        patience: int | None = ...,
        relabel: bool = ...,
        horizon: int = ...,
        epochs: int = ...,
        beta: Literal["first", "linear", "exponential"] = ...,
        beta_start: float = ...,
        beta_rounds: int = ...,
        beta_decay: float = ...,
        retrain: Literal["warm", "scratch"] = ...,
        queries: int | None = ...,
        ensemble: int = ...,
        threshold: float | None = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class DDPG(Learner):
    """Deep deterministic policy gradient (DDPG): TD3 with one critic, and without its delay and smoothing.

    Args:
        horizon: Steps per environment between updates.
        replay_ratio: Gradient steps per environment step, over all copies together; more learn more from each step, up
            to a point.
        minibatch: Transitions per gradient step.
        capacity: Transitions that the replay holds; the oldest are forgotten.
        learning_starts: Steps, with random actions, before the first gradient step.
        gamma: Discount per step.
        n_step: Rewards that are summed before bootstrapping; more spread rewards faster, off-policy ones less exactly.
        priority: Exponent of |TD error| in the probability of being replayed: 0 draws uniformly.
        beta: Exponent of the importance weights at the start; rises linearly to 1 at the end of the run.
        reward_sign: Learn from the sign of the reward alone (Atari); logged returns stay the environment's.
        replay_dir: Folder for a replay larger than the memory; none: in memory, saved with the run.
        hindsight: Learn as if a goal that the episode achieved, later, last or at any time, had been the desired one.
        relabelled: Share of the transitions drawn that get such a goal: k of them for each one that keeps its own is k
            / (k + 1).
        value_warmup: Gradient steps at the start in which only values learn: for a policy that is good already
            (init_from).
        sequence: Steps of a piece of experience that is learned from at once, where there is a memory: how far back
            gradients flow. Pieces overlap by half; `minibatch` is rounded to whole ones, at least one.
        burn_in: Steps before each of these pieces that bring what is remembered up to date, and of which nothing is
            learned.
        hidden: Widths of the policy's hidden layers.
        activation: Non-linearity of the hidden layers, of policy and critics.
        norm: In the policy: layer normalises what each hidden layer gives before the activation, batch what each layer
            sees (BatchRenorm, CrossQ).
        twins: Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for
            the readable code alone.
        cnn: Encoder of images.
        bfloat16: Compute the encoder of images in bfloat16: several times faster on processors made for it, a little
            coarser.
        normalize_obs: Standardise observations by their running moments, clipped to +-10; of images only subtract the
            running mean.
        memory: Memory of the episode so far, between the encoder and the hidden layers: none, a recurrent cell (mingru
            is the fastest), or attention to the last `window` steps.
        memory_size: Width of the memory.
        window: Steps that attention sees, the present one among them.
        blocks: Residual blocks of the policy, all of the one width in `hidden` (SimBa); 0: a perceptron.
        critics: Critics that are learned side by side.
        critic_hidden: Widths of each critic's hidden layers.
        critic_norm: In the critics: layer normalises what each hidden layer gives before the activation, batch what
            each layer sees, by the moments of the states and actions of a batch and of those that follow (BatchRenorm,
            CrossQ).
        critic_blocks: Residual blocks of each critic, all of the one width in `critic_hidden` (SimBa); 0: a perceptron.
        dropout: Share of the critics' hidden features that are dropped at random while they learn (DroQ).
        quantiles: Equally likely returns that each critic gives; 1: their mean alone, Q(s, a).
        subset: Critics, drawn anew for each gradient step, that make the target (REDQ); 0: all of them.
        lr: Adam step size of the policy.
        critic_lr: Adam step size of the critics.
        lr_schedule: linear, cosine: the step sizes fall to 0 at the end of the run.
        adam_beta1: Share of Adam's mean of the gradients, of policy and critics, that stays at each step.
        weight_decay: Share of the step size by which the weights of policy and critics shrink at each step (AdamW).
        target: Networks that targets are made with: slow copies, or none but those that learn (CrossQ).
        tau: Share of the networks that their slow copies take over.
        policy_delay: Gradient steps of the critics for each one of the policy and the slow copies.
        shift: Pixels by which images are moved at random, at most, where they are learned from (DrQ); 0: not at all.
        normalize_return: Learn from rewards in units of the running deviation of the discounted return; the replay
            keeps them as they are.
        reset_interval: Gradient steps after which networks and optimisers begin anew, while the replay stays; 0: never.
        drop: Quantiles per critic, the largest of all critics together, that are left out of targets (TQC).
        noise_color: Noise of actions that explore: white is independent from step to step; pink (power 1/f) and red (an
            Ornstein-Uhlenbeck process) go on through an episode, with the same deviation at each step.
        noise: Standard deviation of the noise on actions that explore, in units of the box.
        smoothing: Standard deviation of the noise on the actions of targets, in units of the box; 0: none.
        smoothing_clip: Bound of that noise.
        reduce: How the policy weighs the critics: it climbs the first, the least of them, or their mean.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        horizon: int = ...,
        replay_ratio: float = ...,
        minibatch: int = ...,
        capacity: int = ...,
        learning_starts: int = ...,
        gamma: float = ...,
        n_step: int = ...,
        priority: float = ...,
        beta: float = ...,
        reward_sign: bool = ...,
        replay_dir: str | None = ...,
        hindsight: Literal["none", "future", "final", "episode"] = ...,
        relabelled: float = ...,
        value_warmup: int = ...,
        sequence: int = ...,
        burn_in: int = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer", "batch"] = ...,
        twins: Literal["auto", "none"] = ...,
        cnn: Literal["nature", "small", "impala"] = ...,
        bfloat16: bool = ...,
        normalize_obs: bool = ...,
        memory: Literal["none", "gru", "lstm", "mingru", "attention"] = ...,
        memory_size: int = ...,
        window: int = ...,
        blocks: int = ...,
        critics: int = ...,
        critic_hidden: Sequence[int] = ...,
        critic_norm: Literal["none", "layer", "batch"] = ...,
        critic_blocks: int = ...,
        dropout: float = ...,
        quantiles: int = ...,
        subset: int = ...,
        lr: float = ...,
        critic_lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        adam_beta1: float = ...,
        weight_decay: float = ...,
        target: Literal["slow", "none"] = ...,
        tau: float = ...,
        policy_delay: int = ...,
        shift: int = ...,
        normalize_return: bool = ...,
        reset_interval: int = ...,
        drop: int = ...,
        noise_color: Literal["white", "pink", "red"] = ...,
        noise: float = ...,
        smoothing: float = ...,
        smoothing_clip: float = ...,
        reduce: Literal["first", "min", "mean"] = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class DiscreteSAC(Learner):
    """Soft actor-critic over discrete actions: expectations over all of them take the place of samples.

    Args:
        horizon: Steps per environment between updates.
        replay_ratio: Gradient steps per environment step, over all copies together; more learn more from each step, up
            to a point.
        minibatch: Transitions per gradient step.
        capacity: Transitions that the replay holds; the oldest are forgotten.
        learning_starts: Steps, with random actions, before the first gradient step.
        gamma: Discount per step.
        n_step: Rewards that are summed before bootstrapping; more spread rewards faster, off-policy ones less exactly.
        priority: Exponent of |TD error| in the probability of being replayed: 0 draws uniformly.
        beta: Exponent of the importance weights at the start; rises linearly to 1 at the end of the run.
        reward_sign: Learn from the sign of the reward alone (Atari); logged returns stay the environment's.
        replay_dir: Folder for a replay larger than the memory; none: in memory, saved with the run.
        hindsight: Learn as if a goal that the episode achieved, later, last or at any time, had been the desired one.
        relabelled: Share of the transitions drawn that get such a goal: k of them for each one that keeps its own is k
            / (k + 1).
        value_warmup: Gradient steps at the start in which only values learn: for a policy that is good already
            (init_from).
        sequence: Steps of a piece of experience that is learned from at once, where there is a memory: how far back
            gradients flow. Pieces overlap by half; `minibatch` is rounded to whole ones, at least one.
        burn_in: Steps before each of these pieces that bring what is remembered up to date, and of which nothing is
            learned.
        hidden: Widths of the policy's hidden layers.
        activation: Non-linearity of the hidden layers, of policy and critics.
        norm: In the policy: layer normalises what each hidden layer gives before the activation, batch what each layer
            sees (BatchRenorm, CrossQ).
        twins: Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for
            the readable code alone.
        cnn: Encoder of images.
        bfloat16: Compute the encoder of images in bfloat16: several times faster on processors made for it, a little
            coarser.
        normalize_obs: Standardise observations by their running moments, clipped to +-10; of images only subtract the
            running mean.
        memory: Memory of the episode so far, between the encoder and the hidden layers: none, a recurrent cell (mingru
            is the fastest), or attention to the last `window` steps.
        memory_size: Width of the memory.
        window: Steps that attention sees, the present one among them.
        blocks: Residual blocks of the policy, all of the one width in `hidden` (SimBa); 0: a perceptron.
        critics: Critics that are learned side by side.
        critic_hidden: Widths of each critic's hidden layers.
        critic_norm: In the critics: layer normalises what each hidden layer gives before the activation, batch what
            each layer sees, by the moments of the states and actions of a batch and of those that follow (BatchRenorm,
            CrossQ).
        critic_blocks: Residual blocks of each critic, all of the one width in `critic_hidden` (SimBa); 0: a perceptron.
        dropout: Share of the critics' hidden features that are dropped at random while they learn (DroQ).
        subset: Critics, drawn anew for each gradient step, that make the target (REDQ); 0: all of them.
        lr: Adam step size of the policy and the temperature.
        critic_lr: Adam step size of the critics.
        lr_schedule: linear, cosine: the step sizes fall to 0 at the end of the run.
        adam_beta1: Share of Adam's mean of the gradients, of policy and critics, that stays at each step.
        weight_decay: Share of the step size by which the weights of policy and critics shrink at each step (AdamW).
        target: Networks that targets are made with: slow copies, or none but those that learn (CrossQ).
        tau: Share of the networks that their slow copies take over.
        policy_delay: Gradient steps of the critics for each one of the policy.
        shift: Pixels by which images are moved at random, at most, where they are learned from (DrQ); 0: not at all.
        normalize_return: Learn from rewards in units of the running deviation of the discounted return; the replay
            keeps them as they are.
        reset_interval: Gradient steps after which networks and optimisers begin anew, while the replay stays; 0: never.
        reduce: How the policy weighs the critics: it maximises the least of them, or their mean.
        alpha: Temperature, the worth of a nat of entropy; none: learned, so that the entropy stays at the target.
        alpha_init: Temperature that learning starts from.
        target_entropy: Entropy as a share of the largest, that of choosing evenly among the available actions. With the
            paper's 0.98 a policy that knows what is best chooses nearly evenly all the same (Xu et al. 2021,
            arXiv:2112.02852).
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        horizon: int = ...,
        replay_ratio: float = ...,
        minibatch: int = ...,
        capacity: int = ...,
        learning_starts: int = ...,
        gamma: float = ...,
        n_step: int = ...,
        priority: float = ...,
        beta: float = ...,
        reward_sign: bool = ...,
        replay_dir: str | None = ...,
        hindsight: Literal["none", "future", "final", "episode"] = ...,
        relabelled: float = ...,
        value_warmup: int = ...,
        sequence: int = ...,
        burn_in: int = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer", "batch"] = ...,
        twins: Literal["auto", "none"] = ...,
        cnn: Literal["nature", "small", "impala"] = ...,
        bfloat16: bool = ...,
        normalize_obs: bool = ...,
        memory: Literal["none", "gru", "lstm", "mingru", "attention"] = ...,
        memory_size: int = ...,
        window: int = ...,
        blocks: int = ...,
        critics: int = ...,
        critic_hidden: Sequence[int] = ...,
        critic_norm: Literal["none", "layer", "batch"] = ...,
        critic_blocks: int = ...,
        dropout: float = ...,
        subset: int = ...,
        lr: float = ...,
        critic_lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        adam_beta1: float = ...,
        weight_decay: float = ...,
        target: Literal["slow", "none"] = ...,
        tau: float = ...,
        policy_delay: int = ...,
        shift: int = ...,
        normalize_return: bool = ...,
        reset_interval: int = ...,
        reduce: Literal["min", "mean"] = ...,
        alpha: float | None = ...,
        alpha_init: float = ...,
        target_entropy: float = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class DPO(Learner):
    """Direct preference optimisation: a policy that writes the answers that were judged better, without a reward model.

    Args:
        hidden: Widths of hidden layers after the transformer.
        activation: Non-linearity of the hidden layers.
        norm: layer: normalise what each hidden layer gives before the activation (LayerNorm), which steadies long
            training.
        layers: Blocks of the transformer that reads texts.
        width: Width of the transformer.
        heads: Heads of its attention.
        kv_heads: Heads of keys and values, each shared by as many query heads as there are to one; fewer write faster.
        feed_forward: Non-linearity of its perceptrons: relu2 (squared ReLU) or swiglu (gated).
        tied: One matrix for what tokens mean when they are read and when they are written (tied embeddings).
        kind: dpo compares sums over tokens; ipo asks for a difference of their means and no more; simpo needs no
            reference; kto compares each answer with the mean of all.
        beta: Factor of the log ratios: the larger, the nearer the policy stays to the one it began with.
        margin: By how much simpo wants a better answer to be worth more than the worse one.
        likelihood_coef: Weight of the better answers' mean -log pi per token, for preferences alone mostly make both
            answers rarer.
        minibatch: Answers per gradient step, in whole questions.
        optimizer: adam, or muon for the matrices of the transformer's blocks and adam for the rest. Muon needs torch
            2.9.
        lr: Step size.
        lr_schedule: linear, cosine: the step size falls to 0 at the end of the run.
        max_grad_norm: Global gradient norm above which gradients are scaled down.
        validation: Share of the questions whose comparisons are held out to measure accuracy on.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer"] = ...,
        layers: int = ...,
        width: int = ...,
        heads: int = ...,
        kv_heads: int = ...,
        feed_forward: Literal["relu2", "swiglu"] = ...,
        tied: bool = ...,
        kind: Literal["dpo", "ipo", "simpo", "kto"] = ...,
        beta: float = ...,
        margin: float = ...,
        likelihood_coef: float = ...,
        minibatch: int = ...,
        optimizer: Literal["adam", "muon"] = ...,
        lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        max_grad_norm: float = ...,
        validation: float = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class DQN(Learner):
    """Deep Q-learning, with each of its well-tested improvements as a field.

    Args:
        horizon: Steps per environment between updates.
        replay_ratio: Gradient steps per environment step, over all copies together; more learn more from each step, up
            to a point.
        minibatch: Transitions per gradient step.
        capacity: Transitions that the replay holds; the oldest are forgotten.
        learning_starts: Steps, with random actions, before the first gradient step.
        gamma: Discount per step.
        n_step: Rewards that are summed before bootstrapping; more spread rewards faster, off-policy ones less exactly.
        priority: Exponent of |TD error| in the probability of being replayed: 0 draws uniformly.
        beta: Exponent of the importance weights at the start; rises linearly to 1 at the end of the run.
        reward_sign: Learn from the sign of the reward alone (Atari); logged returns stay the environment's.
        replay_dir: Folder for a replay larger than the memory; none: in memory, saved with the run.
        hindsight: Learn as if a goal that the episode achieved, later, last or at any time, had been the desired one.
        relabelled: Share of the transitions drawn that get such a goal: k of them for each one that keeps its own is k
            / (k + 1).
        value_warmup: Gradient steps at the start in which only values learn: for a policy that is good already
            (init_from).
        sequence: Steps of a piece of experience that is learned from at once, where there is a memory: how far back
            gradients flow. Pieces overlap by half; `minibatch` is rounded to whole ones, at least one.
        burn_in: Steps before each of these pieces that bring what is remembered up to date, and of which nothing is
            learned.
        hidden: Widths of the hidden layers.
        activation: Non-linearity of the hidden layers.
        norm: layer: normalise what each hidden layer gives before the activation (LayerNorm), which steadies long
            training.
        twins: Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for
            the readable code alone.
        cnn: Encoder of images.
        bfloat16: Compute the encoder of images in bfloat16: several times faster on processors made for it, a little
            coarser.
        normalize_obs: Standardise observations by their running moments, clipped to +-10; of images only subtract the
            running mean.
        memory: Memory of the episode so far, between the encoder and the hidden layers: none, a recurrent cell (mingru
            is the fastest), or attention to the last `window` steps.
        memory_size: Width of the memory.
        window: Steps that attention sees, the present one among them.
        dueling: Separate last hidden layers for the state's value and the actions' advantages.
        noisy: Explore by learned noise in the weights; epsilon 0 then leaves the exploring to it.
        distribution: Learn the distribution of the return: none, categorical (C51) or quantile (QR).
        atoms: Numbers that describe a distribution.
        limits: Least and largest return of the categorical distribution.
        lr: Adam step size.
        lr_schedule: linear, cosine: the step size falls to 0 at the end of the run.
        adam_eps: Adam's epsilon; larger than usual damps steps where gradients are tiny.
        max_grad_norm: Global gradient norm above which gradients are scaled down.
        target_interval: Gradient steps between updates of the target network.
        tau: Share of the network that each of them takes over: 1 copies it; a small one, every step, follows smoothly.
        loss: Loss of the TD error; Huber's is linear beyond 1 and bears outliers. Distributions have losses of their
            own.
        epsilon_start: Probability of a random action at first.
        epsilon: Probability of a random action in the end.
        epsilon_fraction: Share of the run over which the first falls to the second, linearly.
        double: Let the network choose the best next action and the target network judge it: no bias towards lucky
            values.
        frames: Frames per observation, oldest first; above 1 the replay stores each frame once.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        horizon: int = ...,
        replay_ratio: float = ...,
        minibatch: int = ...,
        capacity: int = ...,
        learning_starts: int = ...,
        gamma: float = ...,
        n_step: int = ...,
        priority: float = ...,
        beta: float = ...,
        reward_sign: bool = ...,
        replay_dir: str | None = ...,
        hindsight: Literal["none", "future", "final", "episode"] = ...,
        relabelled: float = ...,
        value_warmup: int = ...,
        sequence: int = ...,
        burn_in: int = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer"] = ...,
        twins: Literal["auto", "none"] = ...,
        cnn: Literal["nature", "small", "impala"] = ...,
        bfloat16: bool = ...,
        normalize_obs: bool = ...,
        memory: Literal["none", "gru", "lstm", "mingru", "attention"] = ...,
        memory_size: int = ...,
        window: int = ...,
        dueling: bool = ...,
        noisy: bool = ...,
        distribution: Literal["none", "categorical", "quantile"] = ...,
        atoms: int = ...,
        limits: Sequence[float] = ...,
        lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        adam_eps: float = ...,
        max_grad_norm: float = ...,
        target_interval: int = ...,
        tau: float = ...,
        loss: Literal["huber", "squared"] = ...,
        epsilon_start: float = ...,
        epsilon: float = ...,
        epsilon_fraction: float = ...,
        double: bool = ...,
        frames: int = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class GRPO(Learner):
    """Group-relative policy optimisation, and every policy gradient on texts that needs no critic.

    Args:
        hidden: Widths of hidden layers after the transformer.
        activation: Non-linearity of the hidden layers.
        norm: layer: normalise what each hidden layer gives before the activation (LayerNorm), which steadies long
            training.
        layers: Blocks of the transformer that reads texts.
        width: Width of the transformer.
        heads: Heads of its attention.
        kv_heads: Heads of keys and values, each shared by as many query heads as there are to one; fewer write faster.
        feed_forward: Non-linearity of its perceptrons: relu2 (squared ReLU) or swiglu (gated).
        tied: One matrix for what tokens mean when they are read and when they are written (tied embeddings).
        group: Answers to each question; the environment must ask in such groups (--env.group).
        baseline: Subtracted from an answer's reward: the mean of the others to its question, that of all, or nothing.
        scale: Advantages are divided by the rewards' standard deviation in the group or in the batch, or by nothing.
        normalise: The sum over tokens is divided by the number of answers, by that of all tokens, or for each answer by
            its length (sequence), which favours short right answers and long wrong ones.
        clip: Largest fall of a token's probability ratio below 1 that still earns gradient.
        clip_high: Largest rise of it above 1 that does; more keeps rare tokens alive (DAPO).
        epochs: Passes over the answers of an update.
        minibatch: Tokens per gradient step, in whole answers; none: all.
        kl_coef: Penalty for each nat of divergence from the policy that the run began with.
        kl_in: Whether a token's log ratio is taken off its reward, so that earlier tokens answer for it too, which is
            the exact gradient of the divergence; or half its square is added to the loss.
        overlong: Answers that reach the limit without END: keep learns from them as from others, mask leaves them out.
        entropy_coef: Weight of the entropy bonus.
        optimizer: adam, or muon for the matrices of the transformer's blocks and adam for the rest. Muon needs torch
            2.9.
        lr: Step size; for millions of weights less.
        lr_schedule: linear, cosine: the step size falls to 0 at the end of the run.
        max_grad_norm: Global gradient norm above which gradients are scaled down.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer"] = ...,
        layers: int = ...,
        width: int = ...,
        heads: int = ...,
        kv_heads: int = ...,
        feed_forward: Literal["relu2", "swiglu"] = ...,
        tied: bool = ...,
        group: int = ...,
        baseline: Literal["leave_one_out", "mean", "none"] = ...,
        scale: Literal["none", "group", "batch"] = ...,
        normalise: Literal["constant", "tokens", "sequence"] = ...,
        clip: float = ...,
        clip_high: float = ...,
        epochs: int = ...,
        minibatch: int | None = ...,
        kl_coef: float = ...,
        kl_in: Literal["reward", "loss"] = ...,
        overlong: Literal["keep", "mask"] = ...,
        entropy_coef: float = ...,
        optimizer: Literal["adam", "muon"] = ...,
        lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        max_grad_norm: float = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class LM(Learner):
    """Language models: the likelihood of texts, to pretrain a policy that writes or to fine-tune it on worked answers.

    Args:
        hidden: Widths of hidden layers after the transformer.
        activation: Non-linearity of the hidden layers.
        norm: layer: normalise what each hidden layer gives before the activation (LayerNorm), which steadies long
            training.
        layers: Blocks of the transformer that reads texts.
        width: Width of the transformer.
        heads: Heads of its attention.
        kv_heads: Heads of keys and values, each shared by as many query heads as there are to one; fewer write faster.
        feed_forward: Non-linearity of its perceptrons: relu2 (squared ReLU) or swiglu (gated).
        tied: One matrix for what tokens mean when they are read and when they are written (tied embeddings).
        batch: Texts per gradient step.
        optimizer: adam, or muon for the matrices of the transformer's blocks and adam for the rest: steps that cost
            more and lead further. Muon needs torch 2.9.
        lr: Step size.
        lr_schedule: linear, cosine: the step size falls to 0 at the end of the run.
        warmup: Share of the run in which the step size rises to `lr`.
        weight_decay: Share of the step size by which weights shrink in each step (AdamW).
        max_grad_norm: Global gradient norm above which gradients are scaled down.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer"] = ...,
        layers: int = ...,
        width: int = ...,
        heads: int = ...,
        kv_heads: int = ...,
        feed_forward: Literal["relu2", "swiglu"] = ...,
        tied: bool = ...,
        batch: int = ...,
        optimizer: Literal["adam", "muon"] = ...,
        lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        warmup: float = ...,
        weight_decay: float = ...,
        max_grad_norm: float = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class PPO(Learner):
    """Proximal policy optimisation with a clipped surrogate, or with an adaptive KL penalty.

    Args:
        normalize_return: Divide rewards by the running standard deviation of the discounted return, clipped to +-10.
        reward_sign: Learn from the sign of the reward alone (Atari); logged returns stay the environment's.
        hidden: Widths of the hidden layers.
        activation: Non-linearity of the hidden layers.
        norm: layer: normalise what each hidden layer gives before the activation (LayerNorm), which steadies long
            training.
        twins: Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for
            the readable code alone.
        cnn: Encoder of images.
        bfloat16: Compute the encoder of images in bfloat16: several times faster on processors made for it, a little
            coarser.
        normalize_obs: Standardise observations by their running moments, clipped to +-10; of images only subtract the
            running mean.
        memory: Memory of the episode so far, between the encoder and the hidden layers: none, a recurrent cell (mingru
            is the fastest), or attention to the last `window` steps.
        memory_size: Width of the memory.
        window: Steps that attention sees, the present one among them.
        layers: Blocks of the transformer that reads texts.
        width: Width of the transformer.
        heads: Heads of its attention.
        kv_heads: Heads of keys and values, each shared by as many query heads as there are to one; fewer write faster.
        feed_forward: Non-linearity of its perceptrons: relu2 (squared ReLU) or swiglu (gated).
        tied: One matrix for what tokens mean when they are read and when they are written (tied embeddings).
        head: Distribution of Box actions: plain (one Gaussian), squashed (inside the bounds), mixture (several),
            autoregressive (bins, one component after another).
        components: Gaussians of a mixture.
        bins: Bins per component of autoregressive actions.
        scale_actions: Take a Box's bounds for -1 and 1, so that a policy begins in its middle and reaches all of it;
            false: numbers as they are. Heads squashed and autoregressive always do; bounds of -1 and 1, or none, change
            nothing.
        orthogonal_init: Orthogonal initial weights; false: torch's default.
        policy_gain: Scale of the policy's last layer at the start (with orthogonal_init); small starts near-uniform.
        log_std_init: Initial logarithm of the standard deviation of continuous actions (of `scale_actions`: in half
            widths).
        sde: State-dependent exploration of continuous actions (arXiv:2005.05719) instead of independent noise.
        sde_freq: Steps after which state-dependent noise is drawn anew; none: once per rollout.
        chunk: Steps of a piece of a rollout that gradients flow back through, where there is a memory; the next piece
            goes on from what was remembered then. None: the whole rollout.
        shared: One set of hidden layers for policy and value; their gradients then need balancing by `value_coef`.
        shared_memory: One memory for policy and value, which takes half the time; false: one for each, so that large
            returns do not drown what the policy has to remember. With `shared` hidden layers there is always one.
        horizon: Steps per environment between updates.
        epochs: Passes over each rollout; more squeeze out more and drift further from the policy that acted.
        minibatch: Steps per gradient step.
        lr: Adam step size.
        lr_schedule: linear, cosine: the step size falls to 0 at the end of the run.
        adam_eps: Adam's epsilon; larger than usual damps steps where gradients are tiny.
        max_grad_norm: Global gradient norm above which gradients are scaled down.
        gamma: Discount per step.
        lam: GAE lambda: 0 is one-step TD, 1 is Monte Carlo; higher means less bias, more variance.
        clip: Largest change of the probability ratio that still earns gradient.
        clip_schedule: linear, cosine: the clip range falls to 0 at the end of the run.
        kl_penalty: Penalty for each nat of KL(old || new) in place of the clip. It doubles or halves after each update
            so that the policy moves by about `kl_goal`; this is its first value. None: the clip.
        kl_goal: KL divergence of an update that the penalty is adapted to, in nats.
        value_clip: Largest change of a value prediction that earns gradient (the larger of both losses counts); none:
            no limit.
        target_kl: Stop the update's epochs once the policy has moved 1.5 times this KL divergence, in nats.
        value_coef: Weight of the mean squared value error.
        entropy_coef: Weight of the entropy bonus; higher keeps the policy exploring.
        normalize_advantage: Bring advantages to mean 0 and standard deviation 1 in each minibatch.
        recompute_advantage: Recompute values and advantages with the current network before every epoch after the
            first.
        compile: Compile the loss (torch.compile): faster gradient steps after a minute of compiling; needs a C++
            compiler.
        value_warmup: Updates at the start in which only the value function learns: for a policy that is good already
            (init_from).
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        normalize_return: bool = ...,
        reward_sign: bool = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer"] = ...,
        twins: Literal["auto", "none"] = ...,
        cnn: Literal["nature", "small", "impala"] = ...,
        bfloat16: bool = ...,
        normalize_obs: bool = ...,
        memory: Literal["none", "gru", "lstm", "mingru", "attention"] = ...,
        memory_size: int = ...,
        window: int = ...,
        layers: int = ...,
        width: int = ...,
        heads: int = ...,
        kv_heads: int = ...,
        feed_forward: Literal["relu2", "swiglu"] = ...,
        tied: bool = ...,
        head: Literal["plain", "squashed", "mixture", "autoregressive"] = ...,
        components: int = ...,
        bins: int = ...,
        scale_actions: bool = ...,
        orthogonal_init: bool = ...,
        policy_gain: float = ...,
        log_std_init: float = ...,
        sde: bool = ...,
        sde_freq: int | None = ...,
        chunk: int | None = ...,
        shared: bool = ...,
        shared_memory: bool = ...,
        horizon: int = ...,
        epochs: int = ...,
        minibatch: int = ...,
        lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        adam_eps: float = ...,
        max_grad_norm: float = ...,
        gamma: float = ...,
        lam: float = ...,
        clip: float = ...,
        clip_schedule: Literal["constant", "linear", "cosine"] = ...,
        kl_penalty: float | None = ...,
        kl_goal: float = ...,
        value_clip: float | None = ...,
        target_kl: float | None = ...,
        value_coef: float = ...,
        entropy_coef: float = ...,
        normalize_advantage: bool = ...,
        recompute_advantage: bool = ...,
        compile: bool = ...,
        value_warmup: int = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class REINFORCE(Learner):
    """REINFORCE: the Monte Carlo policy gradient, from whole episodes.

    Args:
        hidden: Widths of the hidden layers.
        activation: Non-linearity of the hidden layers.
        norm: layer: normalise what each hidden layer gives before the activation (LayerNorm), which steadies long
            training.
        twins: Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for
            the readable code alone.
        cnn: Encoder of images.
        bfloat16: Compute the encoder of images in bfloat16: several times faster on processors made for it, a little
            coarser.
        normalize_obs: Standardise observations by their running moments, clipped to +-10; of images only subtract the
            running mean.
        memory: Memory of the episode so far, between the encoder and the hidden layers: none, a recurrent cell (mingru
            is the fastest), or attention to the last `window` steps.
        memory_size: Width of the memory.
        window: Steps that attention sees, the present one among them.
        layers: Blocks of the transformer that reads texts.
        width: Width of the transformer.
        heads: Heads of its attention.
        kv_heads: Heads of keys and values, each shared by as many query heads as there are to one; fewer write faster.
        feed_forward: Non-linearity of its perceptrons: relu2 (squared ReLU) or swiglu (gated).
        tied: One matrix for what tokens mean when they are read and when they are written (tied embeddings).
        head: Distribution of Box actions: plain (one Gaussian), squashed (inside the bounds), mixture (several),
            autoregressive (bins, one component after another).
        components: Gaussians of a mixture.
        bins: Bins per component of autoregressive actions.
        scale_actions: Take a Box's bounds for -1 and 1, so that a policy begins in its middle and reaches all of it;
            false: numbers as they are. Heads squashed and autoregressive always do; bounds of -1 and 1, or none, change
            nothing.
        orthogonal_init: Orthogonal initial weights; false: torch's default.
        policy_gain: Scale of the policy's last layer at the start (with orthogonal_init); small starts near-uniform.
        log_std_init: Initial logarithm of the standard deviation of continuous actions (of `scale_actions`: in half
            widths).
        sde: State-dependent exploration of continuous actions (arXiv:2005.05719) instead of independent noise.
        sde_freq: Steps after which state-dependent noise is drawn anew; none: once per rollout.
        chunk: Steps of a piece of a rollout that gradients flow back through, where there is a memory; the next piece
            goes on from what was remembered then. None: the whole rollout.
        episodes: Whole episodes per environment between updates.
        weight: Credit of an action: the episode's whole discounted return; the rewards from then on, discounted from
            then on; or these times gamma^t, the exact gradient of the discounted return, in which late actions hardly
            count.
        baseline: Baseline subtracted to lower the variance: none; the mean of the batch; its mean at the same time
            step; that of the other episodes; the constant of least variance for each weight of the network, from the
            others too; a regression on observations and time; a value network. Only `mean` and `time` are biased: they
            shrink the gradient of whole returns by 1 - 1/N and turn that of rewards to go, and a step that one episode
            alone reaches gets none of `time`.
        epochs: Gradient steps per update; from the second on the episodes are those of an older policy, see `reuse`.
        past_updates: Earlier updates whose episodes are learned from once more in every update, see `reuse`.
        reuse: Importance weights for an older policy's episodes: the ratio of whole trajectories (unbiased, wild); of
            each reward's past (unbiased, less so); of the action alone (biased, steady).
        clip: Largest deviation from 1 of the ratios of `first_order`; none: no limit.
        lr: Adam step size of the policy.
        lr_schedule: linear, cosine: both step sizes fall to 0 at the end of the run.
        max_grad_norm: Gradient norm of the policy above which gradients are scaled down; none: no limit.
        value_lr: Adam step size of the value network.
        value_epochs: Gradient steps of the value network per update.
        gamma: Discount per step.
        entropy_coef: Reward for each nat of entropy in each step; higher keeps the policy exploring.
        standardize_return: Standardise returns by the running moments of earlier ones; their mean is a baseline by
            itself.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer"] = ...,
        twins: Literal["auto", "none"] = ...,
        cnn: Literal["nature", "small", "impala"] = ...,
        bfloat16: bool = ...,
        normalize_obs: bool = ...,
        memory: Literal["none", "gru", "lstm", "mingru", "attention"] = ...,
        memory_size: int = ...,
        window: int = ...,
        layers: int = ...,
        width: int = ...,
        heads: int = ...,
        kv_heads: int = ...,
        feed_forward: Literal["relu2", "swiglu"] = ...,
        tied: bool = ...,
        head: Literal["plain", "squashed", "mixture", "autoregressive"] = ...,
        components: int = ...,
        bins: int = ...,
        scale_actions: bool = ...,
        orthogonal_init: bool = ...,
        policy_gain: float = ...,
        log_std_init: float = ...,
        sde: bool = ...,
        sde_freq: int | None = ...,
        chunk: int | None = ...,
        episodes: int = ...,
        weight: Literal["whole", "to_go", "discounted_to_go"] = ...,
        baseline: Literal["none", "mean", "time", "leave_one_out", "optimal", "linear", "value"] = ...,
        epochs: int = ...,
        past_updates: int = ...,
        reuse: Literal["trajectory", "per_decision", "first_order"] = ...,
        clip: float | None = ...,
        lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        max_grad_norm: float | None = ...,
        value_lr: float = ...,
        value_epochs: int = ...,
        gamma: float = ...,
        entropy_coef: float = ...,
        standardize_return: bool = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class RewardModel(Learner):
    """Reward models: what an answer is worth, learned from which of two was judged better.

    Args:
        hidden: Widths of hidden layers after the transformer.
        activation: Non-linearity of the hidden layers.
        norm: layer: normalise what each hidden layer gives before the activation (LayerNorm), which steadies long
            training.
        layers: Blocks of the transformer that reads texts.
        width: Width of the transformer.
        heads: Heads of its attention.
        kv_heads: Heads of keys and values, each shared by as many query heads as there are to one; fewer write faster.
        feed_forward: Non-linearity of its perceptrons: relu2 (squared ReLU) or swiglu (gated).
        tied: One matrix for what tokens mean when they are read and when they are written (tied embeddings).
        minibatch: Answers per gradient step, in whole questions.
        optimizer: adam, or muon for the matrices of the transformer's blocks and adam for the rest. Muon needs torch
            2.9.
        lr: Step size.
        lr_schedule: linear, cosine: the step size falls to 0 at the end of the run.
        weight_decay: Share of the step size by which weights shrink in each step (AdamW).
        max_grad_norm: Global gradient norm above which gradients are scaled down.
        error: Share of the judgements that are taken to be wrong by chance, so that scores of the rest do not grow for
            ever.
        validation: Share of the questions whose comparisons are held out to measure accuracy on.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer"] = ...,
        layers: int = ...,
        width: int = ...,
        heads: int = ...,
        kv_heads: int = ...,
        feed_forward: Literal["relu2", "swiglu"] = ...,
        tied: bool = ...,
        minibatch: int = ...,
        optimizer: Literal["adam", "muon"] = ...,
        lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        weight_decay: float = ...,
        max_grad_norm: float = ...,
        error: float = ...,
        validation: float = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class SAC(Learner):
    """Soft actor-critic, with the ensembles, quantiles and regularised critics that were built on it.

    Args:
        horizon: Steps per environment between updates.
        replay_ratio: Gradient steps per environment step, over all copies together; more learn more from each step, up
            to a point.
        minibatch: Transitions per gradient step.
        capacity: Transitions that the replay holds; the oldest are forgotten.
        learning_starts: Steps, with random actions, before the first gradient step.
        gamma: Discount per step.
        n_step: Rewards that are summed before bootstrapping; more spread rewards faster, off-policy ones less exactly.
        priority: Exponent of |TD error| in the probability of being replayed: 0 draws uniformly.
        beta: Exponent of the importance weights at the start; rises linearly to 1 at the end of the run.
        reward_sign: Learn from the sign of the reward alone (Atari); logged returns stay the environment's.
        replay_dir: Folder for a replay larger than the memory; none: in memory, saved with the run.
        hindsight: Learn as if a goal that the episode achieved, later, last or at any time, had been the desired one.
        relabelled: Share of the transitions drawn that get such a goal: k of them for each one that keeps its own is k
            / (k + 1).
        value_warmup: Gradient steps at the start in which only values learn: for a policy that is good already
            (init_from).
        sequence: Steps of a piece of experience that is learned from at once, where there is a memory: how far back
            gradients flow. Pieces overlap by half; `minibatch` is rounded to whole ones, at least one.
        burn_in: Steps before each of these pieces that bring what is remembered up to date, and of which nothing is
            learned.
        hidden: Widths of the policy's hidden layers.
        activation: Non-linearity of the hidden layers, of policy and critics.
        norm: In the policy: layer normalises what each hidden layer gives before the activation, batch what each layer
            sees (BatchRenorm, CrossQ).
        twins: Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for
            the readable code alone.
        cnn: Encoder of images.
        bfloat16: Compute the encoder of images in bfloat16: several times faster on processors made for it, a little
            coarser.
        normalize_obs: Standardise observations by their running moments, clipped to +-10; of images only subtract the
            running mean.
        memory: Memory of the episode so far, between the encoder and the hidden layers: none, a recurrent cell (mingru
            is the fastest), or attention to the last `window` steps.
        memory_size: Width of the memory.
        window: Steps that attention sees, the present one among them.
        blocks: Residual blocks of the policy, all of the one width in `hidden` (SimBa); 0: a perceptron.
        critics: Critics that are learned side by side.
        critic_hidden: Widths of each critic's hidden layers.
        critic_norm: In the critics: layer normalises what each hidden layer gives before the activation, batch what
            each layer sees, by the moments of the states and actions of a batch and of those that follow (BatchRenorm,
            CrossQ).
        critic_blocks: Residual blocks of each critic, all of the one width in `critic_hidden` (SimBa); 0: a perceptron.
        dropout: Share of the critics' hidden features that are dropped at random while they learn (DroQ).
        quantiles: Equally likely returns that each critic gives; 1: their mean alone, Q(s, a).
        subset: Critics, drawn anew for each gradient step, that make the target (REDQ); 0: all of them.
        lr: Adam step size of the policy and the temperature.
        critic_lr: Adam step size of the critics.
        lr_schedule: linear, cosine: the step sizes fall to 0 at the end of the run.
        adam_beta1: Share of Adam's mean of the gradients, of policy and critics, that stays at each step.
        weight_decay: Share of the step size by which the weights of policy and critics shrink at each step (AdamW).
        target: Networks that targets are made with: slow copies, or none but those that learn (CrossQ).
        tau: Share of the networks that their slow copies take over.
        policy_delay: Gradient steps of the critics for each one of the policy and the temperature.
        shift: Pixels by which images are moved at random, at most, where they are learned from (DrQ); 0: not at all.
        normalize_return: Learn from rewards in units of the running deviation of the discounted return; the replay
            keeps them as they are.
        reset_interval: Gradient steps after which networks and optimisers begin anew, while the replay stays; 0: never.
        drop: Quantiles per critic, the largest of all critics together, that are left out of targets (TQC).
        noise_color: Noise of actions that explore: white is independent from step to step; pink (power 1/f) and red (an
            Ornstein-Uhlenbeck process) go on through an episode, with the same deviation at each step.
        reduce: How the policy weighs the critics: it maximises the least of them, or their mean.
        alpha: Temperature, the worth of a nat of entropy; none: learned, so that the entropy stays at the target.
        alpha_init: Temperature that learning starts from.
        target_entropy: Entropy in nats, of actions in the box [-1, 1]; none: -1 for each of their dimensions.
        sde: State-dependent exploration (arXiv:2005.05719): noise that is a function of the state, for several steps.
        sde_freq: Steps after which such a function is drawn anew, as it is for every episode; none: for these alone.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        horizon: int = ...,
        replay_ratio: float = ...,
        minibatch: int = ...,
        capacity: int = ...,
        learning_starts: int = ...,
        gamma: float = ...,
        n_step: int = ...,
        priority: float = ...,
        beta: float = ...,
        reward_sign: bool = ...,
        replay_dir: str | None = ...,
        hindsight: Literal["none", "future", "final", "episode"] = ...,
        relabelled: float = ...,
        value_warmup: int = ...,
        sequence: int = ...,
        burn_in: int = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer", "batch"] = ...,
        twins: Literal["auto", "none"] = ...,
        cnn: Literal["nature", "small", "impala"] = ...,
        bfloat16: bool = ...,
        normalize_obs: bool = ...,
        memory: Literal["none", "gru", "lstm", "mingru", "attention"] = ...,
        memory_size: int = ...,
        window: int = ...,
        blocks: int = ...,
        critics: int = ...,
        critic_hidden: Sequence[int] = ...,
        critic_norm: Literal["none", "layer", "batch"] = ...,
        critic_blocks: int = ...,
        dropout: float = ...,
        quantiles: int = ...,
        subset: int = ...,
        lr: float = ...,
        critic_lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        adam_beta1: float = ...,
        weight_decay: float = ...,
        target: Literal["slow", "none"] = ...,
        tau: float = ...,
        policy_delay: int = ...,
        shift: int = ...,
        normalize_return: bool = ...,
        reset_interval: int = ...,
        drop: int = ...,
        noise_color: Literal["white", "pink", "red"] = ...,
        reduce: Literal["min", "mean"] = ...,
        alpha: float | None = ...,
        alpha_init: float = ...,
        target_entropy: float | None = ...,
        sde: bool = ...,
        sde_freq: int | None = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class Tabular(Learner):
    """Learning on a table of action values: Q-learning, double Q-learning, SARSA, Monte Carlo control; and planning.

    Args:
        method: q learns the best policy while exploring; double_q without its bias; sarsa and monte_carlo the one that
            acts.
        horizon: Steps per environment between updates, which are made one by one; monte_carlo: whole episodes of each.
        lr: Step size at the first visit of a state and action: the share of each surprise that is believed.
        lr_decay: It falls with the visits to this power: 0 keeps it, 1 averages over all (Even-Dar & Mansour 2003: 0.5
            to 1).
        gamma: Discount per step.
        epsilon_start: Probability of a random action at first.
        epsilon: Probability of a random action in the end.
        epsilon_fraction: Share of the run over which the first falls to the second, linearly.
        initial: Value of everything at first; higher than anything real makes the agent try it all.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        method: Literal["q", "double_q", "sarsa", "monte_carlo"] = ...,
        horizon: int = ...,
        lr: float = ...,
        lr_decay: float = ...,
        gamma: float = ...,
        epsilon_start: float = ...,
        epsilon: float = ...,
        epsilon_fraction: float = ...,
        initial: float = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class TD3(Learner):
    """Twin delayed deep deterministic policy gradient (TD3), and what turns it back into DDPG.

    Args:
        horizon: Steps per environment between updates.
        replay_ratio: Gradient steps per environment step, over all copies together; more learn more from each step, up
            to a point.
        minibatch: Transitions per gradient step.
        capacity: Transitions that the replay holds; the oldest are forgotten.
        learning_starts: Steps, with random actions, before the first gradient step.
        gamma: Discount per step.
        n_step: Rewards that are summed before bootstrapping; more spread rewards faster, off-policy ones less exactly.
        priority: Exponent of |TD error| in the probability of being replayed: 0 draws uniformly.
        beta: Exponent of the importance weights at the start; rises linearly to 1 at the end of the run.
        reward_sign: Learn from the sign of the reward alone (Atari); logged returns stay the environment's.
        replay_dir: Folder for a replay larger than the memory; none: in memory, saved with the run.
        hindsight: Learn as if a goal that the episode achieved, later, last or at any time, had been the desired one.
        relabelled: Share of the transitions drawn that get such a goal: k of them for each one that keeps its own is k
            / (k + 1).
        value_warmup: Gradient steps at the start in which only values learn: for a policy that is good already
            (init_from).
        sequence: Steps of a piece of experience that is learned from at once, where there is a memory: how far back
            gradients flow. Pieces overlap by half; `minibatch` is rounded to whole ones, at least one.
        burn_in: Steps before each of these pieces that bring what is remembered up to date, and of which nothing is
            learned.
        hidden: Widths of the policy's hidden layers.
        activation: Non-linearity of the hidden layers, of policy and critics.
        norm: In the policy: layer normalises what each hidden layer gives before the activation, batch what each layer
            sees (BatchRenorm, CrossQ).
        twins: Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for
            the readable code alone.
        cnn: Encoder of images.
        bfloat16: Compute the encoder of images in bfloat16: several times faster on processors made for it, a little
            coarser.
        normalize_obs: Standardise observations by their running moments, clipped to +-10; of images only subtract the
            running mean.
        memory: Memory of the episode so far, between the encoder and the hidden layers: none, a recurrent cell (mingru
            is the fastest), or attention to the last `window` steps.
        memory_size: Width of the memory.
        window: Steps that attention sees, the present one among them.
        blocks: Residual blocks of the policy, all of the one width in `hidden` (SimBa); 0: a perceptron.
        critics: Critics that are learned side by side.
        critic_hidden: Widths of each critic's hidden layers.
        critic_norm: In the critics: layer normalises what each hidden layer gives before the activation, batch what
            each layer sees, by the moments of the states and actions of a batch and of those that follow (BatchRenorm,
            CrossQ).
        critic_blocks: Residual blocks of each critic, all of the one width in `critic_hidden` (SimBa); 0: a perceptron.
        dropout: Share of the critics' hidden features that are dropped at random while they learn (DroQ).
        quantiles: Equally likely returns that each critic gives; 1: their mean alone, Q(s, a).
        subset: Critics, drawn anew for each gradient step, that make the target (REDQ); 0: all of them.
        lr: Adam step size of the policy.
        critic_lr: Adam step size of the critics.
        lr_schedule: linear, cosine: the step sizes fall to 0 at the end of the run.
        adam_beta1: Share of Adam's mean of the gradients, of policy and critics, that stays at each step.
        weight_decay: Share of the step size by which the weights of policy and critics shrink at each step (AdamW).
        target: Networks that targets are made with: slow copies, or none but those that learn (CrossQ).
        tau: Share of the networks that their slow copies take over.
        policy_delay: Gradient steps of the critics for each one of the policy and the slow copies.
        shift: Pixels by which images are moved at random, at most, where they are learned from (DrQ); 0: not at all.
        normalize_return: Learn from rewards in units of the running deviation of the discounted return; the replay
            keeps them as they are.
        reset_interval: Gradient steps after which networks and optimisers begin anew, while the replay stays; 0: never.
        drop: Quantiles per critic, the largest of all critics together, that are left out of targets (TQC).
        noise_color: Noise of actions that explore: white is independent from step to step; pink (power 1/f) and red (an
            Ornstein-Uhlenbeck process) go on through an episode, with the same deviation at each step.
        noise: Standard deviation of the noise on actions that explore, in units of the box.
        smoothing: Standard deviation of the noise on the actions of targets, in units of the box; 0: none.
        smoothing_clip: Bound of that noise.
        reduce: How the policy weighs the critics: it climbs the first, the least of them, or their mean.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        horizon: int = ...,
        replay_ratio: float = ...,
        minibatch: int = ...,
        capacity: int = ...,
        learning_starts: int = ...,
        gamma: float = ...,
        n_step: int = ...,
        priority: float = ...,
        beta: float = ...,
        reward_sign: bool = ...,
        replay_dir: str | None = ...,
        hindsight: Literal["none", "future", "final", "episode"] = ...,
        relabelled: float = ...,
        value_warmup: int = ...,
        sequence: int = ...,
        burn_in: int = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer", "batch"] = ...,
        twins: Literal["auto", "none"] = ...,
        cnn: Literal["nature", "small", "impala"] = ...,
        bfloat16: bool = ...,
        normalize_obs: bool = ...,
        memory: Literal["none", "gru", "lstm", "mingru", "attention"] = ...,
        memory_size: int = ...,
        window: int = ...,
        blocks: int = ...,
        critics: int = ...,
        critic_hidden: Sequence[int] = ...,
        critic_norm: Literal["none", "layer", "batch"] = ...,
        critic_blocks: int = ...,
        dropout: float = ...,
        quantiles: int = ...,
        subset: int = ...,
        lr: float = ...,
        critic_lr: float = ...,
        lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        adam_beta1: float = ...,
        weight_decay: float = ...,
        target: Literal["slow", "none"] = ...,
        tau: float = ...,
        policy_delay: int = ...,
        shift: int = ...,
        normalize_return: bool = ...,
        reset_interval: int = ...,
        drop: int = ...,
        noise_color: Literal["white", "pink", "red"] = ...,
        noise: float = ...,
        smoothing: float = ...,
        smoothing_clip: float = ...,
        reduce: Literal["first", "min", "mean"] = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...

class TRPO(Learner):
    """Trust region policy optimisation, and the natural policy gradient it grew from.

    Args:
        normalize_return: Divide rewards by the running standard deviation of the discounted return, clipped to +-10.
        reward_sign: Learn from the sign of the reward alone (Atari); logged returns stay the environment's.
        hidden: Widths of the hidden layers.
        activation: Non-linearity of the hidden layers.
        norm: layer: normalise what each hidden layer gives before the activation (LayerNorm), which steadies long
            training.
        twins: Use compiled or written-out twins: auto where one computes exactly what the readable code says, none for
            the readable code alone.
        cnn: Encoder of images.
        bfloat16: Compute the encoder of images in bfloat16: several times faster on processors made for it, a little
            coarser.
        normalize_obs: Standardise observations by their running moments, clipped to +-10; of images only subtract the
            running mean.
        memory: Memory of the episode so far, between the encoder and the hidden layers: none, a recurrent cell (mingru
            is the fastest), or attention to the last `window` steps.
        memory_size: Width of the memory.
        window: Steps that attention sees, the present one among them.
        layers: Blocks of the transformer that reads texts.
        width: Width of the transformer.
        heads: Heads of its attention.
        kv_heads: Heads of keys and values, each shared by as many query heads as there are to one; fewer write faster.
        feed_forward: Non-linearity of its perceptrons: relu2 (squared ReLU) or swiglu (gated).
        tied: One matrix for what tokens mean when they are read and when they are written (tied embeddings).
        head: Distribution of Box actions: plain (one Gaussian), squashed (inside the bounds), mixture (several),
            autoregressive (bins, one component after another).
        components: Gaussians of a mixture.
        bins: Bins per component of autoregressive actions.
        scale_actions: Take a Box's bounds for -1 and 1, so that a policy begins in its middle and reaches all of it;
            false: numbers as they are. Heads squashed and autoregressive always do; bounds of -1 and 1, or none, change
            nothing.
        orthogonal_init: Orthogonal initial weights; false: torch's default.
        policy_gain: Scale of the policy's last layer at the start (with orthogonal_init); small starts near-uniform.
        log_std_init: Initial logarithm of the standard deviation of continuous actions (of `scale_actions`: in half
            widths).
        sde: State-dependent exploration of continuous actions (arXiv:2005.05719) instead of independent noise.
        sde_freq: Steps after which state-dependent noise is drawn anew; none: once per rollout.
        chunk: Steps of a piece of a rollout that gradients flow back through, where there is a memory; the next piece
            goes on from what was remembered then. None: the whole rollout.
        horizon: Steps per environment between updates.
        gamma: Discount per step.
        lam: GAE lambda: 0 is one-step TD, 1 is Monte Carlo; higher means less bias, more variance.
        delta: Radius of the trust region: largest mean KL divergence KL(old || new) of an update, in nats.
        cg_iterations: Iterations of conjugate gradients; more come closer to the natural gradient.
        damping: Added to the Fisher matrix's diagonal; higher steadies the solution and leans towards the plain
            gradient.
        fisher_fraction: Share of the rollout's states, drawn at random, that the Fisher matrix is estimated from; less
            is faster.
        line_search_steps: Steps tried, each shorter, before an update is given up; 0 takes the first unseen.
        backtrack: Factor from one tried step to the next.
        critic_epochs: Passes of the critic over each rollout.
        critic_minibatch: Steps per gradient step of the critic.
        critic_lr: Adam step size of the critic.
        critic_lr_schedule: linear, cosine: the critic's step size falls to 0 at the end of the run.
        preset: a table of the preset file, "none", "auto" (the one for this environment), or a file, FILE.toml.
        agent: fields of the Config in a mapping, also those that a field of `Run` hides.
        steps, num_envs, seed, ...: fields of `gymnast.Run`.
    """

    def __init__(
        self,
        env: Any,
        *,
        preset: str = ...,
        agent: Mapping[str, Any] | None = ...,
        normalize_return: bool = ...,
        reward_sign: bool = ...,
        hidden: Sequence[int] = ...,
        activation: Literal["tanh", "relu", "gelu", "silu", "elu"] = ...,
        norm: Literal["none", "layer"] = ...,
        twins: Literal["auto", "none"] = ...,
        cnn: Literal["nature", "small", "impala"] = ...,
        bfloat16: bool = ...,
        normalize_obs: bool = ...,
        memory: Literal["none", "gru", "lstm", "mingru", "attention"] = ...,
        memory_size: int = ...,
        window: int = ...,
        layers: int = ...,
        width: int = ...,
        heads: int = ...,
        kv_heads: int = ...,
        feed_forward: Literal["relu2", "swiglu"] = ...,
        tied: bool = ...,
        head: Literal["plain", "squashed", "mixture", "autoregressive"] = ...,
        components: int = ...,
        bins: int = ...,
        scale_actions: bool = ...,
        orthogonal_init: bool = ...,
        policy_gain: float = ...,
        log_std_init: float = ...,
        sde: bool = ...,
        sde_freq: int | None = ...,
        chunk: int | None = ...,
        horizon: int = ...,
        gamma: float = ...,
        lam: float = ...,
        delta: float = ...,
        cg_iterations: int = ...,
        damping: float = ...,
        fisher_fraction: float = ...,
        line_search_steps: int = ...,
        backtrack: float = ...,
        critic_epochs: int = ...,
        critic_minibatch: int = ...,
        critic_lr: float = ...,
        critic_lr_schedule: Literal["constant", "linear", "cosine"] = ...,
        steps: int = ...,
        num_envs: int = ...,
        seed: int = ...,
        device: str = ...,
        backend: str = ...,
        env_args: dict[str, Any] = ...,
        eval_args: dict[str, Any] = ...,
        wrappers: Sequence[Any] = ...,
        history: int = ...,
        demos: str | None = ...,
        demo_episodes: int | None = ...,
        expert: str | None = ...,
        net: str | Callable[..., Any] | None = ...,
        init_from: str | None = ...,
        reward: str | None = ...,
        evals: int = ...,
        eval_episodes: int = ...,
        eval_steps: int = ...,
        eval_copies: int = ...,
        worker_timeout: float = ...,
        trust: bool = ...,
    ) -> None: ...
