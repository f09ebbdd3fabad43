"""The loop: rankings in, and at once what they change (not in the paper, which trains each stage once)."""

from rlhf_studio.settings.base import StageSettings, option


class LoopSettings(StageSettings):
    """Refit the reward model, go on with PPO, and answer the same prompts again; all else is as in the runs before."""

    refit_epochs: int = option(
        8,
        "Refit passes",
        "Passes over the new rankings and the replayed ones, at most.",
        unit="passes",
        ge=1,
        le=100,
    )
    refit_updates: int = option(
        24,
        "Refit updates",
        "Fewer passes are made where they would take more updates than this, but one in any case: so many rankings at "
        "once do not take the longer for it.",
        unit="updates",
        ge=1,
        le=100_000,
    )
    refit_rate: float = option(
        5e-4, "Refit learning rate", "Peak of the reward model's cosine while it is refitted.", simple=True, gt=0, le=1
    )
    replay: int = option(
        1,
        "Replay",
        "Old rankings, drawn by the seed, that are learned from beside each new one, so that they are not forgotten.",
        unit="rankings per new one",
        simple=True,
        ge=0,
        le=1000,
    )
    ppo_steps: int = option(
        8,
        "PPO steps",
        "From where the policy stands, against the refitted reward model.",
        unit="steps",
        simple=True,
        ge=1,
        le=10_000,
    )
    batch_size: int = option(32, "PPO batch", "Answers sampled per step.", unit="episodes", simple=True, ge=2, le=65536)
    learning_rate: float = option(
        1.1e-4, "Policy learning rate", "Without warm-up, since there are few steps.", simple=True, gt=0, le=1
    )
    focus: float = option(
        0.5,
        "Share of ranked prompts",
        "So many of the prompts that PPO answers are those whose answers were just ranked; the others are the "
        "project's prompts for PPO. 0 takes these as they are.",
        ge=0,
        le=0.9,
    )
    prompts: int = option(
        8, "Prompts shown", "Those ranked last come first, then probes.", unit="prompts", simple=True, ge=1, le=64
    )
    answers: int = option(
        4,
        "Answers to each",
        "Before and after with the same random numbers; the first is shown, the scores are means of all.",
        unit="answers",
        ge=1,
        le=64,
    )
    seed: int = option(0, "Seed", "Fixes the answers before and after, and which old rankings are replayed.", ge=0)
