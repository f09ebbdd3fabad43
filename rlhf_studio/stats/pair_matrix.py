"""What a reward model thinks of every pair of K answers, and what an order of them would cost.

Axes: K answers in the order in which they are shown; row i, column j.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OrderCost:
    """An order of answers as a reward model sees it.

    Attributes:
        loss: Nats: mean of -log sigmoid(r(better) - r(worse)) over the pairs; 0 without any.
        pairs: That the order ranks apart; ties make none.
        disagreed: Pairs (better, worse) whose worse answer scores higher; equal scores side with nobody.
        losses: Nats of each pair (better, worse).
    """

    loss: float
    pairs: int
    disagreed: frozenset[tuple[int, int]]
    losses: dict[tuple[int, int], float]


def preferred(scores: Sequence[float]) -> Floats:
    """(K, K) probability sigmoid(r(i) - r(j)) that answer i is preferred to answer j; the diagonal is one half.

    Args:
        scores: (K,) rewards, nats.

    Source: Ouyang et al. 2022, arXiv:2203.02155, section 3.5 (Bradley-Terry).
    """
    margins = np.subtract.outer(np.asarray(scores, float), np.asarray(scores, float))
    # of the sign that cannot overflow
    small = np.exp(-np.abs(margins))
    probabilities: Floats = np.where(margins >= 0, 1 / (1 + small), small / (1 + small))
    return probabilities


def pair_loss(margin: float) -> float:
    """-log sigmoid(margin) in nats, whatever the size of the margin."""
    return max(0.0, -margin) + math.log1p(math.exp(-abs(margin)))


def order_cost(
    scores: Sequence[float], tiers: Sequence[Sequence[int]], tie_divisor: Literal["pairs", "all"] = "pairs"
) -> OrderCost:
    """What the reward model's training would count for this order of these answers.

    Args:
        scores: (K,) rewards.
        tiers: Places of the answers, counted from 0, best first; answers of one tier are tied. Some may be missing.
        tie_divisor: "pairs" divides by the pairs that are ranked apart, "all" by C(K,2) of the answers that have a
            tier, as the setting of the reward stage; without ties both are the paper's C(K,2).

    Source: Ouyang et al. 2022, arXiv:2203.02155, equation 1; the same sum as ``rl.ranking.ranking_loss``.
    """
    losses = {
        (better, worse): pair_loss(scores[better] - scores[worse])
        for place, tier in enumerate(tiers)
        for better in tier
        for lower in tiers[place + 1 :]
        for worse in lower
    }
    placed = sum(len(tier) for tier in tiers)
    divisor = placed * (placed - 1) // 2 if tie_divisor == "all" else len(losses)
    disagreed = frozenset(pair for pair in losses if scores[pair[0]] < scores[pair[1]])
    return OrderCost(sum(losses.values()) / max(1, divisor), len(losses), disagreed, losses)
