"""What PPO would reach with endless data: a closed form to measure a run by."""

import torch
from torch import Tensor

from rlhf_studio.rl.masking import full_precision


def kl_regularised_optimum(rewards: Tensor, reference: Tensor, kl_coef: float) -> Tensor:
    """(V,) the policy that maximises expected reward minus ``kl_coef`` times KL(policy || reference).

    It is reference * exp(reward / beta), normalised; what it reaches is beta * log of that sum.

    Args:
        rewards: (V,) of each possible answer.
        reference: (V,) probabilities; an answer that is impossible there stays so.
        kl_coef: beta, reward per nat.

    Raises:
        ValueError: If beta is not above 0: the best answer alone would get all probability.

    Source: Ziegler et al. 2019, arXiv:1909.08593, section 2; Rafailov et al. 2023, arXiv:2305.18290, equation 4.
    """
    if not kl_coef > 0:
        raise ValueError(f"kl_coef must be above 0, not {kl_coef}")
    return torch.softmax(full_precision(reference).log() + full_precision(rewards) / kl_coef, dim=0)
