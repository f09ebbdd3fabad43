"""The reward model's objective over whole rankings."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rlhf_studio.rl.masking import full_precision


class RankingLoss(NamedTuple):
    """Loss and accuracy over all pairs of some prompts."""

    loss: Tensor  # () nats, mean over prompts of the mean over their pairs; 0 without any pair
    accuracy: Tensor  # () share of pairs in the labeler's order; equal scores count half; 0 without any pair
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

    Every prompt weighs the same, however many answers it has. One whose answers are all tied has no pair: it adds 0
    to the sum and is not counted in the mean.

    Args:
        scores: (N,) one per answer, of any number of prompts.
        ranks: (N,) int64, 1 is best; equal ranks of a prompt are ties and make no pair.
        prompt_index: (N,) int64, which prompt an answer belongs to.
        tie_divisor: "pairs" divides a prompt's sum by its pairs that are not tied, "all" by C(K,2); the paper does
            not say which.
        prompts: Prompts with a pair in the whole minibatch, so that the losses of its micro-batches add up; None
            counts those here.

    Raises:
        ValueError: If the shapes differ.

    Source: Ouyang et al. 2022, arXiv:2203.02155, equation 1; its section 3.5 for one element per prompt.
    """
    if not scores.shape == ranks.shape == prompt_index.shape:
        shapes = ", ".join(str(tuple(x.shape)) for x in (scores, ranks, prompt_index))
        raise ValueError(f"scores, ranks and prompt_index differ in shape: {shapes}")
    scores = full_precision(scores)
    is_same = prompt_index[:, None] == prompt_index[None, :]  # (N, N)
    is_pair = is_same & (ranks[:, None] < ranks[None, :])  # row preferred to column
    margins = (scores[:, None] - scores[None, :]).masked_fill(~is_pair, 0.0)
    answers = is_same.sum(dim=1)  # (N,) K of each answer's prompt
    tied_too = answers * (answers - 1) // 2
    divisor = tied_too if tie_divisor == "all" else (is_same * is_pair.sum(dim=1)).sum(dim=1)
    losses = -F.logsigmoid(margins).masked_fill(~is_pair, 0.0)
    if prompts is None:
        prompts = len(prompt_index[is_pair.any(dim=1)].unique())
    loss = (losses.sum(dim=1) / divisor.clamp(min=1)).sum() / max(1, prompts)
    with torch.no_grad():
        pairs = is_pair.sum()
        right = (margins > 0).sum() + 0.5 * (is_pair & (margins == 0)).sum()
    return RankingLoss(loss, right / pairs.clamp(min=1), pairs)
