"""Supervised fine-tuning on demonstrations (InstructGPT, appendix C.1 and C.3)."""

from typing import Literal

from rlhf_studio.settings.base import NO_UNIT, TrainSettings, option


class SftSettings(TrainSettings):
    """The first stage: the model learns to answer as the demonstrations do."""

    epochs: int = option(
        3,
        "Epochs",
        "Passes over the demonstrations. The held-out loss may rise after the first, yet answers go on improving; a "
        "few hundred demonstrations want more passes than a few thousand.",
        unit="passes",
        paper="16 (C.1)",
        simple=True,
        ge=1,
        le=1000,
    )
    learning_rate: float = option(
        5e-4,
        "Learning rate",
        "Peak of the cosine. Small models want large rates; twice as much cost the bundled tiny some of its facts.",
        paper="9.65e-6 for 1.3B and 6B (C.1)",
        simple=True,
        gt=0,
        le=1,
        unit=NO_UNIT,
    )
    batch_size: int = option(
        32, "Batch", "Demonstrations per update.", unit="demonstrations", paper="32 (C.1)", simple=True, ge=1, le=4096
    )
    dropout: float = option(
        0.0,
        "Residual dropout",
        "Share of the residual branches' outputs that is dropped, in this stage only. A small model that sees "
        "thousands of demonstrations a few times has none to spare.",
        paper="0.2 (C.1)",
        simple=True,
        ge=0,
        lt=1,
        unit=NO_UNIT,
    )
    choose_by: Literal["score", "loss", "last"] = option(
        "score",
        "Model kept",
        "Of the epochs, the one whose answers to held-out prompts the reward model scores best, the one with the "
        "lowest held-out loss, or the last. Without a reward model, as before a project's first, score keeps the last.",
        paper="by the reward model's score on the validation set (C.1)",
        simple=True,
    )
    final_rate: float = option(
        0.1, "Final rate", "The cosine ends at this share of the peak.", paper="0.1 (C.1)", ge=0, le=1, unit=NO_UNIT
    )
    packing: bool = option(
        True,
        "Packing",
        "Put several examples into one row, each seeing only itself. The loss is the same; less padding is computed.",
        ours="Ours: it changes the speed, not the loss.",
    )
    max_length: int = option(
        0,
        "Longest example",
        "Prompt and answer together; longer ones are left out and said. 0 is the model's context.",
        unit="tokens",
        paper="2048, prompts of at most 1024 (C)",
        ge=0,
    )
    pretraining_share: float = option(
        0.0,
        "Pretraining mix",
        "Pretraining documents beside the demonstrations, as a share of the batch. The RL start has its own stage.",
        paper="0 for SFT (C.1), 0.1 for the RL start (C.3)",
        simple=True,
        ge=0,
        lt=1,
        unit=NO_UNIT,
    )
