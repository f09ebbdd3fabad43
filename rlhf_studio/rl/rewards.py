"""What PPO maximises, token by token. Axes: B episodes, T response positions."""

import torch
from torch import Tensor

from rlhf_studio.rl.kl import k1


def token_rewards(scores: Tensor, logprobs: Tensor, ref_logprobs: Tensor, mask: Tensor, *, kl_coef: float) -> Tensor:
    """(B, T) the score on the last response token, minus ``kl_coef`` times k1 on each; zero outside ``mask``.

    The sum over an episode is its score minus ``kl_coef`` times its summed k1.

    Args:
        scores: (B,) of the reward model.
        logprobs: (B, T) of the policy that sampled, nats.
        ref_logprobs: (B, T) of the reference.
        mask: (B, T) bool, true on response tokens up to and including end-of-text.
        kl_coef: beta, reward per nat.

    Raises:
        ValueError: If an episode has no response token.

    Source: Ouyang et al. 2022, arXiv:2203.02155, equation 2; Ziegler et al. 2019 for its place on one token.
    """
    empty = (~mask.any(dim=1)).nonzero().flatten().tolist()
    if empty:
        raise ValueError(f"episodes {empty} have no response token, so their scores have no place")
    penalty = (kl_coef * k1(logprobs, ref_logprobs)).masked_fill(~mask, 0.0)
    columns = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, columns, -1).amax(dim=1)  # (B,)
    return torch.zeros_like(penalty).scatter(1, last[:, None], scores[:, None].to(penalty.dtype)) - penalty


def sequence_kl(logprobs: Tensor, ref_logprobs: Tensor, mask: Tensor) -> Tensor:
    """(B,) k1 summed over each response: nats per answer."""
    return k1(logprobs, ref_logprobs).masked_fill(~mask, 0.0).sum(dim=1)
