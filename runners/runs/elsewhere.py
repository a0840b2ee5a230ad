"""Names of settings in Stable-Baselines3, for those who come from there."""

from collections.abc import Collection

from ...core.errors import nearest

ELSEWHERE = {
    "action_noise": ("noise",),
    "activation_fn": ("activation",),
    "batch_size": ("minibatch", "critic_minibatch"),
    "buffer_size": ("capacity",),
    "cg_damping": ("damping",),
    "cg_max_steps": ("cg_iterations",),
    "clip_range": ("clip",),
    "clip_range_vf": ("value_clip",),
    "ent_coef": ("entropy_coef", "alpha"),
    "exploration_final_eps": ("epsilon",),
    "exploration_fraction": ("epsilon_fraction",),
    "exploration_initial_eps": ("epsilon_start",),
    "gae_lambda": ("lam",),
    "gradient_steps": ("replay_ratio",),
    "learning_rate": ("lr", "critic_lr"),
    "line_search_max_iter": ("line_search_steps",),
    "line_search_shrinking_factor": ("backtrack",),
    "n_critic_updates": ("critic_epochs",),
    "n_envs": ("num_envs",),
    "n_epochs": ("epochs",),
    "n_steps": ("n_step", "horizon"),
    "net_arch": ("hidden",),
    "ortho_init": ("orthogonal_init",),
    "sde_sample_freq": ("sde_freq",),
    "target_kl": ("delta",),
    "target_noise_clip": ("smoothing_clip",),
    "target_policy_noise": ("smoothing",),
    "target_update_interval": ("target_interval",),
    "total_timesteps": ("steps",),
    "train_freq": ("horizon",),
    "use_sde": ("sde",),
    "vf_coef": ("value_coef",),
}
"""Their names here: the first of these that an algorithm has."""


def counterpart(name: str, known: Collection[str]) -> str | None:
    """The `known` setting that Stable-Baselines3 calls `name`, None if there is none; any other name as it is."""
    return next((ours for ours in ELSEWHERE[name] if ours in known), None) if name in ELSEWHERE else name


def meant(name: str, known: Collection[str]) -> str:
    """' Did you mean X?' for the known setting that is called `name` elsewhere, or nearly; '' for none."""
    ours = counterpart(name, known)
    return "" if ours is None else nearest(ours, known)
