"""The reward model's objective over whole rankings."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class RankingLoss(NamedTuple):
    """Loss and accuracy over all pairs of some prompts."""

    loss: Tensor  # () nats, mean over prompts of the mean over their pairs
    accuracy: Tensor  # () share of pairs in the labeler's order; equal scores count half
    pairs: Tensor  # () number of pairs, ties left out


def ranking_loss(
    scores: Tensor,
    ranks: Tensor,
    prompt_index: Tensor,
    *,
    tie_divisor: Literal["pairs", "all"],
    prompts: int | None = None,
) -> RankingLoss:
    """Negative log-likelihood of the labeler's order, all C(K,2) pairs of a prompt being one element.

    Args:
        scores: (N,) one per answer, of any number of prompts.
        ranks: (N,) int64, 1 is best; equal ranks of a prompt are ties and make no pair.
        prompt_index: (N,) int64, which prompt an answer belongs to.
        tie_divisor: "pairs" divides a prompt's sum by its pairs that are not tied, "all" by C(K,2).
        prompts: Prompts of the whole minibatch; None counts those here that have a pair. A prompt without any
            pair adds 0 to the sum.

    Source: Ouyang et al. 2022, arXiv:2203.02155, equation 1.
    """
    is_same = prompt_index[:, None] == prompt_index[None, :]  # (N, N)
    is_pair = is_same & (ranks[:, None] < ranks[None, :])  # row preferred to column
    margins = scores[:, None] - scores[None, :]
    answers = is_same.sum(dim=1)  # (N,) K of each answer's prompt
    if tie_divisor == "all":
        divisor = answers * (answers - 1) / 2
    else:
        divisor = (is_same.to(scores.dtype) @ is_pair.sum(dim=1).to(scores.dtype)).clamp(min=1)
    losses = F.softplus(-margins.masked_fill(~is_pair, 0.0)).masked_fill(~is_pair, 0.0)  # -log sigmoid
    has_pair = (is_pair | is_pair.T).any(dim=1)
    count = len(prompt_index[has_pair].unique()) if prompts is None else prompts
    loss = (losses.sum(dim=1) / divisor).sum() / max(1, count)
    with torch.no_grad():
        pairs = is_pair.sum()
        right = (is_pair & (margins > 0)).sum() + 0.5 * (is_pair & (margins == 0)).sum()
        accuracy = right / pairs.clamp(min=1)
    return RankingLoss(loss, accuracy, pairs)
