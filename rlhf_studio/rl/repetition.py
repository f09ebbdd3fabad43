"""How much texts repeat themselves. Axes: B rows, T positions."""

import torch
from torch import Tensor


def repeated_pairs(tokens: Tensor, mask: Tensor) -> Tensor:
    """(B,) share of a row's pairs of neighbouring tokens that came earlier in it, 0 to 1; 0 without any pair.

    It is 1 minus distinct-2.

    Args:
        tokens: (B, T) int64.
        mask: (B, T) bool, true on the tokens of a text, which are contiguous.

    Source: Li et al. 2016, arXiv:1510.03055, section 5.1 (distinct-2).
    """
    is_pair = mask[:, 1:] & mask[:, :-1]
    pairs = tokens[:, :-1] * (tokens.amax() + 1) + tokens[:, 1:]  # (B, T-1) one number for each pair
    ordered = pairs.masked_fill(~is_pair, -1).sort(dim=1).values
    is_new = torch.ones_like(is_pair)
    is_new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    distinct = (is_new & (ordered >= 0)).sum(dim=1)
    return 1 - distinct / is_pair.sum(dim=1).clamp(min=1) - (is_pair.sum(dim=1) == 0).float()
