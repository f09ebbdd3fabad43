"""Objectives to minimise, as pure functions. Axes: B rows, T positions.

``count`` is the number of masked tokens of the whole minibatch: with it the losses, figures and gradients of
micro-batches add up to those of the minibatch. None counts the mask given.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from rlhf_studio.rl.masking import full_precision, masked_mean

_LOG_RATIO_LIMIT = 20.0  # e^20 is still a float; beyond it the clip has long decided


class PolicyLoss(NamedTuple):
    """The clipped surrogate and the statistics that explain it."""

    loss: Tensor  # () to minimise
    clip_fraction: Tensor  # () share of tokens whose ratio left the trust region
    approx_kl: Tensor  # () nats per token, k3 estimator of KL(old || new)
    ratio_mean: Tensor  # ()


class ValueLoss(NamedTuple):
    """The clipped regression of returns."""

    loss: Tensor  # () to minimise
    clip_fraction: Tensor  # () share of tokens where the clipped error was the larger


def ppo_policy_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    *,
    clip: float,
    count: Tensor | float | None = None,
) -> PolicyLoss:
    """Clipped surrogate objective of PPO, negated, as a mean over response tokens.

    Args:
        logprobs: (B, T) log pi(a|s) of the policy being optimised, in nats.
        old_logprobs: (B, T) the same under the policy that sampled; no gradient.
        advantages: (B, T) no gradient.
        mask: (B, T) bool, true on response tokens.
        clip: Half-width of the trust region on the ratio, e.g. 0.2.
        count: Response tokens of the whole minibatch.

    Source: Schulman et al. 2017, arXiv:1707.06347, equation 7.
    """
    log_ratio = (full_precision(logprobs) - full_precision(old_logprobs)).masked_fill(~mask, 0.0)
    log_ratio = log_ratio.clamp(-_LOG_RATIO_LIMIT, _LOG_RATIO_LIMIT)
    advantages = full_precision(advantages).masked_fill(~mask, 0.0)
    ratio = log_ratio.exp()
    surrogate = torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
    with torch.no_grad():
        clip_fraction = masked_mean(((ratio - 1).abs() > clip).to(ratio.dtype), mask, count)
        approx_kl = masked_mean(ratio - 1 - log_ratio, mask, count)
        ratio_mean = masked_mean(ratio, mask, count)
    return PolicyLoss(-masked_mean(surrogate, mask, count), clip_fraction, approx_kl, ratio_mean)


def ppo_value_loss(
    values: Tensor,
    old_values: Tensor,
    returns: Tensor,
    mask: Tensor,
    *,
    clip: float,
    count: Tensor | float | None = None,
) -> ValueLoss:
    """Half the squared error of the value, the larger of plain and clipped, as a mean over response tokens.

    Args:
        values: (B, T) of the network being optimised.
        old_values: (B, T) when the answers were sampled; no gradient.
        returns: (B, T) targets; no gradient.
        mask: (B, T) bool, true on response tokens.
        clip: Half-width of the trust region around ``old_values``, in units of reward.
        count: Response tokens of the whole minibatch.

    Source: openai/lm-human-preferences, train_policy.py (loss); Schulman et al. 2017 for the idea.
    """
    values, old_values, returns = (full_precision(x).masked_fill(~mask, 0.0) for x in (values, old_values, returns))
    clipped = values.clamp(old_values - clip, old_values + clip)  # leaves a value inside exactly as it is
    error, clipped_error = (values - returns).square(), (clipped - returns).square()
    with torch.no_grad():
        clip_fraction = masked_mean((clipped_error > error).to(values.dtype), mask, count)
    return ValueLoss(0.5 * masked_mean(torch.maximum(error, clipped_error), mask, count), clip_fraction)


def ptx_loss(logprobs: Tensor, mask: Tensor, count: Tensor | float | None = None) -> Tensor:
    """Mean cross-entropy of text: scalar, nats per token.

    Args:
        logprobs: (B, T) log-probability of each next token.
        mask: (B, T) bool, true on the tokens to learn.
        count: Such tokens of the whole minibatch.

    Source: Ouyang et al. 2022, arXiv:2203.02155, equation 2, last term, negated; the paper does not state whether
    it sums or averages over tokens.
    """
    return -masked_mean(logprobs, mask, count)


sft_loss = ptx_loss  # the same cross-entropy, over answer tokens only (appendix C.1)
