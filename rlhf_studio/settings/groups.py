"""Settings that belong together, for forms that fold them."""

from collections.abc import Iterable, Mapping

from rlhf_studio.settings.base import Option

MORE = "More"  # of settings that stand nowhere below

FIELD_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Length and batches": (
        "steps",
        "epochs",
        "batch_size",
        "minibatch_size",
        "max_rankings",
        "max_length",
        "replay",
        "pair_batches",
        "max_new_tokens",
        "packing",
    ),
    "Learning rate and dropout": ("learning_rate", "value_learning_rate", "final_rate", "warmup_steps", "dropout"),
    "KL to the start": ("start", "kl_coef", "kl_target", "kl_horizon", "kl_stop", "best_kl"),
    "Pretraining text": ("pretraining_share", "ptx_coef", "ptx_ratio", "ptx_window", "ptx_norm_ratio"),
    "Scores and rewards": (
        "reward_source",
        "watching",
        "script_scale",
        "whiten_rewards",
        "score_clip",
        "missing_eos_penalty",
        "tie_divisor",
        "center",
        "head_seed",
    ),
    "Advantages and clipping": ("gamma", "lam", "whiten_advantages", "clip", "value_clip"),
    "Optimizer": ("max_grad_norm", "adam_beta1", "adam_beta2", "adam_epsilon", "weight_decay", "ema_decay"),
    "What is watched": ("alarm", "probe_every", "rollout_every"),
    "What is kept": (
        "choose_by",
        "checkpoint_seconds",
        "keep_checkpoints",
        "keep_best",
        "checkpoint_steps",
        "fork_points",
    ),
    "This machine": ("seed", "device", "precision", "threads", "micro_batch"),
}


def group_of(name: str) -> str:
    """The group of a setting; ``MORE`` where it has none."""
    return next((title for title, names in FIELD_GROUPS.items() if name in names), MORE)


def grouped(options: Iterable[Option]) -> dict[str, list[Option]]:
    """Settings by group, groups without any left out, each in the order of its declaration."""
    found: dict[str, list[Option]] = {title: [] for title in (*FIELD_GROUPS, MORE)}
    for option in options:
        found[group_of(option.name)].append(option)
    return {title: rows for title, rows in found.items() if rows}
