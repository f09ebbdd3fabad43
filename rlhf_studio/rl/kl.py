"""Estimators of KL(policy || reference) in nats, and the exact one.

k1, k2 and k3 take the log-probabilities of tokens that the policy sampled. Schulman's r is reference / policy.

Source: Schulman 2020, "Approximating KL divergence" (joschu.net/blog/kl-approx.html).
"""

import torch
from torch import Tensor

from rlhf_studio.rl.masking import full_precision


def k1(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """-log r, unbiased and signed: single tokens may be negative. What InstructGPT's reward takes off (equation 2)."""
    return full_precision(logprobs) - full_precision(ref_logprobs)


def k2(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """(log r)^2 / 2: never negative, biased."""
    return 0.5 * k1(logprobs, ref_logprobs).square()


def k3(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """(r - 1) - log r: never negative and unbiased, for plots."""
    log_ratio = -k1(logprobs, ref_logprobs)
    return torch.expm1(log_ratio) - log_ratio


def full_kl(logits: Tensor, ref_logits: Tensor) -> Tensor:
    """(B, T) exact KL over the vocabulary from logits (B, T, V); infinite where only the reference excludes a token."""
    logprobs = torch.log_softmax(full_precision(logits), dim=-1)
    ref_logprobs = torch.log_softmax(full_precision(ref_logits), dim=-1)
    probabilities = logprobs.exp()
    difference = (logprobs - ref_logprobs).masked_fill(probabilities == 0, 0.0)  # 0 log 0 is 0
    return (probabilities * difference).sum(dim=-1)
