"""The model that PPO starts from, where that is not the SFT model (InstructGPT, appendix C.3)."""

from typing import Literal

from rlhf_studio.settings.base import option
from rlhf_studio.settings.sft import SftSettings


class RlStartSettings(SftSettings):
    """A short SFT of the base model with pretraining text mixed in: PPO's start and what its KL is measured from."""

    epochs: int = option(
        2,
        "Epochs",
        "Passes over the demonstrations, fewer than SFT's: PPO wants a start that can still change.",
        unit="passes",
        paper="2 (C.3)",
        simple=True,
        ge=1,
        le=1000,
    )
    learning_rate: float = option(
        5e-4,
        "Learning rate",
        "Peak of the cosine. Ours is that of SFT.",
        paper="5e-6 for 1.3B, 1.04e-5 for 6B (C.3)",
        simple=True,
        gt=0,
        le=1,
    )
    batch_size: int = option(
        32, "Batch", "Demonstrations per update.", unit="demonstrations", paper="32 (C.3)", simple=True, ge=1, le=4096
    )
    dropout: float = option(
        0.0,
        "Residual dropout",
        "Share of the residual branches' outputs that is dropped, in this stage only.",
        simple=True,
        ge=0,
        lt=1,
    )
    choose_by: Literal["score", "loss", "last"] = option(
        "last",
        "Model kept",
        "Of the epochs, the last, the one with the lowest held-out loss, or the one whose answers to held-out prompts "
        "the reward model scores best.",
    )
    final_rate: float = option(
        0.1, "Final rate", "The cosine ends at this share of the peak.", paper="0.1 (C.3)", ge=0, le=1
    )
    pretraining_share: float = option(
        0.1,
        "Pretraining mix",
        "Pretraining documents beside the demonstrations, as a share of the batch.",
        paper="0.1; 0 and 0.5 were tried (C.3, E.8)",
        simple=True,
        ge=0,
        lt=1,
    )
