"""Making a small base model from text."""

from typing import Literal

from rlhf_studio.settings.base import NO_UNIT, NOT_IN_PAPER, TrainSettings, option


class PretrainSettings(TrainSettings):
    """Before the first stage: a small causal language model from text files."""

    hidden_size: int = option(128, "Width", "Size of the residual stream.", unit="features", ge=8, le=8192)
    layers: int = option(4, "Layers", "Transformer blocks.", unit="blocks", ge=1, le=128)
    heads: int = option(4, "Heads", "Attention heads; must divide the width.", unit="heads", ge=1, le=128)
    feed_forward: int = option(344, "Feed-forward width", "Inner width of the MLP.", unit="features", ge=8, le=65536)
    vocab_size: int = option(2048, "Vocabulary", "Size of the byte-level BPE.", unit="tokens", ge=300, le=200_000)
    context_length: int = option(256, "Context", "Longest sequence.", unit="tokens", ge=16, le=65536)
    tokens: int = option(
        20_000_000, "Training tokens", "Length of the run.", unit="tokens", paper="300B (GPT-3)", simple=True, ge=1
    )
    batch_tokens: int = option(4096, "Batch", "Tokens per update.", unit="tokens", simple=True, ge=16)
    optimizer: Literal["muon", "adamw"] = option(
        "muon",
        "Optimizer",
        "muon: Muon for the matrices and AdamW for embeddings and norms; better after the same time than AdamW alone.",
        paper=NOT_IN_PAPER,
    )
    matrix_rate: float = option(0.02, "Matrix learning rate", "Peak rate of Muon.", gt=0, le=1, unit=NO_UNIT)
    learning_rate: float = option(3e-3, "Learning rate", "Peak rate of AdamW.", simple=True, gt=0, le=1, unit=NO_UNIT)
    warmup_share: float = option(0.02, "Warm-up", "Share of the run in which the rates rise.", ge=0, lt=1, unit=NO_UNIT)
    decay_share: float = option(
        0.6, "Decay", "Share of the run, at its end, in which the rates fall.", ge=0, le=1, unit=NO_UNIT
    )
    final_rate: float = option(
        0.03, "Final rate", "The rates end at this share of their peak.", ge=0, le=1, unit=NO_UNIT
    )
    induction_start: bool = option(
        True,
        "Induction heads from the start",
        "A new model begins with hand-made heads that copy, as far as its size has room for them. Without them copying "
        "is found late or never, and looking things up after that (resources/docs/LOG.md).",
        paper=NOT_IN_PAPER,
    )
    induction_rate: float = option(
        3e-4,
        "Rate of the first attention layers",
        "Peak rate of AdamW for the attention of the first two blocks where induction heads were put in; larger steps "
        "wipe them out.",
        gt=0,
        le=1,
        unit=NO_UNIT,
    )
    drill_steps_share: float = option(
        0.05, "More drills first", "Share of the run, at its start, with more rows of drills.", ge=0, le=1, unit=NO_UNIT
    )
    repeat_share_first: float = option(
        0.4,
        "Repeats at first",
        "Share of rows made of repeated random words in that first part.",
        ge=0,
        le=1,
        unit=NO_UNIT,
    )
    repeat_share: float = option(
        0.08, "Repeats after", "Share of such rows in the rest of the run.", ge=0, le=1, unit=NO_UNIT
    )
    pairs_share_first: float = option(
        0.4,
        "Pairs at first",
        "Share of rows, in that first part, in which pairs of random words are stated and then asked: the bare form of "
        "looking up who has what.",
        ge=0,
        le=1,
        unit=NO_UNIT,
    )
    pairs_share: float = option(
        0.12, "Pairs after", "Share of such rows in the rest of the run.", ge=0, le=1, unit=NO_UNIT
    )
    weight_decay: float = option(
        0.1, "Weight decay", "Decoupled decay of the matrices between the embeddings.", ge=0, unit=NO_UNIT
    )
    adam_epsilon: float = option(
        1e-8, "Adam epsilon", "Damps steps of tiny gradients; rare tokens have those.", gt=0, unit=NO_UNIT
    )
    evaluate_every: int = option(250, "Evaluate every", "Updates between two held-out losses.", unit="steps", ge=1)
