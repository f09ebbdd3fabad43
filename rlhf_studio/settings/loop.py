"""The loop: rankings in, and at once what they change (not in the paper, which trains each stage once)."""

from rlhf_studio.settings.base import NO_UNIT, StageSettings, option


class LoopSettings(StageSettings):
    """Refit the reward model, go on with PPO, and answer the same prompts again; all else is as in the runs before."""

    refit_epochs: int = option(
        8,
        "Refit passes",
        "Passes over the new rankings and the replayed ones, at most.",
        unit="passes",
        ge=1,
        le=100,
        ours="Tried on the bundled tiny among 17 sets of values (LOG.md, tests/bench/loop_defaults.py).",
    )
    refit_updates: int = option(
        24,
        "Refit updates",
        "Fewer passes are made where they would take more updates than this, but one in any case: so many rankings at "
        "once do not take the longer for it.",
        unit="updates",
        ge=1,
        le=100_000,
        ours="The same measurement.",
    )
    refit_rate: float = option(
        5e-4,
        "Refit learning rate",
        "Peak of the reward model's cosine while it is refitted.",
        simple=True,
        gt=0,
        le=1,
        ours="The same measurement.",
        unit=NO_UNIT,
    )
    replay: int = option(
        1,
        "Replay",
        "Old rankings, drawn by the seed, that are learned from beside each new one, so that they are not forgotten.",
        unit="rankings per new one",
        simple=True,
        ge=0,
        le=1000,
        ours="The same measurement.",
    )
    ppo_steps: int = option(
        8,
        "PPO steps",
        "From where the policy stands, against the refitted reward model.",
        unit="steps",
        simple=True,
        ge=1,
        le=10_000,
        ours="As many as fit into a minute beside the rest, tried on the bundled tiny (LOG.md).",
    )
    batch_size: int = option(
        32,
        "PPO batch",
        "Answers sampled per step.",
        unit="episodes",
        simple=True,
        ge=2,
        le=65536,
        ours="The same.",
    )
    learning_rate: float = option(
        1.1e-4,
        "Policy learning rate",
        "Without warm-up, since there are few steps.",
        simple=True,
        gt=0,
        le=1,
        ours="PPO's own default; tried on the bundled tiny (LOG.md).",
        unit=NO_UNIT,
    )
    focus: float = option(
        0.5,
        "Share of ranked prompts",
        "So many of the prompts that PPO answers are those whose answers were just ranked; the others are the "
        "project's prompts for PPO. 0 takes these as they are.",
        ge=0,
        le=0.9,
        ours="Tried on the bundled tiny: without it what was ranked hardly changed (LOG.md).",
        unit=NO_UNIT,
    )
    prompts: int = option(
        8,
        "Prompts shown",
        "Those ranked last come first, then probes.",
        unit="prompts",
        simple=True,
        ge=1,
        le=64,
        ours="As many as can be read in a minute.",
    )
    answers: int = option(
        4,
        "Answers to each",
        "Before and after with the same random numbers; the first is shown, the scores are means of all.",
        unit="answers",
        ge=1,
        le=64,
        ours="Few, so that they are sampled in a second or two; one alone tells little.",
    )
    seed: int = option(
        0,
        "Seed",
        "Fixes the answers before and after, and which old rankings are replayed.",
        ge=0,
        ours="Any number does.",
        unit=NO_UNIT,
    )
