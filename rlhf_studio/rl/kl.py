"""Estimators of KL(policy || reference) from tokens that the policy sampled; nats.

Source: Schulman 2020, "Approximating KL divergence" (joschu.net/blog/kl-approx.html).
"""

import torch
from torch import Tensor


def k1(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Unbiased and signed: single tokens may be negative. What InstructGPT's reward takes off (equation 2)."""
    return logprobs - ref_logprobs


def k2(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Half the squared log-ratio: never negative, biased."""
    return 0.5 * (logprobs - ref_logprobs).square()


def k3(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Never negative and unbiased: for plots."""
    log_ratio = ref_logprobs - logprobs
    return torch.expm1(log_ratio) - log_ratio


def full_kl(logits: Tensor, ref_logits: Tensor) -> Tensor:
    """(B, T) exact KL over the vocabulary from logits (B, T, V)."""
    logprobs = torch.log_softmax(logits.float(), dim=-1)
    ref_logprobs = torch.log_softmax(ref_logits.float(), dim=-1)
    return (logprobs.exp() * (logprobs - ref_logprobs)).sum(dim=-1)
