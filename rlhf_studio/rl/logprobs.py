"""Log-probabilities and entropy out of logits. Axes: B rows, T positions, V vocabulary."""

import torch
from torch import Tensor


def token_logprobs(logits: Tensor, tokens: Tensor, *, temperature: float = 1.0) -> Tensor:
    """(B, T) log-probability, in nats, of each token under the distribution it was drawn from.

    Args:
        logits: (B, T, V); ``logits[:, t]`` predicts ``tokens[:, t]``.
        tokens: (B, T) int64.
        temperature: Of the sampler; the same here and there, or ratios are not 1.
    """
    scaled = logits.float() / temperature if temperature != 1.0 else logits.float()
    chosen = scaled.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return chosen - scaled.logsumexp(dim=-1)  # no (B, T, V) result is kept


def entropy(logits: Tensor, *, temperature: float = 1.0) -> Tensor:
    """(B, T) entropy of each distribution in nats."""
    logprobs = torch.log_softmax(logits.float() / temperature, dim=-1)
    return -(logprobs.exp() * logprobs).sum(dim=-1)
