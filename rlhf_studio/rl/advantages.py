"""Credit assignment over response tokens. Axes: B episodes, T response positions."""

from typing import NamedTuple

import torch
from torch import Tensor

from rlhf_studio.rl.masking import full_precision


class Advantages(NamedTuple):
    """Zero outside the mask."""

    advantages: Tensor  # (B, T)
    returns: Tensor  # (B, T) value targets: advantages, not whitened, plus values


def gae(rewards: Tensor, values: Tensor, mask: Tensor, *, gamma: float, lam: float) -> Advantages:
    """Generalised advantage estimates and the value targets that go with them.

    Args:
        rewards: (B, T) reward received on emitting token t.
        values: (B, T) value of the state before token t; the state after the last token is worth 0.
        mask: (B, T) bool, true on response tokens, which are contiguous.
        gamma: Discount per token.
        lam: GAE lambda; 1 gives Monte-Carlo returns minus the value.

    Source: Schulman et al. 2015, arXiv:1506.02438, equation 16.
    """
    values = full_precision(values).masked_fill(~mask, 0.0)  # so the state after the last token is worth 0
    rewards = full_precision(rewards).masked_fill(~mask, 0.0)
    advantage = torch.zeros_like(rewards[:, 0])  # (B,)
    next_value = torch.zeros_like(advantage)
    columns = []
    for t in range(rewards.shape[1] - 1, -1, -1):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        advantage = (delta + gamma * lam * advantage) * mask[:, t]
        next_value = values[:, t]
        columns.append(advantage)
    advantages = torch.stack(columns[::-1], dim=1)
    return Advantages(advantages, (advantages + values).masked_fill(~mask, 0.0))
