"""The reward model, trained on rankings (InstructGPT, section 3.5 and appendix C.2)."""

from typing import Literal

from rlhf_studio.settings.base import NO_UNIT, TrainSettings, option


class RewardSettings(TrainSettings):
    """The second stage: a scalar head learns which answers people prefer."""

    epochs: int = option(
        1,
        "Epochs",
        "Passes over the rankings; more overfit fast. With a hundred rankings two are better than one.",
        unit="passes",
        paper="1 (C.2)",
        simple=True,
        ge=1,
        le=100,
    )
    learning_rate: float = option(
        2e-3,
        "Learning rate",
        "Peak of the cosine. Tried on the bundled model from 5e-4 to 3e-3 (resources/docs/LOG.md).",
        paper="9e-6 (C.2)",
        simple=True,
        gt=0,
        le=1,
        unit=NO_UNIT,
    )
    batch_size: int = option(
        8,
        "Batch",
        "Prompts per update, each with all its K answers; single pairs where they are shuffled. The paper's 64 would "
        "leave a small project two updates.",
        unit="prompts",
        paper="64 (C.2)",
        simple=True,
        ge=1,
        le=1024,
    )
    final_rate: float = option(
        0.1, "Final rate", "The cosine ends at this share of the peak.", paper="0.1 (C.2)", ge=0, le=1, unit=NO_UNIT
    )
    max_rankings: int = option(
        0,
        "Most rankings",
        "Learns from so many rankings, drawn by the seed; 0 is all of them. With twenty the reward model knows little "
        "and is easily hacked.",
        unit="rankings",
        ge=0,
        ours="Ours, to try what few rankings do.",
    )
    pair_batches: Literal["prompt", "shuffled"] = option(
        "prompt",
        "Element of a batch",
        "'prompt' keeps all pairs of a prompt in one update. 'shuffled' makes each pair a data point of its own: an "
        "answer is then read and learned from K-1 times an epoch, which overfits, as the paper warns. It is there to "
        "see that (resources/docs/pairs.md).",
        paper="prompt (3.5)",
    )
    replay: int = option(
        4,
        "Replay",
        "Where the run goes on from a reward model that is there: old rankings, drawn by the seed, that are learned "
        "from beside each new one, so that the old ones are not forgotten.",
        unit="rankings per new one",
        paper="not in the paper: it trains afresh from SFT (3.5)",
        ours="A compromise between the time of a refit and what it forgets.",
        ge=0,
        le=1000,
    )
    tie_divisor: Literal["pairs", "all"] = option(
        "pairs",
        "Divisor with ties",
        "Ties make no pair. 'pairs' divides by the pairs that are left, 'all' by C(K,2).",
        paper="not stated (3.5)",
        ours="The mean over the pairs that there are.",
    )
    center: bool = option(
        True,
        "Centre on demonstrations",
        "After training a bias makes the demonstrations score 0 on average.",
        paper="yes (3.5)",
    )
    head_seed: int = option(
        0, "Seed of the head", "Fixes the random start of the scalar head.", ge=0, unit=NO_UNIT, ours="Any number does."
    )
