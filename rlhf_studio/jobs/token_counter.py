"""How long a text is for a model, for rooms that may not know tokenizers."""

from rlhf_studio.lm.counting import TokenCounter

__all__ = ["TokenCounter"]
